"""The sweep of the upgrade: it marks the next jobs, and the reconcile queue does the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.entrypoints.function import logger
from provisioner.entrypoints.metrics import Count
from provisioner.errors import ConflictError
from provisioner.stacks import upgrade as upgrades
from provisioner.stacks import upgrade_progress, upgrade_steps
from provisioner.stacks.model import JobStatus
from provisioner.stacks.upgrade import AUTOMATIC, DEFAULT_SOAK, Upgrade, UpgradeStatus

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from provisioner.entrypoints.wiring import Runtime
    from provisioner.stacks.model import StackRecord
    from provisioner.stacks.upgrade import FailedRun
    from provisioner.stacks.upgrade_steps import UpgradeStep


def advance(runtime: Runtime, now: datetime) -> int:
    """Take the upgrade a step further; return how many jobs were reconciled for it.

    It reads all Stacks rows while an upgrade runs, and one item otherwise. Its state is written
    before any job is marked: whoever comes second does nothing.
    """
    upgrade = _automatic(runtime, now) or runtime.upgrades.get()
    if upgrade is None:
        return 0
    if upgrade.is_due:
        records = list(runtime.stacks.all())
        failed = _failed_runs(runtime, upgrade, records)
        step = upgrade_steps.step(upgrade, records, failed, runtime.template_version, now)
        try:
            _save(runtime, upgrade, step)
        except ConflictError:
            return 0
        _log(upgrade, step)
        upgrade = step.upgrade
        count = _take(runtime, step, now)
    else:
        count = 0
    runtime.metrics.count(Count.UPGRADES_PAUSED, upgrade.status is UpgradeStatus.PAUSED)
    return count


def report(runtime: Runtime, now: datetime) -> dict[str, object]:
    """Return what an upgrade would change in the stacks of the jobs that are READY."""
    # Templates take long to import, and a sweep needs none.
    from provisioner.service import template_changes  # noqa: PLC0415

    outdated = [
        each
        for each in runtime.stacks.all()
        if each.status is JobStatus.READY and upgrades.is_outdated(each, runtime.template_version)
    ]
    return template_changes.report(
        outdated,
        runtime.jobs.get_many,
        runtime.cloudformation.template,
        runtime.settings.platform,
        now,
        runtime.chance,
    )


def _save(runtime: Runtime, before: Upgrade, step: UpgradeStep) -> None:
    """Write how far an upgrade has come, and into the audit what people want to know of that."""
    # Only while an upgrade is in progress: the service takes long to import.
    from provisioner.service import upgrade_audit  # noqa: PLC0415

    done = upgrade_audit.steps_of(before, step.upgrade, marks=bool(step.mark))
    with upgrade_audit.step_recorded(runtime.service(lambda: upgrade_audit.CALLER), done):
        runtime.upgrades.save(step.upgrade)


def _take(runtime: Runtime, step: UpgradeStep, now: datetime) -> int:
    mark = upgrade_steps.mark_of(step.upgrade, now)
    done = [each.job_name for each in step.mark if runtime.stacks.set_upgrade(each, mark)]
    done += [each.job_name for each in step.unmark if runtime.stacks.set_upgrade(each, None)]
    runtime.reconcile_queue.send_many(dict.fromkeys((*done, *step.queue), 0))
    return len(done) + len(step.queue)


def _failed_runs(
    runtime: Runtime, upgrade: Upgrade, records: Sequence[StackRecord]
) -> list[FailedRun]:
    """Return the runs that failed because of the upgrade, as far as anybody can tell.

    A job whose last run before it had failed as well says nothing about it.
    """
    marks = {
        each.job_name: each.upgrade.at
        for each in records
        if each.upgrade and each.upgrade.id == upgrade.id and each.upgrade.ended_at
    }
    if not marks:
        return []
    found = upgrade_progress.blamed(upgrade, records, runtime.failed_runs.since(upgrade.started_at))
    known = {each.job_name for each in upgrade.failures}
    return [
        run
        for run in found
        if run.job_name not in known
        and not runtime.failed_runs.had_failed(run.job_name, marks[run.job_name])
    ]


def _automatic(runtime: Runtime, now: datetime) -> Upgrade | None:
    """Return the upgrade that begins because this release was deployed, once for each."""
    waves = runtime.settings.automatic_upgrade
    if not waves:
        return None
    last = runtime.upgrades.get()
    if last is not None and (last.ended_at is None or last.to == runtime.template_version):
        return None
    return Upgrade(
        id=upgrades.new_id(now, runtime.chance),
        waves=waves,
        soak=DEFAULT_SOAK,
        pause_on_failures=1,
        by=AUTOMATIC,
        started_at=now,
        version=last.version if last else 0,
    )


def _log(before: Upgrade, step: UpgradeStep) -> None:
    after = step.upgrade
    logger.info("upgrade", id=after.id, status=after.status, wave=after.wave, marked=len(step.mark))
    if after.status is not before.status and after.status is not UpgradeStatus.SUCCEEDED:
        logger.error("the upgrade stops", id=after.id, status=after.status, reason=after.reason)
