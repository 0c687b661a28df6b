"""How far an upgrade has come, and what failed because of it, read off its jobs' records. Pure.

It is read again at each step, so a step may be lost, repeated or cut off.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from provisioner.stacks.model import Deletion, JobStatus
from provisioner.stacks.upgrade import (
    FailureKind,
    UpgradeFailure,
    UpgradeProgress,
    UpgradeStatus,
    pause,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from provisioner.stacks.model import StackRecord
    from provisioner.stacks.upgrade import FailedRun, Upgrade

KEPT_FAILURES = 500
"""Failures that are kept, of 300 bytes each in an item of at most 400 KB. With so many an upgrade
stays PAUSED: there is nothing left to resume.
"""

_REASON_CHARACTERS = 200

_DROPPED_OUT = frozenset(
    {
        JobStatus.INVALID,
        JobStatus.PAUSED,
        JobStatus.DELETING,
        JobStatus.DELETED,
        JobStatus.RETAINED,
    }
)
"""Nothing is done for such a job, or it goes: it holds up no wave."""


def is_open(record: StackRecord) -> bool:
    """Tell whether a job was chosen and is not updated yet."""
    return record.upgrade is not None and record.upgrade.ended_at is None


def observed(
    upgrade: Upgrade, members: Sequence[StackRecord], failed_runs: Sequence[FailedRun]
) -> Upgrade:
    """Return the upgrade with how far its jobs have come; PAUSED if too many of them failed."""
    waves = range(max((each.upgrade.wave + 1 for each in members if each.upgrade), default=0))
    upgrade = replace(
        upgrade,
        failures=_failures(upgrade, members, failed_runs),
        progress=tuple(_progress(members, wave) for wave in waves),
    )
    unseen = [each for each in upgrade.failures if not each.accepted]
    if upgrade.status is not UpgradeStatus.RUNNING:
        return upgrade
    if len(upgrade.failures) >= KEPT_FAILURES:
        return pause(upgrade, f"{KEPT_FAILURES} jobs have failed: it can only be aborted.")
    if len(unseen) < upgrade.pause_on_failures:
        return upgrade
    first = unseen[0]
    more = f" ({len(unseen) - 1} more)" if unseen[1:] else ""
    return pause(upgrade, f"The {first.kind} of {first.job_name} failed: {first.reason}{more}")


def _progress(members: Sequence[StackRecord], wave: int) -> UpgradeProgress:
    its = [each for each in members if each.upgrade and each.upgrade.wave == wave]
    waiting = [each for each in its if is_open(each)]
    failed = sum(each.status is JobStatus.FAILED for each in waiting)
    skipped = sum(_is_skipped(each) for each in waiting)
    return UpgradeProgress(
        chosen=len(its),
        upgraded=len(its) - len(waiting),
        in_progress=len(waiting) - failed - skipped,
        failed=failed,
        skipped=skipped,
    )


def _is_skipped(record: StackRecord) -> bool:
    """Tell whether a job holds up no wave: a deletion that is held may wait for days, too."""
    return record.status in _DROPPED_OUT or record.deletion is Deletion.HELD


def _failures(
    upgrade: Upgrade, members: Sequence[StackRecord], failed_runs: Sequence[FailedRun]
) -> tuple[UpgradeFailure, ...]:
    """Return the failures until now; that of a stack is gone once the stack is updated again."""
    by_name = {each.job_name: each for each in members}
    found = {
        (each.job_name, each.kind): each
        for each in upgrade.failures
        if each.kind is FailureKind.RUN or _is_still(each, by_name.get(each.job_name))
    }
    for each in members:
        if _is_failed(each):
            reason = each.failure.reason if each.failure else "It is FAILED."
            at = each.failure.at if each.failure else None
            _add(found, UpgradeFailure(each.job_name, FailureKind.STACK, _short(reason), at=at))
    for run in blamed(upgrade, members, failed_runs):
        _add(found, UpgradeFailure(run.job_name, FailureKind.RUN, _short(run.error)))
    return tuple(found.values())[:KEPT_FAILURES]


def _add(found: dict[tuple[str, FailureKind], UpgradeFailure], failure: UpgradeFailure) -> None:
    found.setdefault((failure.job_name, failure.kind), failure)


def _is_failed(record: StackRecord) -> bool:
    return is_open(record) and record.status is JobStatus.FAILED


def _is_still(failure: UpgradeFailure, record: StackRecord | None) -> bool:
    """Tell whether a stack's failure is still the last thing that came of it."""
    if record is None or not _is_failed(record):
        return False
    return failure.at is None or record.failure is None or record.failure.at == failure.at


def blamed(
    upgrade: Upgrade, members: Iterable[StackRecord], failed_runs: Sequence[FailedRun]
) -> list[FailedRun]:
    """Return the failed runs that began after their job's update, and within the soak time."""
    ended = {
        each.job_name: each.upgrade.ended_at
        for each in members
        if each.upgrade and each.upgrade.ended_at and each.upgrade.id == upgrade.id
    }
    return [
        run
        for run in failed_runs
        if run.job_name in ended
        and ended[run.job_name] <= run.started_at <= ended[run.job_name] + upgrade.soak
    ]


def _short(reason: str) -> str:
    return " ".join(reason.split())[:_REASON_CHARACTERS]
