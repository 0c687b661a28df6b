"""An upgrade of the provisioner: what is kept of it, and what a person may do with it. Pure.

A release whose templates differ changes no stack by itself. An upgrade takes the jobs in waves: it
marks a part of them (`StackRecord.upgrade`), and the reconciler updates whatever is marked.
`upgrade_steps` chooses them, and `upgrade_progress` reads off the marks how far it has come.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

from provisioner.errors import InvalidRequestError

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence
    from datetime import datetime

    from provisioner.stacks.model import StackRecord

ALL_PERCENT = 100
MOST_WAVES = 10
MOST_ALLOWED_FAILURES = 100
DEFAULT_WAVES = (5, 25, 100)
DEFAULT_SOAK = timedelta(minutes=10)
LONGEST_SOAK = timedelta(days=7)

AUTOMATIC = "the bootstrap"
"""`by` of an upgrade that began because a release was deployed."""


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
    """A job of the upgrade that failed; `accepted` once a person has resumed after it.

    `at` is when its stack failed; None for a run, and in what an earlier release has noted.
    """

    job_name: str
    kind: FailureKind
    reason: str
    accepted: bool = False
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FailedRun:
    """A run that failed or timed out."""

    job_name: str
    started_at: datetime
    error: str


@dataclass(frozen=True, slots=True)
class UpgradeProgress:
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
    progress: tuple[UpgradeProgress, ...] = ()
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


def resume(upgrade: Upgrade) -> Upgrade:
    """Return a paused upgrade that continues, whatever has failed until now."""
    accepted = tuple(replace(each, accepted=True) for each in upgrade.failures)
    return replace(upgrade, status=UpgradeStatus.RUNNING, failures=accepted, reason="")


def pause(upgrade: Upgrade, reason: str) -> Upgrade:
    """Return an upgrade that chooses no further job."""
    return replace(upgrade, status=UpgradeStatus.PAUSED, reason=reason)


def abort(upgrade: Upgrade, reason: str) -> Upgrade:
    """Return an upgrade that leaves all jobs as they are which are not updated yet."""
    return replace(upgrade, status=UpgradeStatus.ABORTED, reason=reason)
