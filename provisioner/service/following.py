"""Knowing when the stack of a row that was just written is the row's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from provisioner import jobs
from provisioner.jobs import FieldError, InvalidRow
from provisioner.jobs.unbuilt import Unbuilt
from provisioner.service.progress import Progress
from provisioner.stacks.deletion_budget import HELD
from provisioner.stacks.model import Deletion, JobStatus, StackRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from provisioner.jobs import Job
    from provisioner.service.context import Service

_UNANSWERED = frozenset({JobStatus.INVALID, JobStatus.DELETED, JobStatus.RETAINED})
_SETTLED = frozenset({JobStatus.READY, JobStatus.FAILED, JobStatus.INVALID, JobStatus.PAUSED})


@dataclass(frozen=True, slots=True)
class Expected:
    """How to tell that a Stacks row is the answer to a row that is about to be written.

    Attributes
    ----------
    digest
        Of the job with its artifact pinned, as the provisioner will compute it; None when the
        artifact cannot be found, or not by this caller, or is yet to be built.
    errors
        What the provisioner will say if it does not find the artifact either.
    version
        Of the Stacks row before the writing; None when there is no change to wait for.
    out_of_date
        Whether the row stays as it is and yet describes another stack than the deployed one:
        its artifact has changed. No event reports that, so the job must be queued.
    """

    job_name: str
    paused: bool
    digest: str | None
    errors: tuple[FieldError, ...]
    version: int | None
    out_of_date: bool = False

    def matches(self, record: StackRecord | None) -> bool:
        """Tell whether the row as it is has its answer, or gets one without a message."""
        if record is None:
            return False
        if self.paused or record.status is JobStatus.PAUSED:
            return self.paused and record.status is JobStatus.PAUSED
        return record.status not in _UNANSWERED and record.spec_digest == self.digest

    def progress(self, record: StackRecord | None) -> Progress:
        """Tell from the job's Stacks row how far the job has come."""
        if record is None:
            return Progress(JobStatus.PENDING)
        if record.status not in _SETTLED or not self._answered_by(record):
            settled = record.status in _SETTLED or record.status is JobStatus.DELETED
            return Progress(JobStatus.PENDING if settled else record.status)
        succeeded = record.status in {JobStatus.READY, JobStatus.PAUSED}
        return Progress(record.status, done=True, succeeded=succeeded)

    def _answered_by(self, record: StackRecord) -> bool:
        match record.status:
            case JobStatus.PAUSED:
                return self.paused
            case JobStatus.INVALID:
                return record.version != self.version or record.errors == self.errors
            case _ if self.paused:
                return False
            case _:
                if self.digest is None:
                    return record.version != self.version
                return record.spec_digest == self.digest


def expect(service: Service, job: Job, record: StackRecord | None, *, changed: bool) -> Expected:
    """Return what to wait for after a job's row is written, whose Stacks row is `record` now."""
    pinned = service.artifacts.pin(job)
    found = Expected(
        job_name=job.job_name,
        paused=job.paused,
        digest=None if isinstance(pinned, InvalidRow | Unbuilt) else jobs.spec_digest(pinned),
        errors=pinned.errors if isinstance(pinned, InvalidRow) else (),
        version=None,
    )
    out_of_date = not changed and not isinstance(pinned, InvalidRow) and not found.matches(record)
    version = (record.version if record else 0) if changed or out_of_date else None
    return replace(found, version=version, out_of_date=out_of_date)


def progress(service: Service, expected: Iterable[Expected]) -> Mapping[str, Progress]:
    """Return how far each job has come, by its name."""
    wanted = {each.job_name: each for each in expected}
    records = service.stacks.get_many(wanted)
    return {name: each.progress(records.get(name)) for name, each in wanted.items()}


def reasons(service: Service, job_name: str) -> Iterator[str]:
    """Yield why a job is not READY, a sentence each."""
    record = service.record(job_name)
    if record is None:
        return
    for error in record.errors:
        yield f"{error.field} {error.message}"
    if record.deletion is Deletion.HELD:
        yield HELD
    elif record.failure is not None:
        resource = f"{record.failure.resource}: " if record.failure.resource else ""
        yield f"{resource}{record.failure.reason}"
