"""Triggers table stream: a lock was freed or a run was queued; start the run whose turn it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from provisioner import events
from provisioner.entrypoints.measuring import Count, count
from provisioner.entrypoints.running import control
from provisioner.entrypoints.shared import buried, function, item_failures, logger
from provisioner.errors import TemporaryError

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@function
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Look at every job that a batch of stream records names, each once.

    A record whose job could not be looked at comes again when that may help; as long as runs of a
    job wait the sweep looks at it, too. A record that names no job goes to the dead-letter queue.
    """
    errors: dict[str, Exception | None] = {}
    again = []
    for record in event["Records"]:
        try:
            job_name = events.of_stream_record(record)
        except Exception as error:  # noqa: BLE001  (whatever a record does, its neighbours go on)
            if not buried(json.dumps(record, default=str), error, "run_stream"):
                again.append(record)
            continue
        if not events.may_free_a_run(record):
            continue
        if job_name not in errors:
            errors[job_name] = _error_of(job_name)
        if isinstance(errors[job_name], TemporaryError):
            again.append(record)
    return item_failures(again)


def _error_of(job_name: str) -> Exception | None:
    """Start the job's next run if it has one to start; return what went wrong."""
    with logger.append_context_keys(job_name=job_name):
        try:
            execution_name = control().start_next(job_name)
        except Exception as error:
            logger.exception("starting the next run failed")
            count(Count.LOOKS_FAILED)
            return error
        if execution_name:
            logger.info("started a run that waited", execution_name=execution_name)
        return None
