"""The Batch jobs of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provisioner.aws.clients import translated
from provisioner.aws.tasks import started_by
from provisioner.errors import attempt_each
from provisioner.jobs import stack_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from provisioner.aws.clients import Clients
    from provisioner.settings import Platform

MAX_REASON_CHARACTERS = 1024
"""AWS Batch, TerminateJob."""

MAX_DESCRIBED = 100
"""AWS Batch, DescribeJobs."""

_ENDED = frozenset({"SUCCEEDED", "FAILED"})


def batch_job_name(execution_name: str) -> str:
    """Return the name of an execution's jobs, which has to begin with a letter or a digit.

    The workflow makes the same name (`templates.batch_job`).
    """
    return f"run-{started_by(execution_name)}"


class BatchJobs:
    """Jobs in the bootstrap's queues, known by the execution that submitted them (`jobName`)."""

    def __init__(self, clients: Clients, platform: Platform) -> None:
        self._clients = clients
        self._platform = platform

    def stop(self, job_name: str, execution_name: str, reason: str) -> int:
        """End what an execution left running or waiting; return how many jobs that were.

        TerminateJob ends jobs that have not started as well, and the children of an array.
        """
        found = self._of(job_name, execution_name)
        left = [job for job in found if _goes_on(job)]
        return len(attempt_each(left, lambda job: self._stop(job["jobId"], reason)))

    def _stop(self, job_id: str, reason: str) -> None:
        with translated():
            self._clients.batch.terminate_job(jobId=job_id, reason=reason[:MAX_REASON_CHARACTERS])

    def of_run(self, job_name: str, execution_name: str) -> tuple[str, ...]:
        """Return the ids of an execution's jobs, whether or not they have ended."""
        return tuple(job["jobId"] for job in self._of(job_name, execution_name))

    def attempts_ms(self, job_ids: Sequence[str], end: datetime) -> Iterator[int]:
        """Yield how long each attempt of these jobs took that has begun, up to `end` if it runs."""
        for start in range(0, len(job_ids), MAX_DESCRIBED):
            ids = list(job_ids[start : start + MAX_DESCRIBED])
            with translated():
                found = self._clients.batch.describe_jobs(jobs=ids)["jobs"]
            for job in found:
                yield from _attempts_ms(job, int(end.timestamp() * 1000))

    def position(self, queue_arn: str, batch_job_arn: str) -> int | None:
        """Return the place of a job among those that wait in its queue, from 1.

        None when it is not among the first hundred, or not known there yet.
        """
        with translated():
            found = self._clients.batch.get_job_queue_snapshot(jobQueue=queue_arn)
        waiting = [job["jobArn"] for job in found.get("frontOfQueue", {}).get("jobs", ())]
        return waiting.index(batch_job_arn) + 1 if batch_job_arn in waiting else None

    def _of(self, job_name: str, execution_name: str) -> list[dict[str, Any]]:
        """Return a run's jobs.

        ListJobs does not tell capital letters from small ones, and executions of several jobs may
        have the same name: so the job's own name and its definition decide.
        """
        name = batch_job_name(execution_name)
        definition = f"/{stack_name(self._platform.prefix, job_name)}:"
        return [
            job
            for queue in self._platform.batch_queue_arns
            for job in self._named(queue, name)
            if job["jobName"] == name and definition in job["jobDefinition"]
        ]

    def _named(self, queue: str, name: str) -> list[dict[str, Any]]:
        """Return the jobs of a queue that have a name, in letters of whatever size."""
        by_name = [{"name": "JOB_NAME", "values": [name]}]
        found = []
        with translated():
            listed = self._clients.batch.get_paginator("list_jobs")
            for page in listed.paginate(jobQueue=queue, filters=by_name):
                if ids := [job["jobId"] for job in page["jobSummaryList"]]:
                    found += self._clients.batch.describe_jobs(jobs=ids)["jobs"]
        return found


def _goes_on(job: Mapping[str, Any]) -> bool:
    return job["status"] not in _ENDED and not job.get("isTerminated")


def _attempts_ms(job: Mapping[str, Any], end: int) -> Iterator[int]:
    """Yield the times of a job's attempts; the one in progress is not in `attempts`."""
    ended = [each for each in job.get("attempts", ()) if {"startedAt", "stoppedAt"} <= each.keys()]
    for attempt in ended:
        yield max(0, attempt["stoppedAt"] - attempt["startedAt"])
    if job["status"] == "RUNNING" and "startedAt" in job:
        yield max(0, end - job["startedAt"])
