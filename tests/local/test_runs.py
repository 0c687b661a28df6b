"""Runs, on the embedded engine with IAM enforcement on."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from provisioner.aws.clients import Clients
from provisioner.aws.run_list import RunList
from provisioner.runs.listing import Position
from tests.support.clients import CLIENTS

pytestmark = pytest.mark.engine

ECHO = {"handler": "code_under_test.echo"}
SLOW = {"handler": "code_under_test.slow"}
RAISING = {"handler": "code_under_test.raising"}


@pytest.fixture(scope="module")
def slow(engine):
    name = engine.unique("slow")
    engine.put(engine.lambda_row(name, **SLOW))
    engine.wait_for(name, "READY")
    return name


@pytest.fixture(scope="module")
def interruptible(engine):
    """A job on Spot that takes long enough to be interrupted."""
    name = engine.unique("spot")
    command = ["python3", "-c", "import time; time.sleep(6)"]
    engine.put(engine.container_row(name, command=command, spot="prefer"))
    engine.wait_for(name, "READY")
    return name


def test_input_is_merged_and_the_result_is_recorded(engine):
    name = engine.unique("echo")
    engine.put(engine.lambda_row(name, **ECHO, payload={"a": 1, "b": {"c": 2}}))
    engine.wait_for(name, "READY")

    execution = engine.start(name, {"b": 3, "_run": {"source": "manual"}})

    run = engine.wait_for_run(name, execution, "SUCCEEDED")
    assert json.loads(run["output"]) == {"a": 1, "b": 3}
    assert run["source"] == "manual"
    assert run["attempts"] == 1
    assert run["duration_ms"] >= 0
    assert engine.lock(name) is None

    def counted():
        [row] = engine.runs(name)
        return row["usage"] if "seconds" in row["usage"] else None

    assert engine.wait(counted, "the run's usage")["transitions"] == 4


@pytest.fixture
def all_runs(engine, monkeypatch):
    for name, value in engine.environment.items():
        monkeypatch.setenv(name, value)
    return RunList(Clients(session=CLIENTS.session), engine.table("Triggers").name)


def listed(all_runs, name):
    """Return a job's entries in the index of all runs, read in small pages."""
    found, before = [], Position()
    while before is not None:
        page = all_runs.page(2, before)
        found += page.runs
        before = page.next
    keys = [run["trigger_id"] for run in found]
    assert keys == sorted(keys, reverse=True)
    return [run for run in found if run["job_name"] == name]


def test_a_second_run_is_skipped_while_the_first_runs(engine, slow):
    first = engine.start(slow, {"seconds": 8})
    engine.wait_for_run(slow, first, "RUNNING")

    second = engine.start(slow, {"seconds": 0})

    assert engine.wait_for_run(slow, second, "SKIPPED")
    engine.wait_for_run(slow, first, "SUCCEEDED")
    third = engine.start(slow, {"seconds": 0})
    engine.wait_for_run(slow, third, "SUCCEEDED")


def test_overlap_allow_runs_both(engine):
    name = engine.unique("both")
    engine.put(engine.lambda_row(name, **SLOW, overlap="allow"))
    engine.wait_for(name, "READY")

    runs = {who: engine.start(name, {"seconds": 1, "who": who}) for who in ("one", "two")}

    for run in runs.values():
        engine.wait_for_run(name, run, "SUCCEEDED")
    for who, run in runs.items():  # and the log of each is its own
        printed = engine.provisioner("logs", name, "--run", run.rpartition(":")[2])
        assert [line.split("  ")[1] for line in printed.splitlines() if "I am" in line] == [
            f"I am {who}"
        ]
    shown = engine.wait(lambda: _listed_twice(engine, name), "both runs in the list of jobs")
    assert shown["usual_seconds"] >= 1
    assert shown["running_since"] is None


def _listed_twice(engine, name):
    (line,) = json.loads(engine.provisioner("get", f"{name}*", "-o", "json"))
    return line["strip"] == ["SUCCEEDED"] * 2 and line


def test_a_stopped_run_says_so_and_frees_the_lock(engine, slow):
    execution = engine.start(slow, {"seconds": 30})
    engine.wait_for_run(slow, execution, "RUNNING")

    engine.stop(execution)

    engine.wait_for_run(slow, execution, "STOPPED")
    engine.wait(lambda: engine.lock(slow) is None, "the lock's release")


def test_a_run_that_raises_fails_with_its_error(engine, all_runs):
    name = engine.unique("raises")
    engine.put(engine.lambda_row(name, **RAISING, retries=1, retry_interval_seconds=1))
    engine.wait_for(name, "READY")

    execution = engine.start(name, {})

    run = engine.wait_for_run(name, execution, "FAILED")
    assert "no good" in run["cause"]
    assert run["attempts"] == 2
    assert engine.lock(name) is None

    def grouped():
        return next((run for run in listed(all_runs, name) if "error_group" in run), None)

    entry = engine.wait(grouped, "the run's error group")
    assert entry["error_group"] == "ValueError: no good"
    assert entry["trigger_id"] == run["trigger_id"]
    assert not {"input", "output", "cause"} & entry.keys()


def test_an_attempt_that_takes_too_long_times_out(engine):
    name = engine.unique("late")
    engine.put(engine.lambda_row(name, **SLOW, attempt_timeout_seconds=1))
    engine.wait_for(name, "READY")

    execution = engine.start(name, {"seconds": 20})

    engine.wait_for_run(name, execution, "TIMED_OUT")
    assert engine.lock(name) is None


def _scheduled(engine, seconds):
    """Return a job with a schedule for so many seconds from now; None if that passed too early."""
    name = engine.unique("once")
    soon = datetime.now(UTC) + timedelta(seconds=seconds)
    engine.put(engine.lambda_row(name, **ECHO, schedule=f"at({soon:%Y-%m-%dT%H:%M:%S})"))
    engine.wait_for(name, "READY")
    made = engine.client("scheduler").list_schedules(GroupName="jobs", NamePrefix=f"jobs-{name}-")
    return name if made["Schedules"] else None


def test_a_schedule_fires_by_itself(engine):
    name = _scheduled(engine, 5) or _scheduled(engine, 30) or _scheduled(engine, 90)

    run = engine.wait(lambda: engine.runs(name), "a scheduled run")[0]

    assert run["source"] == "schedule"


class TestContainers:
    def test_a_container_works_on_s3(self, engine):
        name = engine.unique("words")
        engine.put(engine.container_row(name))
        engine.wait_for(name, "READY")
        source, target = engine.container_data(name)

        execution = engine.start(name, {"source": source, "destination": target})

        run = engine.wait_for_run(name, execution, "SUCCEEDED", timeout_seconds=90)
        assert run["exit_code"] == 0
        assert engine.read(target)

    def test_its_exit_code_decides(self, engine):
        name = engine.unique("exits")
        engine.put(engine.container_row(name, command=["python3", "-c", "raise SystemExit(3)"]))
        engine.wait_for(name, "READY")

        execution = engine.start(name, {})

        run = engine.wait_for_run(name, execution, "FAILED", timeout_seconds=90)
        assert run["exit_code"] == 3

    def test_what_it_leaves_is_its_result_and_rules_read_its_exit_code(self, engine):
        name = engine.unique("result")
        leave = (
            "import boto3, json, os; "
            "bucket, _, key = os.environ['RESULT_URI'][5:].partition('/'); "
            "boto3.client('s3').put_object(Bucket=bucket, Key=key, Body=json.dumps({'rows': 3})); "
            "raise SystemExit(json.loads(os.environ['PAYLOAD'])['code'])"
        )
        rules = [{"exit_codes": [7], "action": "ignore"}]
        row = {"result": True, "failure_rules": rules, "command": ["python3", "-c", leave]}
        engine.put(engine.container_row(name, **row))
        engine.wait_for(name, "READY")

        well = engine.start(name, {"code": 0})
        run = engine.wait_for_run(name, well, "SUCCEEDED", timeout_seconds=90)
        assert json.loads(run["output"]) == {"rows": 3}
        bucket = engine.outputs["ArtifactsBucketName"]
        key = run["trigger_id"].replace(":", "-").replace("#", "-")
        left = engine.read(f"s3://{bucket}/results/{name}/{key}.json")
        assert json.loads(left) == {"rows": 3}

        ignored = engine.start(name, {"code": 7})
        run = engine.wait_for_run(name, ignored, "SUCCEEDED", timeout_seconds=90)
        assert json.loads(run["output"])["ignored"]["error"] == "ContainerFailed"
        assert run["exit_code"] == 7

    def test_an_attempt_that_takes_too_long_times_out_and_its_container_goes(self, engine):
        name = engine.unique("late")
        command = ["python3", "-c", "import time; time.sleep(300)"]
        engine.put(engine.container_row(name, command=command, attempt_timeout_seconds=10))
        engine.wait_for(name, "READY")

        execution = engine.start(name, {})

        run = engine.wait_for_run(name, execution, "TIMED_OUT", timeout_seconds=90)
        assert run["error"] == "States.Timeout"
        engine.wait(lambda: not engine.tasks(execution, "RUNNING"), "the container's end")

    def test_a_message_starts_a_run_with_a_container_for_each_item(self, engine):
        name = engine.unique("messages")
        program = "import json, os; raise SystemExit(json.loads(os.environ['PAYLOAD'])['item'])"
        row = {"queue": True, "fan_out": {"tolerated_failure_percent": 50}}
        engine.put(engine.container_row(name, command=["python3", "-c", program], **row))
        engine.wait_for(name, "READY")

        engine.client("sns").publish(
            TopicArn=engine.outputs["SubmissionTopicArn"],
            Message=json.dumps({"items": [0, 5]}),
            MessageAttributes={"job_name": {"DataType": "String", "StringValue": name}},
        )

        [run] = engine.wait(
            lambda: [run for run in engine.runs(name) if "ended_at" in run],
            "the message's run",
            timeout_seconds=120,
        )
        assert (run["status"], run["source"], run["type"]) == ("SUCCEEDED", "queue", "ecs")
        assert json.loads(run["output"])["failed_items"] == "1"

    @pytest.mark.parametrize("job_type", ["ecs", "batch"])
    def test_the_code_has_its_secrets_and_nothing_shows_them(self, engine, job_type):
        name, secret = engine.unique("secrets"), "hunter2-hunter2"
        arn = engine.client("secretsmanager").create_secret(
            Name=f"jobs/{name}", SecretString=json.dumps({"token": secret})
        )["ARN"]
        program = "import os; print('known'); raise SystemExit(len(os.environ['TOKEN']))"
        row = engine.container_row(
            name,
            type=job_type,
            command=["python3", "-c", program],
            secrets={"TOKEN": f"{arn}:token::"},
        )
        engine.put(row)
        engine.wait_for(name, "READY")

        execution = engine.start(name, {})

        run = engine.wait_for_run(name, execution, "FAILED", timeout_seconds=90)
        assert run["exit_code"] == len(secret)
        logs = engine.client("logs")
        printed = engine.wait(
            lambda: logs.filter_log_events(logGroupName=f"/jobs/{name}")["events"], "its log"
        )
        stack = engine.client("cloudformation").get_template(StackName=f"jobs-{name}")
        pages = engine.client("stepfunctions").get_paginator("get_execution_history")
        history = list(pages.paginate(executionArn=execution))
        shown = [stack["TemplateBody"], engine.record(name), run, printed, history]
        assert secret not in json.dumps(shown, default=str)

    def test_a_stopped_run_stops_its_container(self, engine):
        name = engine.unique("stops")
        command = ["python3", "-c", "import time; time.sleep(300)"]
        engine.put(engine.container_row(name, command=command))
        engine.wait_for(name, "READY")
        execution = engine.start(name, {})
        engine.wait_for_run(name, execution, "RUNNING")
        engine.wait(lambda: engine.tasks(execution, "RUNNING"), "the container")

        engine.stop(execution)

        engine.wait_for_run(name, execution, "STOPPED")
        engine.wait(lambda: not engine.tasks(execution, "RUNNING"), "the container's end")
        engine.wait(lambda: engine.lock(name) is None, "the lock's release")


def test_a_backfill_runs_in_order_and_once(engine):
    name = engine.unique("backfill")
    engine.put(engine.lambda_row(name, **ECHO, schedule="cron(0 6 * * ? *)"))
    engine.wait_for(name, "READY")
    command = ("backfill", name, "--from", "2026-10-01", "--to", "2026-10-04")

    engine.provisioner(*command)
    engine.provisioner(*command)

    def ended():
        runs = engine.runs(name)
        return runs if len(runs) == 3 and {r["status"] for r in runs} == {"SUCCEEDED"} else None

    runs = engine.wait(ended, "the end of all three")
    in_order = sorted(runs, key=lambda run: run["ended_at"])
    days = [f"2026-10-0{day}T06:00:00Z" for day in (1, 2, 3)]
    assert [run["scheduled_for"] for run in in_order] == days
    assert {run["source"] for run in runs} == {"backfill"}


def test_a_missed_schedule_is_recorded_and_counted(engine):
    name = engine.unique("missed")
    engine.put(engine.lambda_row(name, **ECHO, schedule="cron(0 6 1 1 ? 2199)"))
    engine.wait_for(name, "READY")
    schedule = engine.schedule(name)
    sqs = engine.client("sqs")
    queue = schedule["Target"]["DeadLetterConfig"]["Arn"].rpartition(":")[2]
    attributes = {
        "SCHEDULE_ARN": schedule["Arn"],
        "SCHEDULED_TIME": "2026-11-21T06:00:00Z",
        "ERROR_CODE": "ExecutionLimitExceeded",
    }

    sqs.send_message(
        QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"],
        MessageBody=schedule["Target"]["Input"],
        MessageAttributes={
            key: {"DataType": "String", "StringValue": value} for key, value in attributes.items()
        },
    )

    engine.wait(lambda: engine.record(name).get("missed_schedules") == 1, "the count")
    [run] = engine.runs(name)
    assert (run["status"], run["error"], run["cause"]) == (
        "SKIPPED",
        "Missed",
        "ExecutionLimitExceeded",
    )
    assert "1 skipped, 1 missed" in engine.provisioner("schedule", name)


class TestSpot:
    def test_an_interruption_starts_again_on_demand(self, engine, interruptible):
        execution = engine.start(interruptible, {})
        task = engine.wait(lambda: engine.tasks(execution, "RUNNING"), "the container")[0]

        engine.interrupt(task)

        run = engine.wait_for_run(interruptible, execution, "SUCCEEDED", timeout_seconds=90)
        assert (run["attempts"], run["spot_interruptions"]) == (2, 1)
        assert run["capacity_type"] == "on_demand"
        assert 6000 <= run["run_ms"] < 60_000
        assert {"queued_ms", "pull_ms", "start_ms"} <= run.keys()

    def test_a_task_that_a_person_stops_has_not_succeeded(self, engine, interruptible):
        execution = engine.start(interruptible, {})
        task = engine.wait(lambda: engine.tasks(execution, "RUNNING"), "the container")[0]

        engine.interrupt(task, reason="enough")

        run = engine.wait_for_run(interruptible, execution, "FAILED", timeout_seconds=90)
        assert (run["error"], run["attempts"], run["capacity_type"]) == ("Stopped", 1, "spot")

    def test_without_capacity_it_starts_on_demand_at_once(self, engine):
        name = engine.unique("scarce")
        row = {"spot": "prefer", "tags": {"local-fault": "no-spot-capacity"}}
        engine.put(engine.container_row(name, command=["python3", "-c", "pass"], **row))
        engine.wait_for(name, "READY")

        execution = engine.start(name, {})

        run = engine.wait_for_run(name, execution, "SUCCEEDED", timeout_seconds=90)
        assert (run["attempts"], run["spot_interruptions"]) == (2, 0)
        assert run["capacity_type"] == "on_demand"
