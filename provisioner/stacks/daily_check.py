"""All rows, Stacks rows and stacks compared, once a day: what events were lost about. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from provisioner.stacks.model import Deletion, JobStatus
from provisioner.stacks.rate_limits import PER_SECOND, Quota
from provisioner.stacks.stack_status import IN_PROGRESS, SETTLED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.stacks.model import StackRecord, StackSummary


class Finding(StrEnum):
    """Why a job has to be reconciled."""

    ROW_CHANGED = "row-changed"
    """The row was written, and has not been reconciled since."""

    ROW_DELETED = "row-deleted"
    """The row was deleted, and the job has not been reconciled since."""

    STACK_DELETED = "stack-deleted"
    """The stack of a live row is gone."""

    NO_ROW = "no-row"
    """A stack of ours has no row, and is not to be retained."""

    STACK_CHANGED = "stack-changed"
    """The stack is no longer what the last operation made of it."""

    UNSETTLED = "unsettled"
    """INVALID or FAILED: what was missing outside of the row may exist by now."""


DETECTIONS_A_DAY = int(PER_SECOND[Quota.DETECT_DRIFT] * 20 * 3600)
"""As many as 20 hours allow: a day's are over before the next day's come."""

_NEVER = datetime.min.replace(tzinfo=UTC)

_ASKS_TO_DELETE = frozenset({Finding.ROW_DELETED, Finding.NO_ROW})

_SWEPT = frozenset(
    {
        JobStatus.PENDING,
        JobStatus.CREATING,
        JobStatus.UPDATING,
        JobStatus.DELETING,
        JobStatus.RETRYING,
    }
)
"""The five-minute sweep goes after these."""


def compare(
    rows: Mapping[str, str], records: Mapping[str, StackRecord], stacks: Mapping[str, StackSummary]
) -> dict[str, Finding]:
    """Return the jobs that are not as they should be, each with why.

    Parameters
    ----------
    rows
        `row_digest` of every row, by job name.
    records
        Every Stacks row.
    stacks
        Every stack of ours.
    """
    found = {}
    for name in rows.keys() | records.keys() | stacks.keys():
        finding = _compare(rows.get(name), records.get(name), stacks.get(name))
        if finding is not None:
            found[name] = finding
    return found


def withhold_mass_deletions(found: Mapping[str, Finding], stacks: int) -> dict[str, Finding]:
    """Return the findings without deletions, when these are too many to be true.

    Single removals get lost. When ten, and a tenth of all stacks, have lost their rows unnoticed,
    then the table was emptied, restored or replaced, and no person asked to delete the stacks.
    """
    deletions = {name for name, finding in found.items() if finding in _ASKS_TO_DELETE}
    if len(deletions) <= max(10, stacks // 10):
        return dict(found)
    return {name: finding for name, finding in found.items() if name not in deletions}


def due_for_drift(
    found: Mapping[str, Finding],
    records: Mapping[str, StackRecord],
    stacks: Mapping[str, StackSummary],
) -> list[str]:
    """Return the jobs whose drift is to be detected, those first that waited longest.

    No more than a day's detections: a backlog that grows from day to day would never be through.
    """
    ready = [
        stack
        for name, stack in stacks.items()
        if name not in found
        and stack.status in SETTLED
        and name in records
        and records[name].status is JobStatus.READY
    ]
    ready.sort(key=lambda stack: (stack.drift_checked_at or _NEVER, stack.job_name))
    return [stack.job_name for stack in ready[:DETECTIONS_A_DAY]]


def _compare(
    row_digest: str | None, record: StackRecord | None, stack: StackSummary | None
) -> Finding | None:
    if record is not None and record.deletion is Deletion.HELD:
        return None if row_digest is None else Finding.ROW_CHANGED
    if record is not None and record.status in _SWEPT:
        return None
    if stack is not None and stack.status in IN_PROGRESS:
        return None  # an operation runs: its end is an event
    if row_digest is None:
        return _without_row(record, stack)
    if record is None or record.row_digest != row_digest:
        return Finding.ROW_CHANGED
    if record.status in {JobStatus.INVALID, JobStatus.FAILED}:
        return Finding.UNSETTLED
    if record.status is not JobStatus.READY:
        return None  # paused
    if stack is None:
        return Finding.STACK_DELETED
    if stack.status not in SETTLED or stack.digest != record.deployed_digest:
        return Finding.STACK_CHANGED
    return None


def _without_row(record: StackRecord | None, stack: StackSummary | None) -> Finding | None:
    if record is None or record.status is JobStatus.DELETED:
        return Finding.NO_ROW if stack else None
    if record.status is JobStatus.RETAINED:
        return None if stack else Finding.STACK_DELETED
    return Finding.UNSETTLED if record.status is JobStatus.FAILED else Finding.ROW_DELETED
