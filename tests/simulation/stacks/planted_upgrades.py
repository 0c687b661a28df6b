"""Bugs that an upgrade may have, each planted in what the functions are handed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from provisioner.jobs import InvalidRow, Job
from provisioner.jobs.unbuilt import Unbuilt
from provisioner.stacks import plan
from provisioner.stacks.actions import Desired, Nothing, StackAction, Update, ValidRow
from provisioner.stacks.model import JobStatus, StackRecord, StackState, UpgradeMark
from provisioner.stacks.ports import Ports
from provisioner.stacks.upgrade import Upgrade, UpgradeStatus, resume
from tests.simulation.stacks.bug import Bug
from tests.simulation.stacks.planting import Like, ports_with
from tests.simulation.stacks.releases import FIRST
from tests.simulation.stacks.upgrades import BeginUpgrade


def _updating_outdated(
    desired: Desired, record: StackRecord, observed: StackState | None, now: datetime
) -> StackAction:
    """Update whatever other templates have made."""
    action = plan.decide(desired, record, observed, now)
    is_ready = isinstance(action, Nothing) and action.status is JobStatus.READY
    if is_ready and isinstance(desired, ValidRow) and observed is not None:
        is_outdated = observed.template_version != desired.template_version
        return Update(desired) if is_outdated else action
    return action


def _unpinned(ports: Ports) -> Ports:
    """Have jobs that an upgrade has chosen run the newest code, though their rows pin another."""

    def pin(job: Job) -> Job | InvalidRow | Unbuilt:
        record = ports.stacks.get_many([job.job_name]).get(job.job_name)
        is_chosen = record is not None and record.upgrade is not None
        return ports.pin(job.model_copy(update={"pin": None}) if is_chosen else job)

    return replace(ports, pin=pin)


class InOneWave(Like):
    """The upgrade, whose waves are all jobs."""

    def get(self) -> Upgrade | None:
        found: Upgrade | None = self.port.get()
        return found and replace(found, waves=(100,), wave=0)


class NeverPausing(Like):
    """The upgrade, which any number of failures lets go on."""

    def get(self) -> Upgrade | None:
        found: Upgrade | None = self.port.get()
        return found and replace(found, pause_on_failures=100)


class ResumingByItself(Like):
    """The upgrade, whose pauses end with the next step."""

    def get(self) -> Upgrade | None:
        found: Upgrade | None = self.port.get()
        if found is None or found.status is not UpgradeStatus.PAUSED:
            return found
        return resume(found)


class WithoutReason(Like):
    """The upgrade, which does not say why it is paused."""

    def save(self, upgrade: Upgrade) -> None:
        self.port.save(replace(upgrade, reason=""))


class WithoutSoak(Like):
    """The upgrade, whose waves follow at once."""

    def get(self) -> Upgrade | None:
        found: Upgrade | None = self.port.get()
        return found and replace(found, soak=found.soak * 0)


class AsIfReady(Like):
    """The Stacks table, in which an upgrade takes jobs of a status for READY."""

    status: JobStatus

    def all(self) -> Iterable[StackRecord]:
        return [self._as_if_ready(each) for each in self.port.all()]

    def _as_if_ready(self, record: StackRecord) -> StackRecord:
        is_meant = record.status is self.status
        return replace(record, status=JobStatus.READY) if is_meant else record


class PausedReady(AsIfReady):
    status = JobStatus.PAUSED


class InvalidReady(AsIfReady):
    status = JobStatus.INVALID


class FailedReady(AsIfReady):
    status = JobStatus.FAILED


class JustMarked(Like):
    """The Stacks table, in which nobody sees how long ago a job was chosen."""

    def all(self) -> Iterable[StackRecord]:
        return [self._just_marked(each) for each in self.port.all()]

    def _just_marked(self, record: StackRecord) -> StackRecord:
        mark = record.upgrade
        if mark is None or mark.ended_at is not None or record.updated_at is None:
            return record
        return replace(record, upgrade=replace(mark, at=record.updated_at + timedelta(days=1)))


class Downgrading(Like):
    """The Stacks table, in which jobs are chosen for the templates of the first release."""

    def set_upgrade(self, record: StackRecord, mark: UpgradeMark | None) -> bool:
        first = mark and replace(mark, to=FIRST)
        return bool(self.port.set_upgrade(record, first))


class KeepingMarks(Like):
    """The Stacks table, in which a job that was chosen stays so."""

    def set_upgrade(self, record: StackRecord, mark: UpgradeMark | None) -> bool:
        return mark is None or bool(self.port.set_upgrade(record, mark))


class KeepingMarksSilently(Like):
    """The Stacks table, in which an aborted upgrade leaves jobs chosen and says that it is over."""

    def all(self) -> Iterable[StackRecord]:
        return [each for each in self.port.all() if each.upgrade is None]


_BUGS = {
    "upgrades_without_being_asked": Bug(decide=_updating_outdated),
    "upgrades_paused_rows": Bug(ports=ports_with(stacks=PausedReady)),
    "upgrades_invalid_rows": Bug(ports=ports_with(stacks=InvalidReady)),
    "upgrades_failed_jobs": Bug(ports=ports_with(stacks=FailedReady)),
    "upgrades_pinned_code": Bug(ports=_unpinned),
    "upgrades_all_jobs_at_once": Bug(upgrades=InOneWave),
    "goes_on_after_failures": Bug(upgrades=NeverPausing),
    "resumes_an_upgrade_by_itself": Bug(upgrades=ResumingByItself),
    "pauses_an_upgrade_without_a_reason": Bug(upgrades=WithoutReason),
    "waits_for_no_runs_between_waves": Bug(upgrades=WithoutSoak),
    "forgets_an_upgrade_on_a_kill": Bug(ports=ports_with(stacks=JustMarked)),
    "downgrades": Bug(ports=ports_with(stacks=Downgrading)),
    "never_ends_an_aborted_upgrade": Bug(ports=ports_with(stacks=KeepingMarks)),
    "forgets_which_jobs_it_has_chosen": Bug(ports=ports_with(stacks=KeepingMarksSilently)),
}
BUGS = {name: replace(bug, having=BeginUpgrade) for name, bug in _BUGS.items()}
