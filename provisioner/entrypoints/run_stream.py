"""Triggers table stream: start the runs whose turn it is, and what the end of a run leads to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from provisioner import events
from provisioner.aws.items import to_plain
from provisioner.entrypoints.batch import RecordBatch, failures
from provisioner.entrypoints.function import about, function, logger, send_to_dead_letter_queue
from provisioner.entrypoints.metrics import Count
from provisioner.errors import TemporaryError
from provisioner.jobs import InvalidRow, guarded
from provisioner.runs import stream_records
from provisioner.runs.arrays import array_of, children_of, size_of, with_children
from provisioner.runs.cost import cost_values, estimate, month_of
from provisioner.runs.keys import LIST_FIELDS, Field, execution_name_of
from provisioner.runs.listing import derived_of
from provisioner.runs.model import RunStatus, time_of
from provisioner.runs.pausing import pause_after
from provisioner.runs.usage import is_unestimated, usage_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from provisioner.entrypoints.wiring import Runtime
    from provisioner.jobs import Job
    from provisioner.runs.cost import Cost
    from provisioner.runs.usage import Usage

    JobStep: TypeAlias = Callable[[Runtime, str], None]

_LOOKED_THROUGH = 300
"""The last runs of a job, skipped and stopped ones among them, that may pause its schedule."""


@function
def handler(event: dict[str, Any], _context: LambdaContext, runtime: Runtime) -> dict[str, Any]:
    """Take the steps that follow from a batch of stream records, each once per job.

    A record one of whose steps failed is delivered again when that may help. Otherwise the sweep
    starts runs and unparks messages that wait; what it does not know of, and a record that names no
    job, goes to the dead-letter queue.
    """
    done: dict[tuple[str, JobStep], StepResult] = {}
    batch = RecordBatch(event["Records"], events.of_stream_record)
    again = batch.send_unreadable(runtime, "run_stream")
    seen = SeenRuns()
    for record, job_name in batch.read:
        seen.add(job_name, _run_in(record))
        for step in _steps(record, seen):
            key = (job_name, step)
            if key not in done:
                done[key] = _take(runtime, job_name, step, record)
            if done[key] is StepResult.AGAIN:
                again.append(record)
            if done[key] is not StepResult.DONE:
                break
    late = {name for name in seen.rows if not _show(runtime, name, seen.rows[name])}
    again += [record for record, job_name in batch.read if job_name in late]
    return failures(again)


@dataclass
class SeenRuns:
    """The runs of a batch of records, by their jobs, as lists show them."""

    rows: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)

    def add(self, job_name: str, row: Mapping[str, Any] | None) -> None:
        """Note a run as its row is."""
        if row is not None:
            self.rows.setdefault(job_name, []).append(row)


def _run_in(record: Mapping[str, object]) -> Mapping[str, Any] | None:
    """Return what lists show of the run that a record is about, None when it is about none."""
    match record:
        case {"dynamodb": {"Keys": Mapping() as keys, "NewImage": Mapping() as image}}:
            shown = {str(name): image[name] for name in LIST_FIELDS if name in image}
            try:
                return to_plain({**shown, **keys})
            except Exception:
                # A binary value, say, which is a text in a record. The daily check reads it.
                logger.exception("a run in a record cannot be read", keys=keys)
                return None
        case _:
            return None


class StepResult(Enum):
    """What came of a step."""

    DONE = auto()
    AGAIN = auto()
    """The record must be delivered again."""
    KEPT = auto()
    """The record is a dead-letter message: redriving it takes this step, and those after it."""


def _steps(record: Mapping[str, object], seen: SeenRuns) -> Iterator[JobStep]:
    """Yield what a record may be a reason for."""
    if stream_records.may_start_a_waiting_run(record):
        yield _start_next
    if run := stream_records.ended_message_run(record):
        yield partial(_release_slot, run=run)
    match stream_records.status_in(record):
        case RunStatus.SUCCEEDED:
            yield _start_dependants
        case RunStatus.FAILED | RunStatus.TIMED_OUT:
            yield _pause_after_failures
            yield _judge_canary
        case _:
            pass
    if trigger_id := stream_records.ended_run(record):
        yield partial(_complete_row, trigger_id=trigger_id, seen=seen)


def _take(
    runtime: Runtime, job_name: str, step: JobStep, record: Mapping[str, object]
) -> StepResult:
    """Take a step. What fails for good is a dead-letter message, unless the sweep does the same."""
    with about(runtime, job_name):
        try:
            step(runtime, job_name)
        except Exception as error:
            logger.exception("a step after a record failed")
            runtime.metrics.count(Count.RECONCILE_ERRORS)
            if isinstance(error, TemporaryError):
                return StepResult.AGAIN
            if (step.func if isinstance(step, partial) else step) in _SWEPT:
                return StepResult.DONE
            payload = json.dumps({"Records": [stream_records.end_alone(record)]})
            kept = send_to_dead_letter_queue(runtime, payload, error, "run_stream", job_name)
            return StepResult.KEPT if kept else StepResult.AGAIN
        return StepResult.DONE


def _show(runtime: Runtime, job_name: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Show runs in the list of jobs; False when their records must be delivered again.

    What fails for good is left to the daily check.
    """
    with about(runtime, job_name):
        try:
            runtime.recent_runs.add(job_name, rows)
        except Exception as error:
            logger.exception("showing runs in the list of jobs failed")
            runtime.metrics.count(Count.RECONCILE_ERRORS)
            return not isinstance(error, TemporaryError)
        return True


def _start_next(runtime: Runtime, job_name: str) -> None:
    if execution_name := runtime.run_control.start_next(job_name):
        logger.info("started a run that waited", execution_name=execution_name)


def _release_slot(runtime: Runtime, job_name: str, *, run: str) -> None:
    runtime.message_runs.run_ended(job_name, run)


def _valid_job(runtime: Runtime, job_name: str) -> Job | None:
    row = runtime.jobs.get_many([job_name]).get(job_name)
    job = guarded.parse(row) if row else None
    return None if isinstance(job, InvalidRow) else job


def _pause_after_failures(runtime: Runtime, job_name: str) -> None:
    job = _valid_job(runtime, job_name)
    failures = job.pause_on_failures if job else None
    if not failures:
        return
    triggers = runtime.triggers
    runs = triggers.last(job_name, _LOOKED_THROUGH)
    pause = pause_after(failures, runs, triggers.pause(job_name), runtime.clock())
    if pause is not None:
        triggers.set_pause(job_name, pause)
        logger.warning("paused the schedule", note=pause.note)


def _judge_canary(runtime: Runtime, job_name: str) -> None:
    job = _valid_job(runtime, job_name)
    if job is None or job.deploy is None:
        return
    from provisioner.service import canary  # noqa: PLC0415  (only runs that failed need it)

    service = runtime.service(lambda: canary.CALLER)
    if rolled_back := canary.judge(service, job_name, runtime.cloudformation.summary):
        logger.warning("rolled back", to=rolled_back.to.number, why=rolled_back.why)


def _start_dependants(runtime: Runtime, job_name: str) -> None:
    if started := runtime.dependency_starter.start_dependants(job_name):
        logger.info("started dependants", started=started)


def _complete_row(runtime: Runtime, job_name: str, *, trigger_id: str, seen: SeenRuns) -> None:
    """Write what follows from a run's end: what it has used and cost, and what lists show.

    Both are written once, and in one transaction if there are both.
    """
    row = runtime.run_costs.ended(job_name, trigger_id)
    if row is None:
        return
    derived = derived_of(row)
    seen.add(job_name, {**row, **derived})
    usage = usage_of(row) if is_unestimated(row) else None
    if usage is not None:
        cost = _record_cost(runtime, row, usage, derived)
        seen.add(job_name, {**row, **derived, **cost_values(cost)})
    elif derived:
        runtime.run_list.derive(row, derived)


def _record_cost(
    runtime: Runtime, row: Mapping[str, Any], usage: Usage, derived: Mapping[str, object]
) -> Cost | None:
    if usage.untimed:
        usage = _of_array(runtime, row, usage)
    month = month_of(time_of(row.get(Field.ENDED_AT)) or runtime.clock())
    cost = estimate(usage, runtime.rates)
    key = (row[Field.JOB_NAME], row[Field.TRIGGER_ID])
    runtime.run_costs.record(*key, usage, cost, month, derived)
    return cost


def _of_array(runtime: Runtime, row: Mapping[str, Any], usage: Usage) -> Usage:
    """Return what an array has used, the same without times if Batch no longer knows it.

    What a run that was stopped has left running counts up to the run's end.
    """
    run = (row[Field.JOB_NAME], execution_name_of(row[Field.TRIGGER_ID]))
    known = array_of(row)
    arrays = (known,) if known else runtime.batch_jobs.of_run(*run)
    size, end = size_of(row), time_of(row.get(Field.ENDED_AT)) or runtime.clock()
    children = [child for array in arrays for child in children_of(array, size)]
    if not children:
        return usage
    attempts_ms = list(runtime.batch_jobs.attempts_ms(children, end))
    return with_children(usage, size * len(arrays), len(children), attempts_ms)


_SWEPT = (_start_next, _release_slot)
"""Steps to which the sweep comes as well, so that nothing is lost when they fail for good."""
