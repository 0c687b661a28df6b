"""One attempt of a job: a task of the engine's ECS, to its end."""

from __future__ import annotations

import json
import time
from typing import Any

from provisioner.local.shim.batch.records import LOCK, Job, change, end, queue_of, resources
from provisioner.local.shim.patching import private

_ECS = "ministack.services.ecs"
_BATCH = "ministack.services.batch"
_CLUSTER = "AWSBatch-local"
_CONTAINER = "default"
_POLL_SECONDS = 0.2
_KILLED = 137
"""Of a container that Fargate stopped; the engine's tasks end with 0 then."""

EXITED = "Essential container in task exited"
TOO_LONG = "Job attempt duration exceeded timeout"
NOT_STARTED = "Task failed to start"


def run(job: Job) -> None:
    """Run a job's next attempt; afterwards the job has ended, or is RUNNABLE again."""
    started = private(_BATCH, "_now_ms")()
    task_arn = _start(job)
    with LOCK:
        job["_task"] = task_arn
    stream = f"{_prefix(job)}/{_CONTAINER}/{task_arn.rpartition('/')[2]}"
    container: dict[str, Any] = {"taskArn": task_arn, "logStreamName": stream}
    change(job, "RUNNING", startedAt=started, container=container)
    if job["isTerminated"]:  # while it started
        stop(job, job["_reason"])
    task, late = _ended(job, task_arn, started)
    reason = _described(task, container, late=late, stopped=job["isTerminated"])
    _conclude(job, container, reason, started)


def stop(job: Job, reason: str) -> None:
    """Stop the task of a job's attempt, if there is one by now."""
    if task := job.get("_task"):
        _ecs("_stop_task", {"cluster": _CLUSTER, "task": task, "reason": reason})


def again(strategy: dict[str, Any], code: int | None, reason: str, status_reason: str) -> bool:
    """Tell whether a failed attempt is repeated, by the first rule of which all conditions hold.

    No rule that matches means another attempt (AWS Batch, EvaluateOnExit).
    """
    ends = {"onExitCode": "" if code is None else str(code), "onReason": reason}
    ends["onStatusReason"] = status_reason
    for rule in strategy.get("evaluateOnExit", ()):
        if all(_matches(rule[name], text) for name, text in ends.items() if name in rule):
            return str(rule["action"]).upper() == "RETRY"
    return True


def _matches(pattern: str, text: str) -> bool:
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern


def _start(job: Job) -> str:
    size = resources(job)
    container = job["_container"]
    definition = {
        "family": f"batch-{job['_definition']}",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": str(int(float(size["VCPU"]) * 1024)),
        "memory": size["MEMORY"],
        "taskRoleArn": container.get("jobRoleArn"),
        "executionRoleArn": container.get("executionRoleArn"),
        "containerDefinitions": [_definition(job)],
    }
    registered = _ecs("_register_task_definition", definition)["taskDefinition"]
    started = _ecs(
        "_run_task",
        {
            "cluster": _CLUSTER,
            "taskDefinition": registered["taskDefinitionArn"],
            "launchType": "FARGATE",
            "startedBy": job["jobId"].replace(":", "-"),
        },
    )
    return str(started["tasks"][0]["taskArn"])


def _definition(job: Job) -> dict[str, Any]:
    container, overrides = job["_container"], job["_overrides"]
    given = [*container.get("environment", ()), *overrides.get("environment", ())]
    environment = {one["name"]: one["value"] for one in given} | _own_variables(job)
    definition = {
        "name": _CONTAINER,
        "image": container["image"],
        "essential": True,
        "environment": [{"name": name, "value": text} for name, text in environment.items()],
        "secrets": container.get("secrets", []),
        "logConfiguration": container.get("logConfiguration"),
    }
    if command := overrides.get("command") or container.get("command"):
        definition["command"] = command
    return definition


def _own_variables(job: Job) -> dict[str, str]:
    variables = {
        "AWS_BATCH_JOB_ID": job["jobId"],
        "AWS_BATCH_JOB_ATTEMPT": str(len(job["attempts"]) + 1),
        "AWS_BATCH_JQ_NAME": queue_of(job)["jobQueueName"],
        "AWS_BATCH_CE_NAME": job["_environment"],
    }
    if (index := job.get("arrayProperties", {}).get("index")) is not None:
        variables["AWS_BATCH_JOB_ARRAY_INDEX"] = str(index)
    return variables


def _prefix(job: Job) -> str:
    options = (job["_container"].get("logConfiguration") or {}).get("options", {})
    return str(options.get("awslogs-stream-prefix", job["_definition"]))


def _ended(job: Job, task_arn: str, started: int) -> tuple[dict[str, Any], bool]:
    """Wait for a task's end; tell also whether it was stopped because it took too long."""
    limit, late = job["timeout"].get("attemptDurationSeconds"), False
    while True:
        task = _ecs("_describe_tasks", {"cluster": _CLUSTER, "tasks": [task_arn]})["tasks"][0]
        if task["lastStatus"] == "STOPPED":
            return task, late
        if limit and not late and private(_BATCH, "_now_ms")() - started > limit * 1000:
            late = True
            stop(job, TOO_LONG)
        time.sleep(_POLL_SECONDS)


def _described(
    task: dict[str, Any], container: dict[str, Any], *, late: bool, stopped: bool
) -> str:
    """Write how a task ended into the job's container; return the attempt's status reason."""
    ended = task["containers"][0]
    if task.get("stopCode") == "TaskFailedToStart":
        container["reason"] = str(task.get("stoppedReason", ""))[:255]
        return NOT_STARTED
    container["exitCode"] = _KILLED if late or stopped else ended.get("exitCode")
    if reason := ended.get("reason"):
        container["reason"] = reason
    return TOO_LONG if late else EXITED


def _conclude(job: Job, container: dict[str, Any], reason: str, started: int) -> None:
    attempt = {"container": container, "statusReason": reason, "startedAt": started}
    with LOCK:
        job["container"] = container
        job["attempts"].append({**attempt, "stoppedAt": private(_BATCH, "_now_ms")()})
        job["_task"] = None
    code = container.get("exitCode")
    left = len(job["attempts"]) < int(job["retryStrategy"].get("attempts", 1))
    if job["isTerminated"]:
        end(job, "FAILED", job["_reason"])
    elif code == 0:
        end(job, "SUCCEEDED", reason)
    elif (
        reason != TOO_LONG
        and left
        and again(job["retryStrategy"], code, container.get("reason", ""), reason)
    ):
        change(job, "RUNNABLE")
    else:
        end(job, "FAILED", reason)


def _ecs(action: str, asked: dict[str, Any]) -> dict[str, Any]:
    status, _, body = private(_ECS, action)(asked)
    answer: dict[str, Any] = json.loads(body)
    if status >= 400:
        message = answer.get("message", str(answer))
        raise RuntimeError(message)
    return answer
