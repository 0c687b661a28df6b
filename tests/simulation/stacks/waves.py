"""What must hold of an upgrade in waves, and what must have come of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from provisioner.stacks.model import JobStatus, StackRecord, StackState, UpgradeMark
from provisioner.stacks.stack_status import SETTLED
from provisioner.stacks.upgrade import ALL_PERCENT, FailureKind, Upgrade, UpgradeStatus
from tests.simulation.faults import Broken
from tests.simulation.stacks.operations import Asked
from tests.simulation.stacks.stacks import job_of

if TYPE_CHECKING:
    from tests.simulation.stacks.world import World

S = UpgradeStatus

_STAYS = {
    *(JobStatus.FAILED, JobStatus.INVALID, JobStatus.PAUSED),
    *(JobStatus.DELETING, JobStatus.DELETED, JobStatus.RETAINED),
}
"""A job that was chosen and then became so holds up no wave."""

_BY_FUNCTIONS = {
    S.RUNNING: {S.RUNNING, S.PAUSED, S.SUCCEEDED, S.ABORTED},
    S.PAUSED: {S.PAUSED, S.ABORTED},
    S.ABORTED: {S.ABORTED},
    S.SUCCEEDED: set(),
}
"""From which status to which: only a person resumes an upgrade, or begins one."""


class Waves:
    """The invariants; what a person asked for is kept here, whatever functions write of it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._asked: Upgrade | None = None
        self._total = 0
        self._accepted: dict[tuple[str, FailureKind], datetime | None] = {}

    def begun(self, upgrade: Upgrade) -> None:
        """Take note of what a person asks for."""
        self._asked, self._total = upgrade, 0
        self._accepted = {}

    def resumed(self, upgrade: Upgrade) -> None:
        """Take note that a person accepts the failures that are listed."""
        self._accepted |= {(each.job_name, each.kind): each.at for each in upgrade.failures}

    # After every step

    def asked(self, asked: Asked, seen: StackState | None) -> None:
        """Check that nothing gets other templates which neither its row nor an upgrade changes."""
        if asked.kind != "update" or seen is None or seen.digest != asked.digest:
            return
        is_missing = seen.drift is not None and seen.drift.missing
        if seen.status not in SETTLED or is_missing:
            return
        name, upgrade = job_of(asked.name), self._world.upgrades.kept
        mark = self._world.stacks.records[name].upgrade
        if upgrade is None or mark is None or mark.ended_at is not None:
            raise Broken(f"{name} gets other templates, and no upgrade has chosen it")
        _require(mark.id == upgrade.id, f"{name} was chosen by an earlier upgrade: {mark}")
        _require(mark.to == asked.template_version, f"{asked} is not what {mark} says")
        over = upgrade.ended_at
        is_same = over is None or self._world.releases.deployed_at <= over
        _require(is_same, f"{name} is upgraded, and the upgrade was over before this release")

    def marking(self, record: StackRecord, mark: UpgradeMark | None) -> None:
        """Check that a job may be chosen now, or be left alone again."""
        upgrade, asked = self._world.upgrades.kept, self._asked
        if upgrade is None or asked is None:
            raise Broken(f"{record.job_name} is chosen, and there is no upgrade")
        if mark is None:
            _require(upgrade.status is S.ABORTED, f"{record.job_name} is no longer chosen")
            return
        _require(upgrade.status is S.RUNNING, f"{mark} though the upgrade is {upgrade.status}")
        version = self._world.releases.version_of("sweep")
        stored = self._world.stacks.records[record.job_name]
        is_due = stored.status is JobStatus.READY and stored.template_version != mark.to
        _require(is_due and mark.to == version, f"{mark} of {stored}")
        members = self._members(mark.id)
        if not members:
            self._total = len(self._outdated(mark.to))
        self._check_share(asked, mark, members)
        self._check_waves_before(asked, mark, members)
        failed = self._failed(asked, members)
        _require(len(failed) < asked.pause_on_failures, f"it goes on although {failed} failed")

    def saved(self, before: Upgrade | None, upgrade: Upgrade) -> None:
        """Check what functions write of an upgrade."""
        if before is None or before.status not in _BY_FUNCTIONS:
            raise Broken(f"nobody has begun {upgrade}")
        may_be = _BY_FUNCTIONS[before.status]
        _require(upgrade.status in may_be, f"{before.status} became {upgrade.status}")
        if upgrade.status in {S.PAUSED, S.ABORTED}:
            _require(upgrade.reason, f"{upgrade} does not say why")
        if upgrade.status is S.PAUSED and self._asked and before.status is S.RUNNING:
            members = self._members(upgrade.id)
            failed = self._failed(self._asked, members)
            _require(any(name in upgrade.reason for name in failed), f"{failed}: {upgrade}")
        if upgrade.status is S.SUCCEEDED:
            left = self._outdated(str(upgrade.to))
            _require(not left, f"it has ended, and {left} could have been upgraded")

    def _check_share(self, asked: Upgrade, mark: UpgradeMark, members: list[StackRecord]) -> None:
        share = asked.waves[mark.wave]
        most = -(-self._total * share // ALL_PERCENT)
        is_last = mark.wave == len(asked.waves) - 1
        _require(is_last or len(members) < most, f"{members} and more are {share}% of {most}")

    def _check_waves_before(
        self, asked: Upgrade, mark: UpgradeMark, members: list[StackRecord]
    ) -> None:
        before = [each for each in members if each.upgrade and each.upgrade.wave < mark.wave]
        ends = [each.upgrade.ended_at for each in before if each.upgrade]
        moving = [
            each.job_name
            for each, end in zip(before, ends, strict=True)
            if end is None and each.status not in _STAYS
        ]
        _require(not moving, f"{mark} before {moving} have ended")
        last = max((end for end in ends if end), default=None)
        _require(last is None or last + asked.soak <= mark.at, f"{mark} follows at {last}")

    def _members(self, upgrade_id: str) -> list[StackRecord]:
        records = self._world.stacks.records.values()
        return [each for each in records if each.upgrade and each.upgrade.id == upgrade_id]

    def _outdated(self, version: str) -> list[str]:
        """Return the jobs that could be upgraded."""
        return [
            each.job_name
            for each in self._world.stacks.records.values()
            if each.status is JobStatus.READY
            and each.deployed_digest is not None
            and each.template_version != version
        ]

    def _failed(self, asked: Upgrade, members: Iterable[StackRecord]) -> list[str]:
        """Return the jobs that an upgrade has failed with, and that nobody has accepted."""
        return [each.job_name for each in members if self._has_failed(asked, each)]

    def _has_failed(self, asked: Upgrade, record: StackRecord) -> bool:
        mark, failed_runs = record.upgrade, self._world.failed_runs
        if mark is None or mark.ended_at is None:
            return record.status is JobStatus.FAILED and not self._is_accepted(record)
        if (record.job_name, FailureKind.RUN) in self._accepted:
            return False
        if failed_runs.has_before(record.job_name, mark.at):
            return False
        return any(
            mark.ended_at <= run.started_at <= mark.ended_at + asked.soak
            for run in failed_runs.runs
            if run.job_name == record.job_name
        )

    def _is_accepted(self, record: StackRecord) -> bool:
        """Tell whether somebody has accepted just this failure of a stack."""
        stack = record.job_name, FailureKind.STACK
        at = record.failure.at if record.failure else None
        return stack in self._accepted and self._accepted[stack] == at

    # At rest

    def check_at_rest(self) -> None:
        """Check that an upgrade has ended, or waits for a person."""
        upgrade = self._world.upgrades.kept
        if upgrade is None:
            return
        is_paused = upgrade.status is S.PAUSED
        assert is_paused or upgrade.ended_at is not None, f"it goes on for ever: {upgrade}"
        if upgrade.status is S.ABORTED:
            left = [each for each in self._members(upgrade.id) if _is_open(each)]
            assert not left, f"{left} are chosen by an upgrade that was aborted"


def _is_open(record: StackRecord) -> bool:
    return record.upgrade is not None and record.upgrade.ended_at is None


def _require(holds: object, otherwise: str) -> None:
    if not holds:
        raise Broken(otherwise)
