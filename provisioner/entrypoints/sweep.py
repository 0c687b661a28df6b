"""Every five minutes: what no event came for. Once a day: all rows against all stacks."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from provisioner.aws.reconcile_queue import MAX_DELAY_SECONDS
from provisioner.entrypoints import sweep_lists, sweep_revisions, sweep_runs, sweep_upgrade
from provisioner.entrypoints.function import about, function, logger
from provisioner.entrypoints.metrics import Count
from provisioner.entrypoints.notify import queued_too_long
from provisioner.errors import ProvisionerError
from provisioner.jobs import InvalidRow, guarded, tracked_artifacts
from provisioner.stacks.built_code import to_clean
from provisioner.stacks.daily_check import compare, due_for_drift, withhold_mass_deletions
from provisioner.stacks.model import Deletion, JobStatus, StackRecord
from provisioner.stacks.rate_limits import is_plausible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from provisioner.entrypoints.wiring import Runtime
    from provisioner.stacks.daily_check import Finding

STUCK_AFTER = timedelta(minutes=15)
"""A row that nothing has touched for so long has missed its event, or has a slow resource."""

OVERDUE_AFTER = timedelta(minutes=2)
"""A job that was to be looked at so long ago has lost its message."""

_OPERATING = (JobStatus.CREATING, JobStatus.UPDATING, JobStatus.DELETING)
_WAITING = (JobStatus.PENDING, JobStatus.RETRYING)


@function
def handler(
    event: dict[str, Any], _context: LambdaContext, runtime: Runtime
) -> dict[str, object] | None:
    """Queue the jobs that are stuck; complete, start and report the runs whose events were lost.

    Give a new cluster its capacity providers, too.

    With `{"compare": true}` it queues every job that differs from its row instead, and has drift
    detected on all others. With `{"upgrade": true}` it takes the upgrade a step further, at once.
    With `{"upgrade_report": true}` it returns what an upgrade would change.
    """
    now = runtime.clock()
    if event.get("compare"):
        _compare(runtime)
        return None
    if event.get("upgrade"):
        sweep_upgrade.advance(runtime, now)
        return None
    if event.get("upgrade_report"):
        return sweep_upgrade.report(runtime, now)
    _repair(runtime, now)
    return None


def _repair(runtime: Runtime, now: datetime) -> None:
    """Take every step of the sweep, and fail at the end if one has failed."""
    steps: dict[str, Callable[[Runtime, datetime], int]] = {
        "stuck_jobs": _queue_stuck,
        "ended_runs": sweep_runs.complete_ended_runs,
        "started_runs": sweep_runs.start_waiting_runs,
        "overdue_machines": sweep_runs.stop_overdue_machines,
        "unparked_messages": sweep_runs.unpark_messages,
        "reported_waiting_runs": queued_too_long,
        "indexed_runs": sweep_runs.index_earlier_runs,
        "listed_jobs": sweep_lists.list_earlier_jobs,
        "upgraded_jobs": sweep_upgrade.advance,
        "associated_capacity_providers": _associate_capacity_providers,
    }
    done: dict[str, int] = {}
    failed: Exception | None = None
    for name, step in steps.items():
        try:
            done[name] = step(runtime, now)
        except Exception as error:  # the other steps do not depend on it
            logger.exception("a step of the sweep failed", step=name)
            failed = error
    logger.info("swept", extra=done)
    if failed is not None:
        raise failed


def _associate_capacity_providers(runtime: Runtime, _now: datetime) -> int:
    return int(runtime.capacity_providers.associate())


def _queue_stuck(runtime: Runtime, now: datetime) -> int:
    found = list(_stuck(runtime, now))
    held = [record for record in found if record.deletion is Deletion.HELD]
    runtime.metrics.count(Count.DELETIONS_WITHHELD, len(held))
    stuck = {record.job_name: 0 for record in found if record not in held}
    runtime.reconcile_queue.send_many(stuck)
    runtime.metrics.count(Count.JOBS_STUCK, len(stuck))
    return len(stuck)


def _stuck(runtime: Runtime, now: datetime) -> Iterator[StackRecord]:
    for status in _OPERATING:
        yield from runtime.stacks.by_status(status, until=now - STUCK_AFTER)
    for status in _WAITING:
        for record in runtime.stacks.by_status(status, until=now - OVERDUE_AFTER):
            at = _woken_at(record)
            held = record.deletion is Deletion.HELD
            if held or at <= now - OVERDUE_AFTER or not is_plausible(at, now):
                yield record


def _woken_at(record: StackRecord) -> datetime:
    """Return when a waiting job was to be looked at, as far as it says."""
    if record.reservation is not None:
        return record.reservation.at
    touched = record.updated_at or datetime.min.replace(tzinfo=UTC)
    return record.next_attempt_at or touched + STUCK_AFTER


def _compare(runtime: Runtime) -> None:
    revisions = sweep_revisions.active(runtime)
    stacks = {stack.job_name: stack for stack in runtime.cloudformation.job_stacks()}
    records = {record.job_name: record for record in runtime.stacks.all()}
    rows, tracked = _read_rows(runtime)
    runtime.deletion_budget.count_jobs(len(rows))
    findings = compare(rows, records, stacks)
    _queue_differing(runtime, findings, len(stacks))
    due = due_for_drift(findings, records, stacks)
    runtime.reconcile_queue.send_many(
        {name: runtime.chance.randint(0, MAX_DELAY_SECONDS) for name in (*due, *to_clean(records))},
        detect_drift=True,
    )
    runtime.artifact_index.add_all(  # what an INVALID row tracked before does not expire either
        (name, record.artifacts, record.version)
        for name, record in records.items()
        if name in rows and tracked.get(name, record.artifacts) == record.artifacts
    )
    sweep_revisions.deregister(runtime, revisions, records, runtime.clock())
    unlisted = [name for name, record in records.items() if name in rows and not record.row]
    sweep_lists.list_jobs(runtime, [records[name] for name in sweep_lists.some(runtime, unlisted)])
    recounted = sweep_lists.count_runs_again(runtime, sweep_lists.some(runtime, rows))
    found_of = Counter(findings.values())
    logger.info("compared", rows=len(rows), stacks=len(stacks), found=found_of, recounted=recounted)


def _read_rows(runtime: Runtime) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """Return the digest of each row, and what each valid one tracks; old runs are deleted."""
    rows: dict[str, str] = {}
    tracked: dict[str, tuple[str, ...]] = {}
    for row in runtime.jobs.all():
        name = str(row["job_name"])
        parsed = guarded.parse(row, runtime.settings.platform.allowed)
        rows[name] = guarded.row_digest(row, parsed)
        if isinstance(parsed, InvalidRow):
            continue
        tracked[name] = tracked_artifacts(parsed)
        if parsed.history_limit:
            _prune(runtime, name, parsed.history_limit)
    return rows, tracked


def _queue_differing(runtime: Runtime, findings: Mapping[str, Finding], stacks: int) -> None:
    """Queue the jobs that the check has found, unless so many rows are gone that it is an error."""
    found = withhold_mass_deletions(findings, stacks)
    withheld = sorted(findings.keys() - found.keys())
    if withheld:
        logger.error("so many rows are gone that their stacks stay", jobs=withheld)
    runtime.metrics.count(Count.DELETIONS_WITHHELD, len(withheld))
    runtime.metrics.count(Count.JOBS_QUEUED_BY_DAILY_CHECK, len(found))
    runtime.reconcile_queue.send_many(dict.fromkeys(found, 0))


def _prune(runtime: Runtime, job_name: str, keep: int) -> None:
    with about(runtime, job_name):
        try:
            runtime.triggers.prune(job_name, keep)
        except ProvisionerError:
            logger.exception("deleting old runs failed")
