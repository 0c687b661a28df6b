"""An upgrade of the provisioner: which jobs get the templates of this release next. Pure.

A release whose templates differ changes no stack by itself. An upgrade takes the jobs in waves: it
marks a part of them (`StackRecord.upgrade`), and the reconciler updates whatever is marked. How far
it has come is read off the marks each time, so a step may be lost, repeated or cut off.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

from provisioner.errors import InvalidRequestError
from provisioner.stacks.model import Deletion, JobStatus, StackRecord, UpgradeMark

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Sequence

MOST_AT_ONCE = 300
"""Jobs that are updated at a time: half of what CloudFormation's two updates a second allow between
two sweeps, so that edits of rows find room, and as many as a failure can reach before it is seen.
"""

QUEUED_AGAIN_AFTER = timedelta(minutes=4)
"""A job that was marked so long ago and is still READY has lost its message."""

KEPT_FAILURES = 500
"""Failures that are kept, of 300 bytes each in an item of at most 400 KB. With so many an upgrade
stays PAUSED: there is nothing left to resume.
"""

_REASON_CHARACTERS = 200

ALL_PERCENT = 100
MOST_WAVES = 10
MOST_ALLOWED_FAILURES = 100
DEFAULT_WAVES = (5, 25, 100)
DEFAULT_SOAK = timedelta(minutes=10)
LONGEST_SOAK = timedelta(days=7)


class UpgradeStatus(StrEnum):
    """`status` of an upgrade."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    """Too much has failed: no further job is chosen before a person resumes it."""
    SUCCEEDED = "SUCCEEDED"
    ABORTED = "ABORTED"
    """A person ended it, or another release came: jobs that were not updated stay as they are."""


class FailureKind(StrEnum):
    """What of a job has failed."""

    STACK = "stack"
    RUN = "run"


@dataclass(frozen=True, slots=True)
class UpgradeFailure:
    """A job of the upgrade that failed; `accepted` once a person has resumed in spite of it."""

    job_name: str
    kind: FailureKind
    reason: str
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class FailedRun:
    """A run that failed or timed out."""

    job_name: str
    started_at: datetime
    error: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How many jobs of a wave, or of a whole upgrade, are where."""

    chosen: int = 0
    upgraded: int = 0
    in_progress: int = 0
    failed: int = 0
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What is kept of an upgrade.

    Attributes
    ----------
    waves
        The share of the jobs in percent that is updated by the end of each wave; the last is 100.
    soak
        How long a wave waits after its last update for runs that fail.
    pause_on_failures
        It pauses when so many jobs have failed since it was started or resumed.
    to
        The version of the templates, None before the first step: only functions of the bootstrap
        know which theirs are.
    wave
        The current one, from 0.
    total
        Jobs that had other templates when it began.
    progress
        Of each wave that has begun, as it was at the last step.
    reason
        Why it is PAUSED or ABORTED.
    ended_at
        When nothing was left to do; None until then.
    """

    id: str
    waves: tuple[int, ...]
    soak: timedelta
    pause_on_failures: int
    by: str
    started_at: datetime
    status: UpgradeStatus = UpgradeStatus.RUNNING
    to: str | None = None
    wave: int = 0
    total: int = 0
    progress: tuple[Progress, ...] = ()
    failures: tuple[UpgradeFailure, ...] = ()
    reason: str = ""
    stepped_at: datetime | None = None
    ended_at: datetime | None = None
    version: int = 0

    @property
    def is_due(self) -> bool:
        """Whether a step can change anything."""
        if self.ended_at is not None:
            return False
        is_moving = any(wave.in_progress for wave in self.progress)
        return self.status is not UpgradeStatus.PAUSED or is_moving


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done: the marks to set and to take away, and jobs to reconcile."""

    upgrade: Upgrade
    mark: tuple[StackRecord, ...] = ()
    unmark: tuple[StackRecord, ...] = ()
    queue: tuple[str, ...] = ()


_SKIPPED = frozenset(
    {
        JobStatus.INVALID,
        JobStatus.PAUSED,
        JobStatus.DELETING,
        JobStatus.DELETED,
        JobStatus.RETAINED,
    }
)
"""Nothing is done for such a job, or it goes: it holds up no wave."""

_OPERATING = frozenset({JobStatus.CREATING, JobStatus.UPDATING})


def new_id(now: datetime, chance: random.Random) -> str:
    """Return the id of an upgrade that begins."""
    return f"{now:%Y%m%dT%H%M%SZ}-{chance.getrandbits(32):08x}"


def is_outdated(record: StackRecord, version: str) -> bool:
    """Tell whether a job's stack was made by other templates than those of a version."""
    return record.deployed_digest is not None and record.template_version != version


def waves_of(percents: Sequence[int]) -> tuple[int, ...]:
    """Return the waves of an upgrade.

    Raises
    ------
    InvalidRequestError
        If they do not grow to 100 percent.
    """
    grow = all(one < two for one, two in pairwise((0, *percents)))
    if grow and percents and percents[-1] == ALL_PERCENT and len(percents) <= MOST_WAVES:
        return tuple(percents)
    shown = ", ".join(f"{each}%" for each in percents)
    message = (
        f"the waves {shown or '(none)'} are not valid: each is a share of all jobs in percent, "
        f"larger than the one before; the last is 100%, and there are {MOST_WAVES} at most"
    )
    raise InvalidRequestError(message)


def step(
    upgrade: Upgrade,
    records: Iterable[StackRecord],
    failed_runs: Sequence[FailedRun],
    version: str,
    now: datetime,
) -> Step:
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
        return Step(upgrade)
    if upgrade.to is None:
        upgrade = replace(upgrade, to=version)
    known = list(records)
    members = [each for each in known if each.upgrade and each.upgrade.id == upgrade.id]
    if upgrade.to != version and upgrade.status is not UpgradeStatus.ABORTED:
        upgrade = abort(upgrade, f"This release has other templates, {version}: upgrade again.")
    upgrade = replace(_seen(upgrade, members, failed_runs), stepped_at=now)
    if upgrade.status is UpgradeStatus.ABORTED:
        waiting = tuple(each for each in members if _is_open(each))
        return Step(replace(upgrade, ended_at=None if waiting else now), unmark=waiting)
    queue = tuple(each.job_name for each in members if _is_lost(each, now))
    if upgrade.status is UpgradeStatus.PAUSED:
        return Step(upgrade, queue=queue)
    return replace(_go_on(upgrade, known, members, now), queue=queue)


def resume(upgrade: Upgrade) -> Upgrade:
    """Return a paused upgrade that goes on, whatever has failed until now."""
    accepted = tuple(replace(each, accepted=True) for each in upgrade.failures)
    return replace(upgrade, status=UpgradeStatus.RUNNING, failures=accepted, reason="")


def pause(upgrade: Upgrade, reason: str) -> Upgrade:
    """Return an upgrade that chooses no further job."""
    return replace(upgrade, status=UpgradeStatus.PAUSED, reason=reason)


def abort(upgrade: Upgrade, reason: str) -> Upgrade:
    """Return an upgrade that leaves all jobs as they are which are not updated yet."""
    return replace(upgrade, status=UpgradeStatus.ABORTED, reason=reason)


def _go_on(
    upgrade: Upgrade, known: Sequence[StackRecord], members: Sequence[StackRecord], now: datetime
) -> Step:
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
        return Step(upgrade, mark=tuple(chosen[: max(0, MOST_AT_ONCE - moving)]))
    if moving or _soaks_until(upgrade, members) > now:
        return Step(upgrade)
    # An operation that began before this release may still end with the templates of the last one.
    if is_last and any(each.status in _OPERATING for each in known):
        return Step(upgrade)
    if is_last:
        return Step(replace(upgrade, status=UpgradeStatus.SUCCEEDED, ended_at=now))
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
    return sorted(found, key=lambda each: _lot(upgrade.id, each.job_name))


def _lot(upgrade_id: str, job_name: str) -> bytes:
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


def _is_open(record: StackRecord) -> bool:
    return record.upgrade is not None and record.upgrade.ended_at is None


def _is_lost(record: StackRecord, now: datetime) -> bool:
    mark = record.upgrade
    if mark is None or mark.ended_at is not None or record.status is not JobStatus.READY:
        return False
    return mark.at + QUEUED_AGAIN_AFTER <= now


def _seen(
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


def _progress(members: Sequence[StackRecord], wave: int) -> Progress:
    its = [each for each in members if each.upgrade and each.upgrade.wave == wave]
    waiting = [each for each in its if _is_open(each)]
    failed = sum(each.status is JobStatus.FAILED for each in waiting)
    skipped = sum(_is_skipped(each) for each in waiting)
    return Progress(
        chosen=len(its),
        upgraded=len(its) - len(waiting),
        in_progress=len(waiting) - failed - skipped,
        failed=failed,
        skipped=skipped,
    )


def _is_skipped(record: StackRecord) -> bool:
    """Tell whether a job holds up no wave: a deletion that is held may wait for days, too."""
    return record.status in _SKIPPED or record.deletion is Deletion.HELD


def _failures(
    upgrade: Upgrade, members: Sequence[StackRecord], failed_runs: Sequence[FailedRun]
) -> tuple[UpgradeFailure, ...]:
    """Return the failures until now; that of a stack is gone once the stack was updated."""
    by_name = {each.job_name: each for each in members}
    found = {
        (each.job_name, each.kind): each
        for each in upgrade.failures
        if each.kind is FailureKind.RUN or _is_failed(by_name.get(each.job_name))
    }
    for each in members:
        if _is_failed(each):
            reason = each.failure.reason if each.failure else "It is FAILED."
            _add(found, UpgradeFailure(each.job_name, FailureKind.STACK, _short(reason)))
    for run in blamed(upgrade, members, failed_runs):
        _add(found, UpgradeFailure(run.job_name, FailureKind.RUN, _short(run.error)))
    return tuple(found.values())[:KEPT_FAILURES]


def _add(found: dict[tuple[str, FailureKind], UpgradeFailure], failure: UpgradeFailure) -> None:
    found.setdefault((failure.job_name, failure.kind), failure)


def _is_failed(record: StackRecord | None) -> bool:
    return record is not None and _is_open(record) and record.status is JobStatus.FAILED


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
