"""The Batch jobs that a run has left are ended, and no others."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from provisioner.aws.batch_jobs import BatchJobs, batch_job_name
from tests.contract.runs import JOB, RunningWorkContract
from tests.support.platforms import PLATFORM

END = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


class FakeBatch:
    """AWS Batch, as far as jobs are found and ended; ListJobs takes names of any case."""

    def __init__(self):
        self.jobs = {}

    def submit(self, queue, name, definition, status="RUNNABLE"):
        identifier = f"job-{len(self.jobs)}"
        self.jobs[identifier] = {
            "jobId": identifier,
            "jobName": name,
            "jobQueue": queue,
            "jobDefinition": PLATFORM.arn("batch", f"job-definition/{definition}:1"),
            "status": status,
        }
        return identifier

    def get_paginator(self, operation):
        assert operation == "list_jobs"
        return SimpleNamespace(paginate=self._pages)

    def _pages(self, *, jobQueue, filters):  # noqa: N803  (the service's names)
        [name] = filters[0]["values"]
        found = [
            job
            for job in self.jobs.values()
            if job["jobQueue"] == jobQueue and job["jobName"].lower() == name.lower()
        ]
        for index in range(0, len(found), 2):
            yield {"jobSummaryList": found[index : index + 2]}
        yield {"jobSummaryList": []}

    def describe_jobs(self, *, jobs):
        assert len(jobs) <= 100
        return {"jobs": [self.jobs[identifier] for identifier in jobs]}

    def get_job_queue_snapshot(self, *, jobQueue):  # noqa: N803
        waiting = [job for job in self.jobs.values() if job["jobQueue"] == jobQueue]
        return {"frontOfQueue": {"jobs": [{"jobArn": f"arn:{job['jobId']}"} for job in waiting]}}

    def terminate_job(self, *, jobId, reason):  # noqa: N803
        assert reason
        self.jobs[jobId] |= {"isTerminated": True, "statusReason": reason}


class TestBatchJobs(RunningWorkContract):
    @pytest.fixture
    def batch(self):
        return FakeBatch()

    @pytest.fixture
    def work(self, batch):
        return BatchJobs(SimpleNamespace(batch=batch), PLATFORM)

    @pytest.fixture
    def start(self, batch):
        def start(job, execution):
            queue = PLATFORM.batch_queue_arns[len(batch.jobs) % 6]
            batch.submit(queue, batch_job_name(execution), f"{PLATFORM.prefix}-{job}", "RUNNING")

        return start

    @pytest.fixture
    def running(self, batch):
        def running():
            return sorted(
                job["jobDefinition"].split("/")[-1].removeprefix("jobs-").split(":")[0]
                for job in batch.jobs.values()
                if not job.get("isTerminated")
            )

        return running

    @pytest.mark.parametrize("status", ["SUBMITTED", "PENDING", "RUNNABLE", "STARTING"])
    def test_a_job_that_has_not_started_is_ended_too(self, batch, work, status):
        queue = PLATFORM.batch_queue_arn("low")
        batch.submit(queue, batch_job_name("run-1"), f"jobs-{JOB}", status)

        assert work.stop(JOB, "run-1", "enough") == 1

    @pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED"])
    def test_one_that_has_ended_is_left_alone(self, batch, work, status):
        batch.submit(
            PLATFORM.batch_queue_arn("low"), batch_job_name("run-1"), f"jobs-{JOB}", status
        )

        assert work.stop(JOB, "run-1", "enough") == 0

    def test_a_name_in_other_letters_is_another_run(self, start, work, running):
        start(JOB, "RUN-1")

        assert work.stop(JOB, "run-1", "enough") == 0
        assert running() == [JOB]

    def test_a_place_in_a_queue_is_counted_from_one(self, batch, work):
        queue = PLATFORM.batch_queue_arn("low")
        first, second = (batch.submit(queue, "run-a", "jobs-a") for _ in range(2))

        assert work.position(queue, f"arn:{first}") == 1
        assert work.position(queue, f"arn:{second}") == 2
        assert work.position(queue, "arn:another") is None

    def test_children_say_how_long_each_of_their_attempts_took(self, batch, work):
        """As many as DescribeJobs takes are asked for at once."""
        children = [batch.submit("q", "run-a", "jobs-a", "SUCCEEDED") for _ in range(150)]
        for number, child in enumerate(children):
            batch.jobs[child]["attempts"] = [{"startedAt": 1_000, "stoppedAt": 1_000 + number}]
        batch.jobs[children[0]]["attempts"] = [
            {"stoppedAt": 5},  # never began
            {"startedAt": 7, "stoppedAt": 9},
            {"startedAt": 9},
        ]
        del batch.jobs[children[1]]["attempts"]

        assert list(work.attempts_ms(children, END)) == [2, *range(2, 150)]

    def test_what_runs_counts_up_to_an_end(self, batch, work):
        child = batch.submit("q", "run-a", "jobs-a", "RUNNING")
        batch.jobs[child] |= {
            "startedAt": END.timestamp() * 1000 - 7,
            "attempts": [{"startedAt": 1, "stoppedAt": 4}],
        }
        waiting = batch.submit("q", "run-a", "jobs-a", "RUNNABLE")

        assert list(work.attempts_ms([child, waiting], END)) == [3, 7]

    def test_a_run_s_jobs_are_found_when_they_have_ended(self, batch, work):
        queue = PLATFORM.batch_queue_arn("low")
        mine = batch.submit(queue, batch_job_name("run-1"), f"jobs-{JOB}", "SUCCEEDED")
        batch.submit(queue, batch_job_name("run-1"), "jobs-another", "SUCCEEDED")

        assert work.of_run(JOB, "run-1") == (mine,)
