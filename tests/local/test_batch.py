"""Jobs on Batch, on the embedded engine: runs, arrays, and how they end."""

from __future__ import annotations

import functools
import json

import pytest

from tests.support.batch import SLEEPS, batch_job, jobs_of

pytestmark = [pytest.mark.engine, pytest.mark.together]

PRINTS_ITS_PLACE = (
    "import json, os, sys; payload = json.loads(os.environ['PAYLOAD']); "
    "index = int(os.environ.get('AWS_BATCH_JOB_ARRAY_INDEX', '-1')); "
    "print('index', index, flush=True); "
    "sys.exit(payload.get('code', 0) if index < 0 else 7 * (index in payload['failing']))"
)
RUN_SECONDS = 150


@pytest.fixture(scope="module")
def make(engine):
    return functools.partial(batch_job, engine)


@pytest.fixture(scope="module")
def exits(make):
    return make("exits", PRINTS_ITS_PLACE, overlap="allow", queue={"max_concurrency": 2})


@pytest.fixture(scope="module")
def sleeps(make):
    return make("sleeps", SLEEPS, overlap="allow")


def test_a_job_runs_and_its_row_says_where_it_printed(engine, exits):
    execution = engine.start(exits, {"code": 0})

    run = engine.wait_for_run(exits, execution, "SUCCEEDED", timeout_seconds=RUN_SECONDS)

    assert (run["type"], run["exit_code"]) == ("batch", 0)
    output = json.loads(run["output"])
    events = engine.wait(
        lambda: engine.client("logs").get_log_events(
            logGroupName=engine.record(exits)["log_group"], logStreamName=output["log_stream"]
        )["events"],
        "what the container printed",
    )
    assert [event["message"] for event in events] == ["index -1"]


def test_its_exit_code_decides(engine, exits):
    execution = engine.start(exits, {"code": 3})

    run = engine.wait_for_run(exits, execution, "FAILED", timeout_seconds=RUN_SECONDS)

    assert (run["error"], run["exit_code"]) == ("ContainerFailed", 3)
    [job] = jobs_of(engine, execution)
    assert len(job["attempts"]) == 1  # nothing of the job's own is retried by Batch


@pytest.mark.night
def test_an_attempt_that_takes_too_long_times_out(engine, make):
    name = make("late", SLEEPS, timeout_seconds=70, attempt_timeout_seconds=60)
    execution = engine.start(name, {"seconds": 600})

    run = engine.wait_for_run(name, execution, "TIMED_OUT", timeout_seconds=RUN_SECONDS)

    assert run["error"] == "States.Timeout"
    engine.wait(
        lambda: [job["status"] for job in jobs_of(engine, execution)] == ["FAILED"],
        "the end of its job",
    )
    assert engine.lock(name) is None


def test_a_run_that_is_stopped_leaves_nothing_running(engine, sleeps):
    execution = engine.start(sleeps, {"seconds": 600})
    engine.wait(
        lambda: [job for job in jobs_of(engine, execution) if job["status"] == "RUNNING"],
        "a job that runs",
        timeout_seconds=RUN_SECONDS,
    )

    engine.provisioner("stop", sleeps, execution.rpartition(":")[2], "--reason", "enough")

    engine.wait_for_run(sleeps, execution, "STOPPED", timeout_seconds=RUN_SECONDS)
    [job] = engine.wait(
        lambda: [job for job in jobs_of(engine, execution) if job["status"] == "FAILED"],
        "the job's end",
        timeout_seconds=RUN_SECONDS,
    )
    task = engine.client("ecs").describe_tasks(
        cluster=job["container"]["taskArn"].split("/")[1], tasks=[job["container"]["taskArn"]]
    )["tasks"][0]
    assert task["lastStatus"] == "STOPPED"


def test_a_message_starts_a_run(engine, exits):
    engine.client("sns").publish(
        TopicArn=engine.outputs["SubmissionTopicArn"],
        Message=json.dumps({"code": 0}),
        MessageAttributes={"job_name": {"DataType": "String", "StringValue": exits}},
    )

    engine.wait(
        lambda: [
            run
            for run in engine.runs(exits)
            if run["source"] == "queue" and run["status"] == "SUCCEEDED"
        ],
        "a run for the message",
        timeout_seconds=RUN_SECONDS,
    )


def test_a_run_over_many_items(engine, make):
    program = "import json, os; raise SystemExit(json.loads(os.environ['PAYLOAD'])['item'])"
    name = make("items", program, fan_out={"tolerated_failure_percent": 50})
    execution = engine.start(name, {"items": [0, 5, 0]})

    run = engine.wait_for_run(name, execution, "SUCCEEDED", timeout_seconds=RUN_SECONDS)

    output = json.loads(run["output"])
    assert (output["succeeded"], output["failed"]) == (2, 1)


def test_an_array_of_twenty_of_which_three_fail(engine, make):
    name = make("array", PRINTS_ITS_PLACE, array_size=20, retries=1)
    execution = engine.start(name, {"failing": [4, 11, 19]})

    run = engine.wait_for_run(name, execution, "FAILED", timeout_seconds=RUN_SECONDS)

    assert (run["error"], run["attempts"]) == ("ArrayFailed", 1)
    assert run["cause"].startswith("3 of 20 children failed")
    [job] = jobs_of(engine, execution)
    children = engine.client("batch").list_jobs(arrayJobId=job["jobId"], jobStatus="FAILED")
    failed = [child["arrayProperties"]["index"] for child in children["jobSummaryList"]]
    assert sorted(failed) == [4, 11, 19]
    described = engine.client("batch").describe_jobs(
        jobs=[child["jobId"] for child in children["jobSummaryList"]]
    )["jobs"]
    assert {len(child["attempts"]) for child in described} == {2}  # the row's retry, each its own


def test_a_stopped_array_has_used_what_its_children_did_until_then(engine, make):
    name = make("stopped", SLEEPS, array_size=2)
    execution = engine.start(name, {"seconds": 600})

    def running():
        [job] = jobs_of(engine, execution) or [None]
        ids = [f"{job['jobId']}:{index}" for index in range(2)] if job else []
        children = engine.client("batch").describe_jobs(jobs=ids)["jobs"] if ids else []
        return len([child for child in children if child["status"] == "RUNNING"]) == 2

    engine.wait(running, "children that run", timeout_seconds=RUN_SECONDS)
    engine.stop(execution)

    engine.wait_for_run(name, execution, "STOPPED", timeout_seconds=RUN_SECONDS)
    [run] = engine.wait(
        lambda: [run for run in engine.runs(name) if "estimated_cost" in run],
        "its cost",
        timeout_seconds=RUN_SECONDS,
    )
    assert (run["usage"]["attempts"], run["usage"]["seconds"]) == (2, 120)
    assert "estimated_cost_from" not in run
