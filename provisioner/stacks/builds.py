"""The build of a job's code beside its stack: whether to start one, and what came of it. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from provisioner.jobs.unbuilt import kind_of_build
from provisioner.stacks.model import (
    KEPT_BUILDS,
    BuildAttempt,
    BuildStatus,
    Failure,
    JobStatus,
    StackState,
)
from provisioner.stacks.stack_status import SETTLED, StackStatus

if TYPE_CHECKING:
    from provisioner.jobs import Job
    from provisioner.jobs.unbuilt import Unbuilt
    from provisioner.stacks.model import StackRecord

REPOSITORY_OUTPUT = "EcrRepositoryUri"
"""The output of a job's stack that its repository is there."""

NO_ROOM = timedelta(seconds=60)
"""Before a build is asked for again that CodeBuild had no room for."""

LOOK_AGAIN = timedelta(seconds=15)
"""A build may have put its result after that was looked for, and ended before it was asked for."""

MAX_REASON_CHARACTERS = 500

OVERTAKEN = "It was stopped because its result is no longer needed"


@dataclass(frozen=True, slots=True)
class BuildReport:
    """A build as CodeBuild describes it; `status` is RUNNING, SUCCEEDED or FAILED."""

    status: BuildStatus
    started_at: datetime | None = None
    ended_at: datetime | None = None
    reason: str | None = None
    log_url: str | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """Call StartBuild."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask CodeBuild what has become of a build."""

    id: str


@dataclass(frozen=True, slots=True)
class Rest:
    """There is nothing to do before an event or a message comes."""


BuildStep: TypeAlias = Start | Ask | Rest


def next_step(known: BuildAttempt | None, digest: str, now: datetime) -> BuildStep:
    """Say what to do for a digest of which there is no result."""
    # Another digest was built before, or the result of this one is gone again.
    if known is None or known.digest != digest or known.status is BuildStatus.SUCCEEDED:
        return Start()
    # Not before the row or its source changes, or a person asks for it.
    if known.status is BuildStatus.FAILED:
        return Rest()
    if known.status is BuildStatus.RUNNING and known.id:
        return Ask(known.id)
    # WAITING; the message was sent when its time was set.
    return Rest() if known.retry_at and known.retry_at > now else Start()


def started(wanted: Unbuilt, build_id: str, now: datetime) -> BuildAttempt:
    """Return the attempt that CodeBuild has accepted."""
    version = wanted.source.version_id
    return BuildAttempt(
        wanted.digest, BuildStatus.RUNNING, build_id, started_at=now, source_version=version
    )


def refused(digest: str, reason: str, retry_at: datetime) -> BuildAttempt:
    """Return the attempt that CodeBuild has no room for yet."""
    reason = reason[:MAX_REASON_CHARACTERS]
    return BuildAttempt(digest, BuildStatus.WAITING, reason=reason, retry_at=retry_at)


def reported(known: BuildAttempt, report: BuildReport | None, now: datetime) -> BuildAttempt:
    """Return the attempt after CodeBuild was asked, while there is no result.

    `report` is None for a build that CodeBuild does not know.
    """
    if report is None:
        return _failed(known, "CodeBuild no longer knows this build", now)
    known = replace(
        known,
        log_url=report.log_url or known.log_url,
        started_at=report.started_at or known.started_at,
    )
    match report.status:
        case BuildStatus.FAILED:
            reason = report.reason or "CodeBuild gives no reason"
            return _failed(known, reason, report.ended_at or now)
        case BuildStatus.SUCCEEDED:
            return _without_result(known, report.ended_at or now, now)
        case _:
            return known


def _without_result(known: BuildAttempt, ended_at: datetime, now: datetime) -> BuildAttempt:
    if known.retry_at is None:
        return replace(known, ended_at=ended_at, retry_at=now + LOOK_AGAIN)
    if known.retry_at > now:
        return known
    return _failed(known, "The build succeeded, but has left no result", now)


def found(record: StackRecord, job: Job) -> StackRecord:
    """Return the record of a job whose code is there: of its build, if it is built."""
    if job.build is None:
        return replace(record, build=None)
    digest, known = job.built_as, record.build
    if digest is None:  # the row pins the result of whichever build
        return record
    if known is None or known.digest != digest:
        before = (each for each in record.former_builds if each.digest == digest)
        known = next(before, BuildAttempt(digest, BuildStatus.SUCCEEDED))
    known = replace(known, status=BuildStatus.SUCCEEDED, reason=None, retry_at=None)
    return record.with_build(known)


def is_overtaken(known: BuildAttempt | None, digest: str | None) -> bool:
    """Tell whether a build still runs, and another digest is wanted by now, or none."""
    if known is None or known.id is None or known.status is not BuildStatus.RUNNING:
        return False
    return known.digest != digest


def overtaken(record: StackRecord, now: datetime) -> StackRecord:
    """Return the record whose build was stopped: it is a former one, and no failure of the job."""
    if record.build is None:
        return record
    stopped = _failed(record.build, OVERTAKEN, now)
    former = (stopped, *record.former_builds)[: KEPT_BUILDS - 1]
    return replace(record, build=None, former_builds=former)


def forget_failure(record: StackRecord) -> StackRecord:
    """Return the record as if its build had not failed: a person asked for another attempt."""
    known = record.build
    if known is None or known.status in {BuildStatus.RUNNING, BuildStatus.SUCCEEDED}:
        return record
    former = (known, *record.former_builds) if known.id else record.former_builds
    return replace(record, build=None, former_builds=former[: KEPT_BUILDS - 1])


def token_of(record: StackRecord, digest: str) -> str:
    """Return the token of the next build: the same until another one is on the Stacks row.

    So a build is not started twice, although the function that started it ended before it could say
    so, and whatever else was written in the meantime.
    """
    known = (record.build, *record.former_builds)
    begun = [(each.started_at, each.log_stream) for each in known if each and each.started_at]
    last = max(begun)[1] if begun else "first"  # a former build may be the current one again
    return f"{digest[:40]}-{last}"


def failure_of(known: BuildAttempt) -> Failure | None:
    """Return why a job cannot have its code, None while that may still be built."""
    if known.status is not BuildStatus.FAILED or known.ended_at is None:
        return None
    return Failure(f"Its build failed: {known.reason}", at=known.ended_at)


def waiting_status(observed: StackState | None, record: StackRecord) -> JobStatus:
    """Return the status of a job while its code is built."""
    runs = observed is not None and (observed.outputs.keys() - {REPOSITORY_OUTPUT})
    return JobStatus.UPDATING if runs or record.deployments else JobStatus.CREATING


def may_build(job: Job, observed: StackState | None) -> bool:
    """Tell whether a build has somewhere to put its result, and the stack is at rest."""
    if kind_of_build(job) == "zip" and observed is None:
        return True
    if observed is None or not observed.ours:
        return False
    is_settled = observed.status in SETTLED or observed.status is StackStatus.UPDATE_FAILED
    return is_settled and (kind_of_build(job) == "zip" or REPOSITORY_OUTPUT in observed.outputs)


def with_repository(current: str, foundation: str) -> str:
    """Return a stack's template with the repository added, and all else as it is."""
    template, added = json.loads(current), json.loads(foundation)
    for part in ("Resources", "Outputs"):
        template[part] = {**template.get(part, {}), **added.get(part, {})}
    template["Parameters"] = {**added["Parameters"], **template.get("Parameters", {})}
    return json.dumps(template, sort_keys=True, separators=(",", ":"))


def _failed(known: BuildAttempt, reason: str, at: datetime) -> BuildAttempt:
    reason = " ".join(reason.split())[:MAX_REASON_CHARACTERS]
    return replace(known, status=BuildStatus.FAILED, reason=reason, ended_at=at, retry_at=None)
