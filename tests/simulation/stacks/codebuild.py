"""CodeBuild, which builds the code of jobs from their source: late, without success, or lost."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from provisioner.errors import TemporaryError
from provisioner.jobs.unbuilt import Unbuilt, kind_of_build
from provisioner.stacks.builds import BuildReport
from provisioner.stacks.model import BuildStatus, StackRecord
from tests.simulation.faults import Broken, Crash
from tests.simulation.stacks.calls import Calls
from tests.simulation.timeline import Timeline

S = BuildStatus

REASON = "BUILD: exit status 1"
NO_REPOSITORY = "BUILD: the repository does not exist"
NO_RESULT = "The build succeeded, but has left no result"
"""Of an image that went with its repository."""
STOPPED = "STOPPED"
UNKNOWN = "CodeBuild no longer knows this build"
SECONDS = (5, 40, 300, 1200)


@dataclass(eq=False)
class Made:
    """A build, and what its job was when it was started."""

    id: str
    job_name: str
    digest: str
    token: str
    row: object
    status: BuildStatus = S.RUNNING
    ended_at: datetime | None = None
    reason: str | None = None
    is_known: bool = True
    is_unwanted: bool = False
    """We have asked for its end."""
    is_image: bool = False
    by_us: bool = False
    """We have stopped it."""


class CodeBuild:
    """The builds of all jobs, and what they have left in the bundle bucket."""

    def __init__(
        self,
        timeline: Timeline,
        chance: random.Random,
        calls: Calls,
        tell: Callable[[str], None],
        row_of: Callable[[str], object],
        record_of: Callable[[str], StackRecord | None],
    ) -> None:
        self._timeline = timeline
        self._chance = chance
        self._calls = calls
        self._tell = tell
        self._row_of = row_of
        self._record_of = record_of
        self.builds: dict[str, Made] = {}
        self.results: set[str] = set()
        self.room: int | None = None
        self.to_fail = 0
        self.to_die = 0
        self.has_repository: Callable[[str], bool] = lambda _: True
        self.retried: set[str] = set()
        """Jobs that a person has had tried again, as often as the message came."""

    # The port

    def start(self, wanted: Unbuilt, token: str) -> str:
        build_id = self._calls("builds.start", partial(self._start, wanted, token))
        if self.to_die > 0:
            self.to_die -= 1
            raise Crash(build_id)
        return build_id

    def find(self, build_id: str) -> BuildReport | None:
        return self._calls("builds.find", partial(self._find, build_id))

    def stop(self, build_id: str) -> None:
        if build_id in self.builds:
            self.builds[build_id].is_unwanted = True
        self._calls("builds.stop", partial(self._stop_ours, build_id))

    # The service

    def running(self, job_name: str | None = None) -> list[Made]:
        return [
            made
            for made in self.builds.values()
            if made.status is S.RUNNING and job_name in {None, made.job_name}
        ]

    def stop_by_hand(self, job_name: str) -> None:
        for made in self.running(job_name):
            self._end(made, S.FAILED, STOPPED)

    def forget(self, job_name: str) -> None:
        """Have CodeBuild not know the builds of a job any more, which leave nothing."""
        for made in self.running(job_name):
            made.is_known, made.status = False, S.FAILED

    def failures_of(self, digest: str) -> set[str]:
        """Return for what reasons the builds of a digest have failed."""
        of_it = [made for made in self.builds.values() if made.digest == digest]
        has_lost = any(made.is_image and made.status is S.SUCCEEDED for made in of_it)
        lost = {NO_RESULT} if has_lost and digest not in self.results else set()
        unknown = {UNKNOWN for made in of_it if not made.is_known}
        return lost | unknown | {made.reason for made in of_it if made.reason and not made.by_us}

    def empty(self, job_name: str) -> None:
        """Forget the images of a job, whose repository is gone."""
        of_job = [made for made in self.builds.values() if made.job_name == job_name]
        self.results -= {made.digest for made in of_job if made.is_image}

    def _start(self, wanted: Unbuilt, token: str) -> str:
        for made in self.builds.values():
            if made.token == token:
                return made.id
        if self.room is not None and len(self.running()) >= self.room:
            raise TemporaryError("Cannot have more builds in queue")
        name, digest = wanted.job.job_name, wanted.digest
        self._check_new(name, digest)
        build_id = f"jobs_{wanted.project}:{len(self.builds) + 1}"
        self._timeline.note("build", build_id, name, digest[:8])
        is_image = kind_of_build(wanted.job) == "image"
        made = Made(build_id, name, digest, token, self._row_of(name), is_image=is_image)
        self.builds[build_id] = made
        fails = self.to_fail > 0
        self.to_fail -= fails
        end = (S.FAILED, REASON) if fails else (S.SUCCEEDED, None)
        self._timeline.after(self._chance.choice(SECONDS), partial(self._end, made, *end))
        return build_id

    def _check_new(self, job_name: str, digest: str) -> None:
        """Check that nothing is built twice, unless a person asks or it was something else."""
        of_job = [made for made in self.builds.values() if made.job_name == job_name]
        if not of_job:
            return
        same = [made for made in of_job if made.digest == digest]
        if any(made.status is S.RUNNING for made in same):
            raise Broken(f"{digest} of {job_name} is being built already")
        if digest in self.results:
            raise Broken(f"{digest} of {job_name} was built already")
        last = of_job[-1]
        record = self._record_of(job_name)
        known = record.build.id if record and record.build else None
        left = [made.id for made in of_job if made.status is S.RUNNING and made.id == known]
        if any(not self.builds[build_id].is_unwanted for build_id in left):
            raise Broken(f"{left} of {job_name} go on, and nobody needs them")
        has_failed = last.status is S.FAILED and last.reason != NO_REPOSITORY
        is_again = last.digest == digest and has_failed and last.is_known and not last.by_us
        if is_again and last.row == self._row_of(job_name) and job_name not in self.retried:
            raise Broken(f"{digest} of {job_name} has failed, and is built again")

    def _find(self, build_id: str) -> BuildReport | None:
        made = self.builds.get(build_id)
        if made is None or not made.is_known:
            return None
        return BuildReport(made.status, None, made.ended_at, made.reason)

    def _stop_ours(self, build_id: str) -> None:
        made = self.builds.get(build_id)
        if made is not None and made.status is S.RUNNING:
            made.by_us = True
            self._end(made, S.FAILED, STOPPED)

    def _end(self, made: Made, status: BuildStatus, reason: str | None) -> None:
        if made.status is not S.RUNNING:
            return
        if status is S.SUCCEEDED and made.is_image and not self.has_repository(made.job_name):
            status, reason = S.FAILED, NO_REPOSITORY
        made.status, made.reason, made.ended_at = status, reason, self._timeline.now
        self._timeline.note("build", made.id, status, reason or "")
        if status is S.SUCCEEDED:
            self.results.add(made.digest)
        self._tell(made.job_name)
