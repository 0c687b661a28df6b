"""Why the work of a run has not begun, and where it logs: what AWS Batch and ECS say. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provisioner import jobs
from provisioner.runs.keys import is_trigger_id

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_REASON_CHARACTERS = 500
"""Ours; AWS Batch has no limit for a status reason, and its own are a sentence."""

TASK_STREAMS = "job/job/"
"""Begins the log streams of tasks, which end with the task's id (ECS, `awslogs-stream-prefix`)."""


@dataclass(frozen=True, slots=True)
class BatchNews:
    """A job of a run waits in a queue, or has begun.

    Attributes
    ----------
    at
        When, as EventBridge says it: ISO 8601 in UTC.
    waits
        Whether it waits; else its container runs.
    reason
        What Batch says about the waiting, "" when it says nothing.
    log_stream
        Of the container that has begun; None of an array, whose children have one each.
    """

    job_name: str
    trigger_id: str
    at: str
    queue_arn: str
    batch_job_arn: str
    waits: bool
    reason: str
    log_stream: str | None = None

    def text(self, position: int | None) -> str:
        """Return the reason for people; `position` is the job's place in its queue, from 1."""
        queue = self.queue_arn.rpartition("/")[2]
        place = f"is number {position} in the queue {queue}" if position else f"waits in {queue}"
        return f"{place}: {self.reason}" if self.reason else place


def batch_news(event: Mapping[str, Any], prefix: str) -> BatchNews | None:
    """Return what an event of Batch says about a run, None when it is not about one.

    The container's own variables say which run it is. Items of a fan-out say nothing: there are
    many of them, and one row.
    """
    match event:
        case {
            "time": str(at),
            "detail": {
                "jobArn": str(job_arn),
                "jobQueue": str(queue),
                "jobDefinition": str(definition),
                "status": str(status),
                "container": {"environment": [*environment], **container},
                **detail,
            },
        }:
            variables = _variables(environment)
            name = definition.rpartition("/")[2].partition(":")[0]
            job_name = jobs.job_name_of(prefix, name)
            trigger_id = variables.get("TRIGGER_ID", "")
            if job_name and is_trigger_id(trigger_id) and "FAN_OUT_INDEX" not in variables:
                said = str(detail.get("statusReason", ""))[:MAX_REASON_CHARACTERS]
                waits = status == "RUNNABLE"
                log = None if "arrayProperties" in detail else _log_stream(container)
                return BatchNews(job_name, trigger_id, at, queue, job_arn, waits, said, log)
    return None


@dataclass(frozen=True, slots=True)
class TaskNews:
    """The container of a run's task runs; `at` is when, as EventBridge says it: ISO 8601 in UTC."""

    job_name: str
    trigger_id: str
    at: str
    log_stream: str


def task_news(event: Mapping[str, Any], prefix: str) -> TaskNews | None:
    """Return what an event of ECS says about a run, None when it is not about one.

    As for Batch, the variables that the workflow gave the container say which run it is.
    """
    match event:
        case {
            "time": str(at),
            "detail": {
                "taskArn": str(task),
                "taskDefinitionArn": str(definition),
                "overrides": {"containerOverrides": [{"environment": [*environment]}]},
            },
        }:
            variables = _variables(environment)
            name = definition.rpartition("/")[2].partition(":")[0]
            job_name = jobs.job_name_of(prefix, name)
            trigger_id = variables.get("TRIGGER_ID", "")
            if job_name and is_trigger_id(trigger_id) and "FAN_OUT_INDEX" not in variables:
                return TaskNews(job_name, trigger_id, at, TASK_STREAMS + task.rpartition("/")[2])
    return None


def _log_stream(container: Mapping[Any, object]) -> str | None:
    match container.get("logStreamName"):
        case str(name) if 0 < len(name) <= _LOG_STREAM_CHARACTERS:
            return name
    return None


_LOG_STREAM_CHARACTERS = 512
"""CloudWatch Logs, CreateLogStream."""


def _variables(environment: list[Any]) -> dict[str, str]:
    return {
        name: value
        for one in environment
        for name, value in [(one.get("name"), one.get("value"))]
        if isinstance(name, str) and isinstance(value, str)
    }
