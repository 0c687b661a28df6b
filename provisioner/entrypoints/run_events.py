"""EventBridge: a run ended outside its workflow, its job waits in Batch, or its container runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from provisioner import jobs
from provisioner.entrypoints.function import about, function, logger
from provisioner.errors import ProvisionerError
from provisioner.runs.completion import complete
from provisioner.runs.model import ENDED_AS, EndedExecution, RunStatus, waited_of
from provisioner.runs.pending import batch_news, task_news

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from provisioner.entrypoints.wiring import Runtime
    from provisioner.runs.pending import BatchNews


@function
def handler(event: dict[str, Any], _context: LambdaContext, runtime: Runtime) -> None:
    """Complete the run of an execution that was stopped, timed out or failed.

    Of Batch's events only the reason of waiting is noted, and of a container that runs its log.

    Raises
    ------
    ProvisionerError
        If a step failed: EventBridge delivers again, and every step can be repeated.
    """
    match event.get("source"):
        case "aws.batch":
            _note(runtime, event)
        case "aws.ecs":
            _note_task(runtime, event)
        case _:
            _complete(runtime, event["detail"])


def _complete(runtime: Runtime, detail: dict[str, Any]) -> None:
    """Complete the run of an execution that has ended."""
    state_machine_name = detail["stateMachineArn"].rpartition(":")[2]
    job_name = jobs.job_name_of(runtime.settings.platform.prefix, state_machine_name)
    if job_name is None or detail["status"] not in ENDED_AS:
        return
    execution = EndedExecution(
        job_name=job_name,
        execution_name=detail["name"],
        execution_arn=detail["executionArn"],
        status=ENDED_AS[detail["status"]],
        started_at=_time(detail["startDate"]),
        ended_at=_time(detail["stopDate"]),
        error=detail.get("error"),
        cause=detail.get("cause"),
        waited=_waited(runtime, job_name, detail),
    )
    with about(runtime, job_name):
        completed = complete(execution, runtime.triggers, runtime.work)
        logger.info(
            "run ended",
            execution_name=execution.execution_name,
            status=execution.status,
            extra=_said(execution),
            stopped_work=completed.stopped_work,
            wrote_row=completed.wrote_row,
            released_lock=completed.released_lock,
        )


def _note(runtime: Runtime, event: dict[str, Any]) -> None:
    """Write onto a run's row why its work waits, or where it logs. Nothing fails for it."""
    news = batch_news(event, runtime.settings.platform.prefix)
    if news is None:
        return
    key = (news.job_name, news.trigger_id)
    try:
        if news.waits:
            runtime.triggers.note_pending(*key, news.text(_position(runtime, news)), news.at)
        else:
            runtime.triggers.note_begun(*key, news.at, news.log_stream)
    except ProvisionerError:
        with about(runtime, news.job_name):
            logger.warning("the reason of waiting was not written", exc_info=True)


def _note_task(runtime: Runtime, event: dict[str, Any]) -> None:
    """Write onto a run's row where its task logs. Nothing fails for it."""
    news = task_news(event, runtime.settings.platform.prefix)
    if news is None:
        return
    try:
        runtime.triggers.note_begun(news.job_name, news.trigger_id, news.at, news.log_stream)
    except ProvisionerError:
        with about(runtime, news.job_name):
            logger.warning("where a task logs was not written", exc_info=True)


def _position(runtime: Runtime, news: BatchNews) -> int | None:
    """Return the job's place in its queue; None also when Batch does not say it now."""
    try:
        return runtime.batch_jobs.position(news.queue_arn, news.batch_job_arn)
    except ProvisionerError as error:
        logger.warning("the place in the queue is not known", reason=str(error))
        return None


def _said(execution: EndedExecution) -> dict[str, object]:
    """Return why a run was stopped; what a job's own errors say stays out of the log."""
    said = {"error": execution.error, "cause": execution.cause}
    stopped = execution.status is RunStatus.STOPPED
    return {name: text for name, text in said.items() if text and stopped}


def _waited(runtime: Runtime, job_name: str, detail: dict[str, Any]) -> str | None:
    """Return `EndedExecution.waited`; an event leaves out an input that is too large for it."""
    if detail.get("input") is not None:
        return waited_of(detail["input"])
    ended = runtime.executions.ended(job_name, detail["executionArn"])
    return ended.waited if ended else None


def _time(epoch_milliseconds: int) -> datetime:
    return datetime.fromtimestamp(epoch_milliseconds / 1000, UTC)
