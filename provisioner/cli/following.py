"""Knowing when the stack of a row that was just written is the row's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from provisioner import jobs
from provisioner.cli import progress
from provisioner.cli.progress import Progress
from provisioner.jobs import FieldError, InvalidRow
from provisioner.stacks.deletion_budget import HELD
from provisioner.stacks.model import Deletion, JobStatus, StackRecord

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from provisioner.aws.items import Item
    from provisioner.aws.stacks_table import StacksTable
    from provisioner.cli.checking import CheckedRow
    from provisioner.cli.session import Session
    from provisioner.jobs import Job

_UNANSWERED = frozenset({JobStatus.INVALID, JobStatus.DELETED, JobStatus.RETAINED})
_SETTLED = frozenset({JobStatus.READY, JobStatus.FAILED, JobStatus.INVALID, JobStatus.PAUSED})


@dataclass(frozen=True, slots=True)
class Followed:
    """A row that is about to be written, and how to tell that a Stacks row is the answer to it.

    Attributes
    ----------
    digest
        Of the job with its artifact pinned, as the provisioner will compute it; None when the
        artifact cannot be found, or not by us.
    errors
        What the provisioner will say if it does not find the artifact either.
    version
        Of the Stacks row before the writing; None when there is no change to wait for.
    asks
        Whether the row stays as it is and yet asks for something else than what was last done:
        its artifact is another one now. Nobody does that by itself.
    """

    job_name: str
    paused: bool
    digest: str | None
    errors: tuple[FieldError, ...]
    version: int | None
    asks: bool = False

    def is_seen_to(self, record: StackRecord | None) -> bool:
        """Tell whether the row as it is has its answer, or gets one by itself."""
        if record is None:
            return False
        if self.paused or record.status is JobStatus.PAUSED:
            return self.paused and record.status is JobStatus.PAUSED
        return record.status not in _UNANSWERED and record.spec_digest == self.digest

    def progress(self, record: StackRecord | None) -> Progress:
        """Tell from the job's Stacks row where the job stands."""
        if record is None:
            return Progress(JobStatus.PENDING)
        if record.status not in _SETTLED or not self._answered_by(record):
            settled = record.status in _SETTLED or record.status is JobStatus.DELETED
            return Progress(JobStatus.PENDING if settled else record.status)
        good = record.status in {JobStatus.READY, JobStatus.PAUSED}
        return Progress(record.status, done=True, good=good)

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


def followed(
    here: Session, rows: Collection[CheckedRow], before: Mapping[str, Item]
) -> dict[str, Followed]:
    """Return how to follow rows, by job name; to be called before they are written."""
    records = here.stacks.get_many(row.job_name for row in rows)
    return {
        row.job_name: follow(
            here, row.job, records.get(row.job_name), changed=before.get(row.job_name) != row.item
        )
        for row in rows
    }


def follow(here: Session, job: Job, record: StackRecord | None, *, changed: bool) -> Followed:
    """Return how to follow one job, whose Stacks row is `record` now."""
    pinned = here.artifacts.pin(job)
    found = Followed(
        job_name=job.job_name,
        paused=job.paused,
        digest=None if isinstance(pinned, InvalidRow) else jobs.spec_digest(pinned),
        errors=pinned.errors if isinstance(pinned, InvalidRow) else (),
        version=None,
    )
    asks = not changed and not isinstance(pinned, InvalidRow) and not found.is_seen_to(record)
    version = (record.version if record else 0) if changed or asks else None
    return replace(found, version=version, asks=asks)


def wait(
    stacks: StacksTable, followed: tuple[Followed, ...], timeout_seconds: float
) -> Mapping[str, Progress]:
    """Wait until every row has its answer."""

    def look() -> dict[str, Progress]:
        records = stacks.get_many(each.job_name for each in followed)
        return {each.job_name: each.progress(records.get(each.job_name)) for each in followed}

    return progress.wait(
        look, timeout_seconds, 'not all jobs are there yet; see "provisioner get" for the rest'
    )


def reasons(stacks: StacksTable, job_name: str) -> Iterator[str]:
    """Yield why a job is not READY."""
    record = stacks.get_many([job_name]).get(job_name)
    if record is None:
        return
    for error in record.errors:
        yield f"{error.field} {error.message}"
    if record.deletion is Deletion.HELD:
        yield HELD
    elif record.failure is not None:
        resource = f"{record.failure.resource}: " if record.failure.resource else ""
        yield f"{resource}{record.failure.reason}"
