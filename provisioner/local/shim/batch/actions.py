"""The actions of Batch that jobs are submitted, found and ended with; also from a workflow."""

from __future__ import annotations

import contextvars
import json
import threading
import time
from typing import Any

from provisioner.local.shim.batch import attempts
from provisioner.local.shim.batch.records import (
    ENDED,
    LOCK,
    STARTED,
    Job,
    UnknownDefinitionError,
    end,
    jobs,
    shown,
    submitted,
)
from provisioner.local.shim.batch.resources import camel_case, deregister
from provisioner.local.shim.batch.scheduler import in_order, start_what_fits
from provisioner.local.shim.executions import pascal_case
from provisioner.local.shim.patching import private

_BATCH = "ministack.services.batch"
_STEP_FUNCTIONS = "ministack.services.stepfunctions"
_SUBMIT = "arn:aws:states:::batch:submitJob"
_POLL_SECONDS = 0.1
_MOST_SHOWN = 100
_SUMMARY = (
    *("jobId", "jobArn", "jobName", "jobDefinition", "status", "statusReason", "createdAt"),
    *("startedAt", "stoppedAt", "shareIdentifier", "arrayProperties"),
)

Answer = tuple[int, dict[str, str], bytes]


def install() -> None:
    """Answer the actions, and let workflows submit jobs."""
    private(_BATCH, "_DISPATCH").update(
        {
            "/v1/submitjob": _submit,
            "/v1/describejobs": _describe,
            "/v1/listjobs": _list,
            "/v1/terminatejob": _terminate,
            "/v1/canceljob": _cancel,
            "/v1/getjobqueuesnapshot": _snapshot,
            "/v1/describejobdefinitions": _definitions,
            "/v1/deregisterjobdefinition": _deregister,
        }
    )
    private(_STEP_FUNCTIONS, "_SERVICE_DISPATCH")[_SUBMIT] = _from_a_workflow


def _submit(asked: dict[str, Any]) -> Answer:
    queue = asked["jobQueue"].rpartition("/")[2]
    if queue not in private(_BATCH, "_job_queues"):
        return _refused(f"JobQueue {asked['jobQueue']} not found")
    if private(_BATCH, "_job_queues")[queue].get("schedulingPolicyArn") and not asked.get(
        "shareIdentifier"
    ):
        return _refused("shareIdentifier must be specified for a fairshare job queue")
    try:
        job = submitted(asked)
    except UnknownDefinitionError as error:
        return _refused(f"JobDefinition {error} not found, or not ACTIVE")
    start_what_fits()
    return _json({"jobId": job["jobId"], "jobName": job["jobName"], "jobArn": job["jobArn"]})


def _describe(asked: dict[str, Any]) -> Answer:
    return _json({"jobs": [shown(jobs()[i]) for i in asked.get("jobs", ()) if i in jobs()]})


def _list(asked: dict[str, Any]) -> Answer:
    """Answer the jobs of a queue, or the children of an array.

    With a filter they are of any status, without one of `jobStatus`, which is RUNNING if left out.
    """
    if array := asked.get("arrayJobId"):
        found = [jobs()[child] for child in jobs()[array]["_children"]]
    else:
        queue = asked["jobQueue"].rpartition("/")[2]
        found = [
            job
            for job in jobs().values()
            if job["jobQueue"].rpartition("/")[2] == queue and ":" not in job["jobId"]
        ]
    filters = asked.get("filters") or []
    for one in filters:
        found = [job for job in found if _meets(job, one)]
    if not filters:
        found = [job for job in found if job["status"] == asked.get("jobStatus", "RUNNING")]
    summaries = [{name: job[name] for name in _SUMMARY if name in job} for job in found]
    return _json({"jobSummaryList": summaries})


def _meets(job: Job, condition: dict[str, Any]) -> bool:
    name, [wanted] = job["jobName"].lower(), condition["values"]
    if condition["name"] != "JOB_NAME":
        return False
    wanted = wanted.lower()
    return name.startswith(wanted[:-1]) if wanted.endswith("*") else bool(name == wanted)


def _terminate(asked: dict[str, Any]) -> Answer:
    """End a job whatever its status, with the children of an array."""
    for job in _with_children(asked["jobId"]):
        with LOCK:
            if job["status"] in ENDED:
                continue
            job.update(isTerminated=True, _reason=asked["reason"])
            started = job["status"] in STARTED
        if started:  # not here: a container takes its time, and nobody else is answered
            stopping = (attempts.stop, job, asked["reason"])
            threading.Thread(target=contextvars.copy_context().run, args=stopping).start()
        else:
            end(job, "FAILED", asked["reason"])
    return _json({})


def _cancel(asked: dict[str, Any]) -> Answer:
    """End a job that has not started; one that has started keeps running."""
    for job in _with_children(asked["jobId"]):
        if job["status"] not in ENDED | STARTED:
            job["isCancelled"] = True
            end(job, "FAILED", asked["reason"])
    return _json({})


def _definitions(asked: dict[str, Any]) -> Answer:
    """Answer the revisions of all definitions, or of one; the engine knows no status."""
    found = [
        revision
        for name, revisions in private(_BATCH, "_job_definitions").items()
        for revision in revisions
        if asked.get("jobDefinitionName", name) == name
        and asked.get("status", revision["status"]) == revision["status"]
    ]
    return _json({"jobDefinitions": found})


def _deregister(asked: dict[str, Any]) -> Answer:
    deregister(asked["jobDefinition"])
    return _json({})


def _snapshot(asked: dict[str, Any]) -> Answer:
    """Answer the jobs that wait in a queue, the next one first."""
    waiting = [{"jobArn": job["jobArn"]} for job in in_order(asked["jobQueue"])]
    return _json({"frontOfQueue": {"jobs": waiting[:_MOST_SHOWN]}})


def _with_children(identifier: str) -> list[Job]:
    job = jobs().get(identifier)
    if job is None:
        return []
    if children := job.get("_children"):
        job["isTerminated"] = True
        return [jobs()[child] for child in children]
    return [job]


def _from_a_workflow(resource: str, arguments: dict[str, Any]) -> Any:  # noqa: ANN401
    """Submit a job; with `.sync` wait for its end, and fail with its description as the cause."""
    failed = private(_STEP_FUNCTIONS, "_ExecutionError")
    if private("ministack.services.ecs", "_get_docker")() is None:
        message = "no Docker or Podman answers on this machine, so containers cannot run here"
        raise failed("Batch.ClientException", message)
    status, _, body = _submit(camel_case(arguments))
    answer = json.loads(body)
    if status >= 400:
        raise failed("Batch.AWSBatchException", answer.get("message", ""))
    if not resource.endswith(".sync"):
        return pascal_case(answer)
    job = jobs()[answer["jobId"]]
    while job["status"] not in ENDED:
        time.sleep(_POLL_SECONDS)
    document = pascal_case(shown(job))
    if job["status"] == "FAILED":
        raise failed("States.TaskFailed", json.dumps(document))
    return document


def _refused(message: str) -> Answer:
    answer: Answer = private(_BATCH, "error_response_json")("ClientException", message, 400)
    return answer


def _json(answer: dict[str, Any]) -> Answer:
    made: Answer = private(_BATCH, "_json")(200, answer)
    return made
