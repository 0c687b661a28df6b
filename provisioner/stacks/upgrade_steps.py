"""Which jobs get the templates of this release next. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from provisioner.stacks.model import JobStatus, StackRecord, UpgradeMark
from provisioner.stacks.upgrade import ALL_PERCENT, Upgrade, UpgradeStatus, abort, is_outdated
from provisioner.stacks.upgrade_progress import is_open, observed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from provisioner.stacks.upgrade import FailedRun

MOST_AT_ONCE = 300
"""Jobs that are updated at a time: half of what CloudFormation's two updates a second allow between
two sweeps, so that edits of rows find room, and as many as a failure can reach before it is seen.
"""

QUEUED_AGAIN_AFTER = timedelta(minutes=4)
"""A job that was marked so long ago and is still READY has lost its message."""

_OPERATING = frozenset({JobStatus.CREATING, JobStatus.UPDATING})


@dataclass(frozen=True, slots=True)
class UpgradeStep:
    """What is to be done: the marks to set and to take away, and jobs to reconcile."""

    upgrade: Upgrade
    mark: tuple[StackRecord, ...] = ()
    unmark: tuple[StackRecord, ...] = ()
    queue: tuple[str, ...] = ()


def step(
    upgrade: Upgrade,
    records: Iterable[StackRecord],
    failed_runs: Sequence[FailedRun],
    version: str,
    now: datetime,
) -> UpgradeStep:
    """Return what is to be done next; the same again when it has been done already.

    Parameters
    ----------
    records
        Every Stacks row.
    failed_runs
        Runs that failed since the upgrade began, of whatever job; those count that began after
        their job's update and within `soak`.
    version
        Of the templates of this release.
    """
    if not upgrade.is_due:
        return UpgradeStep(upgrade)
    if upgrade.to is None:
        upgrade = replace(upgrade, to=version)
    known = list(records)
    members = [each for each in known if each.upgrade and each.upgrade.id == upgrade.id]
    if upgrade.to != version and upgrade.status is not UpgradeStatus.ABORTED:
        upgrade = abort(upgrade, f"This release has other templates, {version}: upgrade again.")
    upgrade = replace(observed(upgrade, members, failed_runs), stepped_at=now)
    if upgrade.status is UpgradeStatus.ABORTED:
        waiting = tuple(each for each in members if is_open(each))
        return UpgradeStep(replace(upgrade, ended_at=None if waiting else now), unmark=waiting)
    queue = tuple(each.job_name for each in members if _is_lost(each, now))
    if upgrade.status is UpgradeStatus.PAUSED:
        return UpgradeStep(upgrade, queue=queue)
    return replace(_go_on(upgrade, known, members, now), queue=queue)


def _go_on(
    upgrade: Upgrade, known: Sequence[StackRecord], members: Sequence[StackRecord], now: datetime
) -> UpgradeStep:
    """Choose more jobs, or begin the next wave, or end."""
    candidates = _candidates(upgrade, known)
    if not upgrade.progress and not members:
        upgrade = replace(upgrade, total=len(candidates))
    share = upgrade.waves[upgrade.wave]
    is_last = upgrade.wave == len(upgrade.waves) - 1
    wanted = len(candidates) if is_last else _part(upgrade.total, share) - len(members)
    moving = sum(wave.in_progress for wave in upgrade.progress)
    chosen = candidates[: max(0, wanted)]
    if chosen:
        return UpgradeStep(upgrade, mark=tuple(chosen[: max(0, MOST_AT_ONCE - moving)]))
    if moving or _soaks_until(upgrade, members) > now:
        return UpgradeStep(upgrade)
    # An operation that began before this release may still end with the templates of the last one.
    if is_last and any(each.status in _OPERATING for each in known):
        return UpgradeStep(upgrade)
    if is_last:
        return UpgradeStep(replace(upgrade, status=UpgradeStatus.SUCCEEDED, ended_at=now))
    return _go_on(replace(upgrade, wave=upgrade.wave + 1), known, members, now)


def mark_of(upgrade: Upgrade, now: datetime) -> UpgradeMark:
    """Return the mark of a job that `step` has chosen."""
    return UpgradeMark(upgrade.id, str(upgrade.to), upgrade.wave, now)


def _candidates(upgrade: Upgrade, known: Sequence[StackRecord]) -> list[StackRecord]:
    """Return the jobs that can be chosen, in an order of the upgrade's own that never changes.

    Only those that are READY: what is broken or paused stays as it is, and what is being updated
    gets these templates anyway.
    """
    found = [
        each
        for each in known
        if each.status is JobStatus.READY
        and is_outdated(each, str(upgrade.to))
        and (each.upgrade is None or each.upgrade.id != upgrade.id)
    ]
    return sorted(found, key=lambda each: lot(upgrade.id, each.job_name))


def lot(upgrade_id: str, job_name: str) -> bytes:
    """Return by what jobs are drawn, so that no wave is of one team or type."""
    return hashlib.sha256(f"{upgrade_id}/{job_name}".encode()).digest()


def _part(total: int, percent: int) -> int:
    return -(-total * percent // ALL_PERCENT)


def _soaks_until(upgrade: Upgrade, members: Sequence[StackRecord]) -> datetime:
    ends = (
        each.upgrade.ended_at
        for each in members
        if each.upgrade and each.upgrade.ended_at and each.upgrade.wave == upgrade.wave
    )
    return max(ends, default=upgrade.started_at - upgrade.soak) + upgrade.soak


def _is_lost(record: StackRecord, now: datetime) -> bool:
    mark = record.upgrade
    if mark is None or mark.ended_at is not None or record.status is not JobStatus.READY:
        return False
    return mark.at + QUEUED_AGAIN_AFTER <= now
