"""Triggers table stream: start the runs whose turn it is, and what the end of a run leads to."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from provisioner import events
from provisioner.aws.jobs_table import JobsTable
from provisioner.aws.triggers_table import TriggersTable
from provisioner.entrypoints.metrics import Count, count
from provisioner.entrypoints.running import control, dependency_starter, message_runs
from provisioner.entrypoints.shared import (
    clients,
    function,
    item_failures,
    logger,
    send_to_dead_letter_queue,
    settings,
)
from provisioner.errors import TemporaryError
from provisioner.jobs import InvalidRow, guarded
from provisioner.runs.model import RunStatus
from provisioner.runs.pausing import pause_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from aws_lambda_powertools.utilities.typing import LambdaContext

    Step: TypeAlias = Callable[[str], None]

_LOOKED_THROUGH = 300
"""The last runs of a job, skipped and stopped ones among them, that may pause its schedule."""


@function
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Look at every job that a batch of stream records names, each once.

    A record whose job could not be looked at comes again when that may help. Else the sweep sees to
    runs and messages that wait; what it does not know of, and a record that names no job, goes to
    the dead-letter queue.
    """
    done: dict[tuple[str, Step], bool] = {}
    again = []
    for record in event["Records"]:
        try:
            job_name = events.of_stream_record(record)
        except Exception as error:  # noqa: BLE001  (whatever a record does, its neighbours go on)
            if not send_to_dead_letter_queue(json.dumps(record, default=str), error, "run_stream"):
                again.append(record)
            continue
        for step in _steps(record):
            key = (job_name, step)
            if key not in done:
                done[key] = _done(job_name, step, record)
            if not done[key]:
                again.append(record)
                break
    return item_failures(again)


def _steps(record: Mapping[str, object]) -> Iterator[Step]:
    """Yield what a record may be a reason for."""
    if events.may_start_a_waiting_run(record):
        yield _start_next
    match events.status_in(record):
        case RunStatus.SUCCEEDED:
            yield _start_dependants
        case RunStatus.FAILED | RunStatus.TIMED_OUT:
            yield _pause_after_failures
        case _:
            pass
    if run := events.ended_message_run(record):
        yield partial(_release_slot, run=run)


def _done(job_name: str, step: Step, record: Mapping[str, object]) -> bool:
    """Take a step; False when its record has to come again."""
    with logger.append_context_keys(job_name=job_name):
        try:
            step(job_name)
        except Exception as error:
            logger.exception("a step after a record failed")
            count(Count.RECONCILE_ERRORS)
            if isinstance(error, TemporaryError):
                return False
            if step not in (_start_dependants, _pause_after_failures):
                return True  # the sweep comes to the same
            payload = json.dumps({"Records": [events.end_alone(record)]})
            return send_to_dead_letter_queue(payload, error, "run_stream", job_name)
        return True


def _start_next(job_name: str) -> None:
    if execution_name := control().start_next(job_name):
        logger.info("started a run that waited", execution_name=execution_name)


def _release_slot(job_name: str, *, run: str) -> None:
    message_runs().run_ended(job_name, run)


def _pause_after_failures(job_name: str) -> None:
    row = JobsTable(clients(), settings().jobs_table).get_many([job_name]).get(job_name)
    job = guarded.parse(row) if row else None
    failures = None if job is None or isinstance(job, InvalidRow) else job.pause_on_failures
    if not failures:
        return
    triggers = TriggersTable(clients(), settings().platform.triggers_table)
    runs = triggers.last(job_name, _LOOKED_THROUGH)
    pause = pause_after(failures, runs, triggers.pause(job_name), datetime.now(UTC))
    if pause is not None:
        triggers.set_pause(job_name, pause)
        logger.warning("paused the schedule", note=pause.note)


def _start_dependants(job_name: str) -> None:
    if started := dependency_starter().start_dependants(job_name):
        logger.info("started dependants", started=started)
