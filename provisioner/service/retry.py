"""Reconciling jobs again that have failed, although their rows have not changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.jobs import InvalidRow
from provisioner.service.audit import recorded
from provisioner.service.following import Expected, expect
from provisioner.service.progress import Progress
from provisioner.service.rights import Action
from provisioner.stacks.model import Deletion, JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from provisioner.aws.items import Item
    from provisioner.service.context import Service
    from provisioner.stacks.model import StackRecord


@dataclass(frozen=True, slots=True)
class Retry:
    """A job to retry: its Stacks row before, and what to wait for; None when it has no row."""

    job_name: str
    before: StackRecord | None
    expected: Expected | None = None


def prepare_retry(service: Service, names: Iterable[str], *, expect_all: bool) -> list[Retry]:
    """Return what to retry; `expect_all` to find out what to wait for, too. This writes nothing.

    Raises
    ------
    NotFoundError
        If one of the jobs does not exist.
    """
    names = list(dict.fromkeys(names))
    rows, records = service.jobs.get_many(names), service.stacks.get_many(names)
    for name in names:
        if name not in rows and name not in records:
            raise service.unknown(name)
    return [
        Retry(
            name,
            records.get(name),
            _expected(service, rows.get(name), records.get(name)) if expect_all else None,
        )
        for name in names
    ]


def retry(service: Service, job_name: str) -> None:
    """Queue a job for a reconcile that forgets what has failed before."""
    with recorded(service, Action.RETRY_JOB, job_name):
        service.reconcile_queue.send(job_name, retry=True)


def _expected(service: Service, row: Item | None, record: StackRecord | None) -> Expected | None:
    """Return what to wait for of a job with a row; the answer to an invalid row is its errors."""
    if row is None:
        return None
    job = service.job(row)
    if not isinstance(job, InvalidRow):
        return expect(service, job, record, changed=True)
    version = record.version if record else 0
    return Expected(job.job_name, paused=False, digest=None, errors=job.errors, version=version)


def retry_progress(service: Service, retries: Sequence[Retry]) -> Mapping[str, Progress]:
    """Return how far each job has come that was retried, by its name."""
    records = service.stacks.get_many(each.job_name for each in retries)
    return {each.job_name: _retry_progress(each, records.get(each.job_name)) for each in retries}


def _retry_progress(retried: Retry, record: StackRecord | None) -> Progress:
    if record is not None and record.status is JobStatus.FAILED:
        not_yet_retried = record == retried.before or record.failure is None
        if not_yet_retried:
            return Progress(JobStatus.PENDING)
    if retried.expected is not None:
        return retried.expected.progress(record)
    if record is None or record.status in {JobStatus.DELETED, JobStatus.RETAINED}:
        status = record.status if record else JobStatus.DELETED
        return Progress(status, done=True, succeeded=True)
    held = record.deletion is Deletion.HELD
    return Progress(record.status, done=held or record.status is JobStatus.FAILED)
