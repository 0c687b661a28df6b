"""Jobs as DescribeJobs shows them. What begins with `_` is for the shim alone."""

from __future__ import annotations

import json
import threading
from typing import Any

from provisioner.local.shim.patching import private

Job = dict[str, Any]

LOCK = threading.RLock()
"""Of all jobs: a thread an attempt, and those that ask, change them."""

ENDED = frozenset({"SUCCEEDED", "FAILED"})
STARTED = frozenset({"STARTING", "RUNNING"})
_BATCH = "ministack.services.batch"


class UnknownDefinitionError(Exception):
    """The job definition does not exist, or is not ACTIVE."""


def jobs() -> dict[str, Job]:
    """Return the jobs of this account and Region by their ids, children of arrays included."""
    found: dict[str, Job] = private(_BATCH, "_jobs")
    return found


def single_jobs() -> list[Job]:
    """Return the jobs that run themselves, in the order in which they came: no arrays."""
    return [job for job in list(jobs().values()) if "_children" not in job]


def definition(reference: str) -> dict[str, Any]:
    """Return the revision that a SubmitJob means: the latest that is ACTIVE if it names none."""
    name, _, revision = reference.rpartition("/")[2].partition(":")
    active: list[dict[str, Any]] = [
        one
        for one in private(_BATCH, "_job_definitions").get(name, [])
        if one["status"] == "ACTIVE" and revision in {"", str(one["revision"])}
    ]
    if not active:
        raise UnknownDefinitionError(reference)
    return active[-1]


def submitted(asked: dict[str, Any]) -> Job:
    """Return a new job, with children if it is an array."""
    revision = definition(asked["jobDefinition"])
    identifier = private("ministack.core.responses", "new_uuid")()
    size = (asked.get("arrayProperties") or {}).get("size")
    with LOCK:
        job = _new(identifier, asked, revision)
        if size:
            job |= {"arrayProperties": {"size": size, "statusSummary": {}}, "status": "PENDING"}
            job["_children"] = [f"{identifier}:{index}" for index in range(size)]
            for index, child in enumerate(job["_children"]):
                _new(child, asked, revision)["arrayProperties"] = {"index": index}
    return job


def _new(identifier: str, asked: dict[str, Any], revision: dict[str, Any]) -> Job:
    jobs()[identifier] = {
        "jobId": identifier,
        "jobArn": private(_BATCH, "_job_arn")(identifier),
        "jobName": asked["jobName"],
        "jobQueue": asked["jobQueue"],
        "jobDefinition": revision["jobDefinitionArn"],
        "status": "SUBMITTED",
        "createdAt": private(_BATCH, "_now_ms")(),
        "attempts": [],
        "dependsOn": [],
        "container": {},
        "shareIdentifier": asked.get("shareIdentifier"),
        "tags": asked.get("tags") or {},
        "retryStrategy": asked.get("retryStrategy") or revision.get("retryStrategy") or {},
        "timeout": asked.get("timeout") or revision.get("timeout") or {},
        "isCancelled": False,
        "isTerminated": False,
        "_overrides": asked.get("containerOverrides") or {},
        "_container": revision["containerProperties"],
        "_definition": revision["jobDefinitionName"],
    }
    return jobs()[identifier]


def shown(job: Job) -> Job:
    """Return a job as DescribeJobs does, its container with all of its variables."""
    described = {key: value for key, value in job.items() if not key.startswith("_")}
    given = [
        *job["_container"].get("environment", ()),
        *job["_overrides"].get("environment", ()),
    ]
    return described | {"container": {**job["container"], "environment": given}}


def queue_of(job: Job) -> dict[str, Any]:
    """Return the queue that a job waits in."""
    found: dict[str, Any] = private(_BATCH, "_job_queues")[job["jobQueue"].rpartition("/")[2]]
    return found


def resources(job: Job) -> dict[str, str]:
    """Return the size of a job's container: MEMORY in MiB and VCPU."""
    asked = [
        *job["_container"].get("resourceRequirements", ()),
        *job["_overrides"].get("resourceRequirements", ()),
    ]
    return {one["type"]: str(one["value"]) for one in asked}


def change(job: Job, status: str, **more: object) -> None:
    """Give a job another status, which is an event. An array ends with the last of its children."""
    with LOCK:
        job.update(status=status, **more)
    _publish(job)
    parent = jobs().get(job["jobId"].partition(":")[0])
    if parent is not None and parent is not job:
        _summarize(parent)


def end(job: Job, status: str, reason: str) -> None:
    """End a job, once."""
    if job["status"] not in ENDED:
        now = private(_BATCH, "_now_ms")()
        change(job, status, statusReason=reason, stoppedAt=now)


def _summarize(parent: Job) -> None:
    with LOCK:
        states = [jobs()[child]["status"] for child in parent["_children"]]
        summary = {status: states.count(status) for status in sorted(set(states))}
        parent["arrayProperties"]["statusSummary"] = summary
        ended = all(status in ENDED for status in states)
    if ended and "FAILED" in states:
        end(parent, "FAILED", "Array Child Job failed")
    elif ended:
        end(parent, "SUCCEEDED", "")


def _publish(job: Job) -> None:
    entry = {
        "Source": "aws.batch",
        "DetailType": "Batch Job State Change",
        "Resources": [job["jobArn"]],
        "Detail": json.dumps(shown(job)),
    }
    put_events = private("ministack.services.eventbridge", "_put_events")
    put_events({"Entries": [entry]}, allow_aws_source=True)
