"""Deleting a job, and confirming deletions that are held."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from provisioner.errors import PermanentError
from provisioner.service.audit import Rows, recorded
from provisioner.service.progress import Progress
from provisioner.service.rights import Action
from provisioner.stacks.model import Deletion, JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from provisioner.service.context import Service
    from provisioner.stacks.model import StackRecord


def delete(service: Service, job_name: str) -> None:
    """Remove a job's row; its stack follows, unless the row's `deletion_policy` is `retain`."""
    rows = Rows(service.row(job_name), None)
    with recorded(service, Action.DELETE_ROW, job_name, rows=rows):
        service.jobs.delete(job_name)


def deletion_progress(
    service: Service, job_name: str, before: StackRecord | None
) -> Mapping[str, Progress]:
    """Return how far the deletion of a job's stack has come, whose Stacks row was `before`."""
    return {job_name: _deletion_progress(service.record(job_name), before)}


def _deletion_progress(record: StackRecord | None, before: StackRecord | None) -> Progress:
    if record is None:  # it never had a stack, so nothing is to be recorded
        return Progress(JobStatus.DELETED, done=True, succeeded=True)
    match record.status:
        case JobStatus.DELETED | JobStatus.RETAINED as status:
            return Progress(status, done=True, succeeded=True)
        case JobStatus.PENDING if record.deletion is Deletion.HELD:
            return Progress(JobStatus.PENDING, done=True)
        case JobStatus.FAILED if before is None or record.version != before.version:
            return Progress(JobStatus.FAILED, done=True)
        case _:
            return Progress(JobStatus.DELETING)


def held_deletions(service: Service) -> list[str]:
    """Return the jobs whose deletion is held, because many rows were removed at once."""
    until = service.clock() + timedelta(days=1)
    pending = service.stacks.by_status(JobStatus.PENDING, until=until)
    return sorted(each.job_name for each in pending if each.deletion is Deletion.HELD)


def require_held(service: Service, names: Iterable[str]) -> None:
    """Check that the deletions of these jobs are held.

    Raises
    ------
    PermanentError
        If one of them is not.
    """
    for name in names:
        record = service.record(name)
        if record is None or record.deletion is not Deletion.HELD:
            message = f'the deletion of {name} is not held; see "provisioner get {name}"'
            raise PermanentError(message)


def confirm_deletion(service: Service, job_name: str) -> None:
    """Let the stack of a job be deleted although many others are."""
    with recorded(service, Action.CONFIRM_DELETION, job_name):
        service.reconcile_queue.send(job_name, confirm_deletion=True)
