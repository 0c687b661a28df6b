"""Pushing source: upload it, follow its build, and wait for the job that runs what was built."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.cli import logs, progress, source_files, watching
from provisioner.cli.display import hint, say
from provisioner.cli.exits import ExitCode
from provisioner.service import builds, following

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from provisioner.service.builds import BuildAttempt, Pushed, PushedBuild
    from provisioner.service.context import Service
    from provisioner.service.logs import LogEvent
    from provisioner.service.progress import Progress

HELD_BACK = 'its newer source is built and deployed after "provisioner unpin {job}".'

_NAMED = 5
"""Files that look like secrets, of which a hint says the names."""


def upload(
    service: Service, job: str, folder: Path, include: Iterable[str], exclude: Iterable[str]
) -> Pushed:
    """Upload a folder as the source of a job, and say what was left out."""
    target = builds.source_of(builds.buildable(service, job))
    source = source_files.of(folder, include, exclude)
    if source.secrets:
        more = ", …" if len(source.secrets) > _NAMED else ""
        hint(
            f"Left out because they look like secrets: {', '.join(source.secrets[:_NAMED])}{more}. "
            "To push one, name it with --include."
        )
    return builds.push(service, job, target, source.files)


def follow(service: Service, job: str, pushed: Pushed, timeout_seconds: float) -> ExitCode:
    """Print the build's log as it comes, wait for the job, and return what to exit with."""
    watch = _Watch(service, builds.build_of_push(service, job, str(pushed.bundle.version_id)))
    goes_on = f'{job} is not ready yet; follow it with "provisioner builds {job} --follow"'
    found = progress.wait(watch.progress, timeout_seconds, goes_on, live=False)[job]
    if watch.build is not None and watch.build.log_stream:
        with suppress(BrokenPipeError):
            watching.print_late(watch.new_lines)
    return _outcome(service, job, found, watch.build)


def _outcome(service: Service, job: str, found: Progress, build: BuildAttempt | None) -> ExitCode:
    if found.status == builds.OVERTAKEN:
        hint(f"{job} was pushed again, or its row was changed; that is deployed instead.")
        return ExitCode.OVERTAKEN
    if found.status == builds.PINNED:
        hint(f"{job} is pinned: {HELD_BACK.format(job=job)}")
    if found.succeeded:
        return ExitCode.OK
    if build is not None and build.reason:
        say(build.reason)
    else:
        for line in following.reasons(service, job):
            say(line)
    return ExitCode.ERROR


@dataclass(slots=True)
class _Watch:
    """One push, from its upload to its deployment."""

    service: Service
    push: PushedBuild
    build: BuildAttempt | None = None
    _cursor: str | None = None

    def progress(self) -> dict[str, Progress]:
        """Return how far it has come, and print what its build has printed."""
        build, found = builds.progress(self.service, self.push)
        if build is not None:
            self.build = build
            for event in self.new_lines():
                logs.show(event)
        return {self.push.job_name: found}

    def new_lines(self) -> Iterator[LogEvent]:
        """Yield the lines that were not there before."""
        if self.build is None:
            return
        while True:
            page = builds.log_page(self.service, self.build, cursor=self._cursor)
            self._cursor = page.newer or self._cursor
            yield from page.events
            if not page.events or page.newer is None:
                return
