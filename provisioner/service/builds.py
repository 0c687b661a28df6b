"""Builds of a job's code: what became of them, what they printed, and building again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from provisioner.aws import logs
from provisioner.aws.archives import File
from provisioner.aws.bundles import BundleBucket, Pushed
from provisioner.errors import (
    InvalidCursorError,
    NotFoundError,
    PermanentError,
)
from provisioner.jobs import InvalidRow, S3Object
from provisioner.jobs.git_source import GitSource
from provisioner.jobs.unbuilt import Unbuilt, build_digest, log_group
from provisioner.runs.model import iso
from provisioner.service.audit import recorded
from provisioner.service.following import expect
from provisioner.service.log_page import LogPage
from provisioner.service.progress import Progress
from provisioner.service.rights import Action
from provisioner.stacks.model import BuildAttempt, BuildStatus, JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from provisioner.aws.logs import StreamPage
    from provisioner.jobs import Job
    from provisioner.service.context import Service
    from provisioner.stacks.model import StackRecord

__all__ = [
    "BuildAttempt",
    "BuildStatus",
    "LogPage",
    "Pushed",
    "PushedBuild",
    "build_again",
    "build_of_push",
    "buildable",
    "document",
    "find",
    "list_builds",
    "log_page",
    "of_record",
    "progress",
    "push",
    "source_of",
]

_ENDED = frozenset({BuildStatus.SUCCEEDED, BuildStatus.FAILED})
PINNED = "PINNED"
"""How far a push has come to a job that stays at the version which its row pins."""
OVERTAKEN = "OVERTAKEN"
"""How far a push has come whose source is no longer the newest."""


def list_builds(service: Service, job_name: str) -> Sequence[BuildAttempt]:
    """Return the last builds of a job, newest first.

    Raises
    ------
    NotFoundError
        If there is no such job.
    """
    record = service.record(job_name)
    if record is None:
        service.existing_row(job_name)
        return ()
    return of_record(record)


def of_record(record: StackRecord | None) -> Sequence[BuildAttempt]:
    """Return the builds that a Stacks row has, newest first."""
    if record is None:
        return ()
    return (*((record.build,) if record.build else ()), *record.former_builds)


def find(service: Service, job_name: str, build_id: str = "") -> BuildAttempt:
    """Return one build by its id or the beginning of it, or the last one.

    Raises
    ------
    NotFoundError
        If there is no such job or build.
    """
    listed = list_builds(service, job_name)
    for build in listed:
        if (build.log_stream or "").startswith(build_id):
            return build
    kept = "is not among its last builds" if listed else "has never been built"
    message = f"{build_id or job_name} {kept}"
    raise NotFoundError(message)


def document(build: BuildAttempt) -> dict[str, object]:
    """Return a build as it is shown; times are in ISO 8601, UTC."""
    return {
        "id": build.log_stream,
        "status": build.status.value,
        "source_version": build.source_version,
        "started_at": iso(build.started_at) if build.started_at else None,
        "ended_at": iso(build.ended_at) if build.ended_at else None,
        "seconds": build.seconds,
        "reason": build.reason,
        "log_url": build.log_url,
    }


def log_page(
    service: Service,
    build: BuildAttempt,
    *,
    cursor: str | None = None,
    newest_first: bool = False,
    limit: int = 1000,
) -> LogPage:
    """Return a page of what a build has printed.

    Parameters
    ----------
    cursor
        Of another page: its `older` or `newer`.
    newest_first
        Whether the first page, which has no cursor, is the end of the log or its beginning.

    Raises
    ------
    InvalidRequestError
        If the cursor is not one that a page had.
    """
    ended = build.status in _ENDED
    if build.log_stream is None:
        return LogPage((), None, None if ended else cursor or "s")
    kind, token = (cursor or "")[:1], (cursor or "")[1:] or None
    if kind not in {"", "b", "s"}:
        raise InvalidCursorError
    try:
        found = _lines(service, build.log_stream, limit, token=token, at_end=newest_first)
    except NotFoundError:  # it has printed nothing yet
        return LogPage((), None, None if ended else cursor or "s")
    first = found.backward == token or (not kind and not newest_first)
    last = ended and (found.forward == token or (not kind and newest_first))
    return LogPage(
        found.events,
        None if first else f"b{found.backward}",
        None if last else f"s{found.forward}",
    )


def log_around(service: Service, build: BuildAttempt, at_ms: int, *, limit: int) -> LogPage:
    """Return a page of what a build has printed before and after a time, epoch milliseconds."""
    if build.log_stream is None:
        return log_page(service, build)
    half = limit // 2
    try:
        before = _lines(service, build.log_stream, half, until_ms=at_ms, at_end=True)
        if not before.events:
            return log_page(service, build, limit=limit)
        after = _lines(service, build.log_stream, limit - half, token=before.forward)
    except NotFoundError:
        return log_page(service, build)
    events = (*before.events, *after.events)
    return LogPage(events, f"b{before.backward}", f"s{after.forward}")


def _lines(
    service: Service,
    stream: str,
    limit: int,
    *,
    until_ms: int | None = None,
    token: str | None = None,
    at_end: bool = False,
) -> StreamPage:
    if until_ms is None:
        until_ms = int(service.clock().timestamp() * 1000) + 60_000
    return logs.stream_page(
        service.clients,
        log_group(service.outputs["Prefix"]),
        stream,
        limit=limit,
        between_ms=(0, until_ms),
        token=token,
        at_end=at_end,
    )


def build_again(service: Service, job_name: str) -> None:
    """Queue a job for a reconcile that builds its code although that has failed before.

    Raises
    ------
    NotFoundError
        If there is no such job.
    PermanentError
        If its row has no build.
    """
    job = buildable(service, job_name)
    with recorded(service, Action.START_BUILD, job.job_name):
        service.reconcile_queue.send(job.job_name, retry=True)


@dataclass(frozen=True, slots=True)
class PushedBuild:
    """The build that belongs to a version of a job's source that was just pushed."""

    job_name: str
    digest: str


def build_of_push(service: Service, job_name: str, version: str) -> PushedBuild:
    """Return the build of a version of the source of a job, as its row is now."""
    return PushedBuild(job_name, build_digest(buildable(service, job_name), version))


def progress(service: Service, push: PushedBuild) -> tuple[BuildAttempt | None, Progress]:
    """Return the build of what was pushed, once there is one, and how far the job has come."""
    record = service.record(push.job_name)
    build = record.build if record else None
    if build is None or build.digest != push.digest:
        build = None
    if build is None or build.status is BuildStatus.SUCCEEDED:
        return build, _deployed(service, push)
    if build.status is BuildStatus.FAILED:
        return build, Progress(build.status, done=True)
    return build, Progress(build.status)


def _deployed(service: Service, push: PushedBuild) -> Progress:
    """Return how far the job has come with the result of its build, if there is one."""
    job = buildable(service, push.job_name)
    if build_digest(job, _newest(service, job)) != push.digest:
        return Progress(OVERTAKEN, done=True)
    if job.pin:
        return Progress(PINNED, done=True, succeeded=True)
    if job.paused:
        return Progress(JobStatus.PAUSED, done=True, succeeded=True)
    if isinstance(service.artifacts.pin(job), Unbuilt):
        return Progress(JobStatus.PENDING)
    return expect(service, job, None, changed=False).progress(service.record(push.job_name))


def _newest(service: Service, job: Job) -> str | None:
    """Return the version of the source that is the newest now."""
    source = source_of(job)
    return BundleBucket(service.clients, source.bucket).newest(source.key)


def buildable(service: Service, job_name: str) -> Job:
    """Return a job with a build in its row.

    Raises
    ------
    NotFoundError
        If there is no such job.
    PermanentError
        If its row is not valid, or has no build.
    """
    job = service.job(service.existing_row(job_name))
    if isinstance(job, InvalidRow):
        first = job.errors[0]
        message = f"the row of {job_name} is not valid: {first.field} {first.message}"
        raise PermanentError(message)
    if not job.build:
        message = (
            f"{job_name} is not built from source: give its row a build, like "
            '{"build": {"source": "s3://bucket/folder/source.zip"}}'
        )
        raise PermanentError(message)
    return job


class SourceFile(NamedTuple):
    """A file on this machine, and its name in the source."""

    path: Path
    name: str


def source_of(job: Job) -> S3Object:
    """Return where a job's source goes: the object in S3 that its row is built from.

    Raises
    ------
    PermanentError
        If it names one version of its source, or a Git repository.
    """
    assert job.build is not None  # noqa: S101  (only jobs with one come here)
    source = job.build.source
    if isinstance(source, GitSource):
        message = (
            f"the row of {job.job_name} names a Git repository: push there, and build the commit "
            f'with "provisioner build {job.job_name} --commit SHA"'
        )
        raise PermanentError(message)
    if source.version_id:
        message = (
            f"the row of {job.job_name} names one version of its source; without the versionId "
            "it is built from what is pushed"
        )
        raise PermanentError(message)
    return source


def push(service: Service, job_name: str, source: S3Object, files: Iterable[SourceFile]) -> Pushed:
    """Upload files as the source, unless these very files are there already.

    Raises
    ------
    PermanentError
        If the bucket keeps no versions: then nothing says which source was built.
    """
    bucket = BundleBucket(service.clients, source.bucket)
    with recorded(service, Action.PUSH_SOURCE, job_name):
        pushed = bucket.push_files(source.key, [File.at(*file) for file in files])
    if pushed.bundle.version_id in {None, "null"}:
        message = f"bucket {source.bucket} keeps no versions: turn on its versioning"
        raise PermanentError(message)
    service.reconcile_queue.send(job_name)  # the object's own event may come late, or never
    return pushed
