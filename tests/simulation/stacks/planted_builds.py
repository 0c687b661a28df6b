"""Bugs that builds may have, each planted in what the functions are handed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count

from provisioner.jobs import InvalidRow, Job
from provisioner.jobs.unbuilt import Unbuilt, image_tag
from provisioner.stacks.builds import BuildReport
from provisioner.stacks.model import BuildStatus, StackRecord
from provisioner.stacks.ports import Ports
from tests.simulation.stacks.bug import Bug
from tests.simulation.stacks.builds import PushSource, WriteImageSource
from tests.simulation.stacks.planting import Like, ports_with
from tests.simulation.stacks.wiring import LookedUp

_NUMBERS = count(1)


class OneTokenEach(Like):
    """CodeBuild, asked with another token each time."""

    def start(self, wanted: Unbuilt, token: str) -> str:
        return str(self.port.start(wanted, f"{token}-{next(_NUMBERS)}"))


class NeverEnding(Like):
    """CodeBuild, of which a failed build is not heard."""

    def find(self, build_id: str) -> BuildReport | None:
        found: BuildReport | None = self.port.find(build_id)
        return found and replace(found, status=BuildStatus.RUNNING)


class NeverStopping(Like):
    """CodeBuild, in which every build goes on to its end."""

    def stop(self, build_id: str) -> None:
        """Stop nothing."""


class ForgettingFailures(Like):
    """The Stacks table, in which nobody knows afterwards that a build has failed."""

    def save(self, fresh: StackRecord) -> None:
        failed = fresh.build is not None and fresh.build.status is BuildStatus.FAILED
        self.port.save(replace(fresh, build=None) if failed else fresh)


def _any_result(ports: Ports) -> Ports:
    """Have a job run what was built last, whatever source that was of."""
    last: dict[str, str] = {}

    def pin(job: Job) -> Job | InvalidRow | Unbuilt:
        found = ports.pin(job)
        if isinstance(found, Unbuilt) and job.job_name in last:
            return LookedUp().built(job, last[job.job_name], by_pin=False)
        if isinstance(found, Job) and found.built_as:
            last[job.job_name] = found.built_as
        return found

    return replace(ports, pin=pin)


def _images(change: Callable[[Job, str], Job]) -> Callable[[Ports], Ports]:
    """Have the image of a build, given by its digest, be pinned otherwise."""

    def planted(ports: Ports) -> Ports:
        def pin(job: Job) -> Job | InvalidRow | Unbuilt:
            found = ports.pin(job)
            if isinstance(found, InvalidRow | Unbuilt) or not (found.built_as and found.image):
                return found
            return change(found, found.built_as)

        return replace(ports, pin=pin)

    return planted


def _without_digest(job: Job, digest: str) -> Job:
    name, tag = str(job.image).partition("@")[0], image_tag(digest)
    return job.with_image(f"{name}:{tag}", tag=tag).with_build(digest)


def _moved(ports: Ports) -> Ports:
    """Take a tag for that of the image which the job's first build has made."""
    first: dict[str, str] = {}

    def moved(job: Job, digest: str) -> Job:
        image = first.setdefault(job.job_name, str(job.image))
        return job.with_image(image, tag=image_tag(digest)).with_build(digest)

    return _images(moved)(ports)


_BUGS_OF_IMAGES = {
    "runs_an_image_by_its_tag": Bug(ports=_images(_without_digest)),
    "a_tag_moves_to_another_image": Bug(ports=_moved),
    "takes_the_image_of_another_build": Bug(ports=_any_result),
}
_BUGS = {
    "builds_twice": Bug(ports=ports_with(builds=OneTokenEach)),
    "waits_for_ever_for_a_build": Bug(ports=ports_with(builds=NeverEnding)),
    "builds_what_nobody_needs": Bug(ports=ports_with(builds=NeverStopping)),
    "builds_again_and_again": Bug(ports=ports_with(stacks=ForgettingFailures)),
    "takes_any_build_for_the_newest": Bug(ports=_any_result),
}
BUGS = {
    **{name: replace(bug, having=PushSource) for name, bug in _BUGS.items()},
    **{name: replace(bug, having=WriteImageSource) for name, bug in _BUGS_OF_IMAGES.items()},
}
