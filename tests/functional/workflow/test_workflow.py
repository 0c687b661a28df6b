"""The workflow from its own definition, run by run, against a real table's conditions."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import boto3
import pytest
from moto import mock_aws

import templates
from provisioner.jobs import InvalidRow, parse
from tests.functional.step_functions import StepFunctions, TaskError
from tests.golden.update import workflow
from tests.support.moto import Tables, make_buckets
from tests.support.platforms import PLATFORM

TABLE = PLATFORM.triggers_table
LAMBDA = {
    "job_name": "nightly",
    "type": "lambda",
    "runtime": "python3.14",
    "handler": "app.handler",
    "bundle": "s3://bundles/app.zip",
}
CONTAINER = {"job_name": "nightly", "type": "ecs", "image": "example.com/app:1"}


@pytest.fixture
def table(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        make_buckets(PLATFORM.artifacts_bucket)
        Tables().create_table(
            TableName=TABLE,
            KeySchema=[
                {"AttributeName": "job_name", "KeyType": "HASH"},
                {"AttributeName": "trigger_id", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "job_name", "AttributeType": "S"},
                {"AttributeName": "trigger_id", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        yield boto3.resource("dynamodb", region_name="eu-west-1").Table(TABLE)


def machine(row, work, **changes):
    job = parse(row | changes)
    assert not isinstance(job, InvalidRow), job
    template = json.loads(templates.to_json(templates.build(job, PLATFORM)))
    return StepFunctions(workflow(template), work)


def echo(arguments):
    return arguments["Payload"]


def items(table, prefix=""):
    found = table.scan()["Items"]
    return {i["trigger_id"]: i for i in found if i["trigger_id"].startswith(prefix)}


def only_run(table, prefix="2026"):
    [run] = items(table, prefix).values()
    return run


def free(table):
    return "owner" not in items(table).get("#lock", {})


def lock(table, owner, lease_until):
    table.put_item(
        Item={
            "job_name": "nightly",
            "trigger_id": "#lock",
            "owner": owner,
            "lease_until": lease_until,
        }
    )


class TestAPlainRun:
    def test_takes_four_transitions_and_leaves_one_row(self, table):
        execution = machine(LAMBDA, echo).run("first", {"a": 1})

        assert execution.states == ["Prepare", "Admit", "Run", "Record"]
        assert execution.output == {"a": 1}
        assert list(items(table)) == ["#lock", "2026-11-21T09:00:00.000Z#first"]
        assert free(table)
        run = only_run(table)
        assert run.pop("execution_arn").endswith(":first")
        assert run.pop("log_url").endswith("/log-group/$252Fjobs$252Fnightly")
        assert run.pop("expires_at") > 1_800_000_000
        assert run == {
            "job_name": "nightly",
            "trigger_id": "2026-11-21T09:00:00.000Z#first",
            "status": "SUCCEEDED",
            "type": "lambda",
            "source": "api",
            "input": '{"a":1}',
            "output": '{"a":1}',
            "started_at": "2026-11-21T09:00:00.000Z",
            "ended_at": "2026-11-21T09:00:00.100Z",
            "duration_ms": 100,
            "work_ms": 50,
            "attempts": 1,
            "run_shard": 0,
            "usage": {"architecture": "arm64", "memory_mb": 128},
        }

    def test_holds_the_lock_while_it_runs(self, table):
        held = []

        def work(arguments):
            held.append(items(table)["#lock"])
            return echo(arguments)

        machine(LAMBDA, work, timeout_seconds=600).run("first", {})

        assert held[0]["owner"] == "first"
        assert held[0]["lease_until"] == 1_795_251_600 + 600 + 300
        assert free(table)


class TestItsInput:
    @pytest.mark.parametrize(
        "text",
        [
            '{"Ref":"x"}',
            "${AWS::AccountId}",
            'it\'s "quoted" \\ back',
            "{% $states %",
            "%} {",
            "é 😀 \u2028",
            '{"Fn::Sub":"${x}"}',
            "a  b\n\tc",
            "'; $error('x'); '",
        ],
    )
    @pytest.mark.usefixtures("table")
    def test_keeps_every_text_of_the_payload(self, text):
        text = text.replace("{%", "{ %").replace("%}", "% }")
        seen = machine(LAMBDA, echo, payload={"text": text, text[:20]: None}).run("first", {})

        assert seen.output == {"text": text, text[:20]: None}

    @pytest.mark.usefixtures("table")
    def test_is_merged_over_the_payload_at_the_top_level(self):
        row = {"payload": {"a": 1, "b": {"c": 2}}}
        execution = machine(LAMBDA, echo, **row).run("first", {"b": {"d": 3}, "_run": {"x": 1}})

        assert execution.output == {"a": 1, "b": {"d": 3}}

    @pytest.mark.parametrize("given", [[1, 2], "text", 7, None, True])
    def test_that_is_not_an_object_is_a_failed_run(self, table, given):
        execution = machine(LAMBDA, echo).run("first", given)

        assert execution.status == "FAILED"
        assert execution.error == "InvalidInput"
        assert only_run(table)["status"] == "FAILED"
        assert "JSON object" in only_run(table)["cause"]
        assert free(table)

    @pytest.mark.parametrize("metadata", ["x", 1, [], {"source": 5}, {"source": "nobody"}])
    def test_with_a_senseless_run_attribute_comes_from_the_api(self, table, metadata):
        machine(LAMBDA, echo).run("first", {"_run": metadata})

        assert only_run(table)["source"] == "api"
        assert only_run(table)["status"] == "SUCCEEDED"

    def test_optional_members_of_run_that_are_null_are_absent(self, table):
        names = ("source", "overlap", "by", "overrides", "scheduled_for", "schedule", "waited")

        machine(LAMBDA, echo).run("first", {"_run": dict.fromkeys(names)})

        run = only_run(table)
        assert (run["status"], run["source"]) == ("SUCCEEDED", "api")
        assert not {"scheduled_for", "overrides", "started_by", "queued_at"} & set(run)

    def test_goes_to_s3_when_it_is_large(self, table):
        execution = machine(LAMBDA, lambda _: 1).run("first", {"text": "é" * 30_000})

        assert execution.states == [
            *("Prepare", "Admit", "NotAdmitted", "StoreInput", "Admit", "Run", "Record")
        ]
        key = "runs/nightly/2026-11-21T09-00-00.000Z-first/input.json"
        assert only_run(table)["input"] == f"s3://{PLATFORM.artifacts_bucket}/{key}"
        assert stored(key) == {"text": "é" * 30_000}


RESULTS = {
    "nothing": None,
    "the text null": "null",
    "a number": 3,
    "the text of a number": "3",
    "an empty text": "",
    "a text": 'it\'s "quoted" \\ é 😀 \n',
    "a text like an address": f"s3://{PLATFORM.artifacts_bucket}/runs/x/output.json",
    "the text of a list": "[1]",
    "a list of one": [1],
    "a list of a list": [[1]],
    "a list of a text": ["a"],
    "an empty list": [],
    "an object": {"a": [1, {"b": None}]},
    "an empty object": {},
    "a truth": True,
}


class TestItsOutput:
    @pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
    def test_is_recorded_as_json(self, table, result):
        execution = machine(LAMBDA, lambda _: result).run("first", {})

        assert json.loads(only_run(table)["output"]) == result
        assert execution.output == result

    def test_of_a_text_is_as_large_as_its_json(self, table):
        execution = machine(LAMBDA, lambda _: "\x01" * 30_000).run("first", {})

        assert execution.states[-3:] == ["Record", "StoreOutput", "Record"]
        assert only_run(table)["output"].startswith("s3://")

    def test_goes_to_s3_when_it_is_large(self, table):
        execution = machine(LAMBDA, lambda _: {"text": "x" * 150_000}).run("first", {})

        assert execution.states[-3:] == ["Record", "StoreOutput", "Record"]
        assert execution.output == {"text": "x" * 150_000}
        key = "runs/nightly/2026-11-21T09-00-00.000Z-first/output.json"
        assert only_run(table)["output"] == f"s3://{PLATFORM.artifacts_bucket}/{key}"
        assert stored(key) == execution.output

    def test_is_lost_but_not_the_run_when_s3_refuses_it(self, table):
        boto3.client("s3", region_name="eu-west-1").delete_bucket(Bucket=PLATFORM.artifacts_bucket)

        machine(LAMBDA, lambda _: "x" * 150_000).run("first", {})

        assert only_run(table)["status"] == "SUCCEEDED"
        assert only_run(table)["output"] == '"not stored: S3.NoSuchBucketException"'


class TestOverlap:
    def test_the_execution_of_a_run_that_waits_says_so(self, table):
        lock(table, "other", 1_795_251_600 + 60)

        execution = machine(LAMBDA, echo, overlap="queue_all").run("second", {})

        assert execution.output == {"status": "QUEUED"}

    def test_skip_records_the_run_that_did_not_go(self, table):
        steps = machine(LAMBDA, echo)
        lock(table, "other", 1_795_251_600 + 60)

        execution = steps.run("second", {"a": 1, "_run": {"source": "manual"}})

        assert execution.status == "SUCCEEDED"
        assert execution.output == {"status": "SKIPPED"}
        run = only_run(table)
        assert (run["status"], run["source"], run["error"]) == ("SKIPPED", "manual", "Overlap")
        assert run["input"] == '{"a":1}'
        assert items(table)["#lock"]["owner"] == "other"

    def test_skip_takes_over_a_lease_that_ran_out(self, table):
        lock(table, "dead", 1_795_251_600 - 1)

        machine(LAMBDA, echo).run("second", {})

        assert only_run(table)["status"] == "SUCCEEDED"
        assert free(table)

    @pytest.mark.parametrize(
        ("cancels", "status"),
        [
            ("2026-11-21T09:04:59.999Z#later", "SKIPPED"),
            ("2026-11-21T09:05:00.000Z#later", "SUCCEEDED"),
        ],
        ids=["clocks may differ by five minutes", "a run of the future cannot be"],
    )
    def test_a_later_run_that_cancels_others_keeps_it_from_going(self, table, cancels, status):
        table.put_item(Item={"job_name": "nightly", "trigger_id": "#lock", "cancels": cancels})

        machine(LAMBDA, echo).run("first", {})

        assert only_run(table)["status"] == status

    def test_allow_takes_no_lock(self, table):
        lock(table, "other", 1_795_251_600 + 60)

        execution = machine(LAMBDA, echo, overlap="allow").run("second", {})

        assert execution.states == ["Prepare", "Admit", "Run", "Record"]
        assert items(table)["#lock"]["owner"] == "other"

    @pytest.mark.parametrize("fails", [False, True])
    def test_a_lock_lost_in_the_meantime_stays_with_its_new_owner(self, table, fails):
        def work(arguments):
            lock(table, "thief", 2_000_000_000)
            if fails:
                raise TaskError("ValueError", "no good")
            return echo(arguments)

        execution = machine(LAMBDA, work).run("first", {"a": 1})

        assert only_run(table)["status"] == ("FAILED" if fails else "SUCCEEDED")
        assert execution.status == ("FAILED" if fails else "SUCCEEDED")
        assert items(table)["#lock"]["owner"] == "thief"

    def test_a_row_that_someone_else_completed_stays_as_it_is(self, table):
        def work(arguments):
            key = {"job_name": "nightly", "trigger_id": "2026-11-21T09:00:00.000Z#first"}
            table.update_item(
                Key=key,
                UpdateExpression="SET #s = :s",
                ExpressionAttributeNames={"#s": "status"},
                ExpressionAttributeValues={":s": "STOPPED"},
            )
            return echo(arguments)

        execution = machine(LAMBDA, work).run("first", {})

        assert execution.status == "SUCCEEDED"
        assert only_run(table)["status"] == "STOPPED"


METADATA = {
    "source": "schedule",
    "scheduled_for": "2026-11-21T09:00:00Z",
    "schedule": "jobs-nightly-0",
}


class TestAScheduledTime:
    @pytest.mark.parametrize("overlap", ["skip", "allow"])
    def test_delivered_twice_is_one_run(self, table, overlap):
        steps = machine(LAMBDA, echo, overlap=overlap)
        steps.run("first", {"_run": METADATA})

        again = steps.run("second", {"_run": METADATA})

        assert again.states == ["Prepare", "Admit", "NotAdmitted", "Duplicate"]
        assert again.output == {"status": "DUPLICATE"}
        assert only_run(table)["scheduled_for"] == "2026-11-21T09:00:00Z"
        assert only_run(table)["source"] == "schedule"
        assert items(table, "#tick#jobs-nightly-0#2026-11-21T09:00:00Z")

    def test_is_remembered_for_a_week(self, table):
        machine(LAMBDA, echo).run("first", {"_run": METADATA})

        [claim] = items(table, "#tick").values()
        assert claim["expires_at"] == 1_795_251_600 + 7 * 24 * 3600

    def test_delivered_twice_while_the_first_runs_is_not_skipped(self, table):
        steps = machine(LAMBDA, echo)
        steps.before["Run"] = lambda: again.append(
            replace(steps, before={}).run("second", {"_run": METADATA})
        )
        again = []
        steps.run("first", {"_run": METADATA})

        assert again[0].states[-1] == "Duplicate"
        assert only_run(table)["status"] == "SUCCEEDED"

    def test_that_was_skipped_stays_skipped(self, table):
        steps = machine(LAMBDA, echo)
        lock(table, "other", 1_795_251_600 + 60)
        steps.run("first", {"_run": METADATA})
        table.delete_item(Key={"job_name": "nightly", "trigger_id": "#lock"})

        again = steps.run("second", {"_run": METADATA})

        assert again.states[-1] == "Duplicate"
        assert only_run(table)["status"] == "SKIPPED"

    @pytest.mark.parametrize("time", ["<aws.scheduler.scheduled-time>", "tomorrow", 5, None])
    def test_without_a_time_counts_from_its_start(self, table, time):
        machine(LAMBDA, echo).run("first", {"_run": METADATA | {"scheduled_for": time}})

        assert only_run(table)["scheduled_for"] == "2026-11-21T09:00:00.000Z"
        assert not items(table, "#tick")


class TestAFailure:
    def failing(self, *errors, then=None):
        left = list(errors)

        def work(_):
            if left:
                raise left.pop(0)
            return then

        return work

    def test_names_the_function_s_own_error(self, table):
        cause = json.dumps(
            {"errorMessage": 'no "b"\n é', "errorType": "KeyError", "stackTrace": ["x"]}
        )
        execution = machine(LAMBDA, self.failing(TaskError("KeyError", cause))).run("first", {})

        run = only_run(table)
        assert (run["status"], run["error"], run["cause"]) == ("FAILED", "KeyError", 'no "b"\n é')
        assert (execution.status, execution.error) == ("FAILED", "KeyError")
        assert free(table)

    @pytest.mark.parametrize(
        "cause",
        ['{"errorMessage": "cut o', '{"errorMessage":"\\q"}', "{}", "", "plain", "D3137: x"],
    )
    def test_with_a_senseless_cause_is_recorded_all_the_same(self, table, cause):
        machine(LAMBDA, self.failing(TaskError("Oops", cause))).run("first", {})

        assert (only_run(table)["status"], only_run(table)["cause"]) == ("FAILED", cause)

    def test_with_a_long_cause_is_cut(self, table):
        cause = json.dumps({"errorMessage": "x" * 20_000})
        machine(LAMBDA, self.failing(TaskError("Oops", cause))).run("first", {})

        assert only_run(table)["cause"] == "x" * 4000

    @pytest.mark.parametrize(
        "error",
        [
            TaskError("States.Timeout"),
            TaskError("Sandbox.Timedout", '{"errorMessage":"Task timed out after 3.00 seconds"}'),
            TaskError("Lambda.Unknown", 'Returned payload: "Task timed out after 3.00 seconds"'),
        ],
        ids=lambda error: error.error,
    )
    def test_by_time_is_timed_out(self, table, error):
        execution = machine(LAMBDA, self.failing(error)).run("first", {})

        assert only_run(table)["status"] == "TIMED_OUT"
        assert execution.error == error.error

    def test_is_tried_again_as_often_as_the_row_says(self, table):
        steps = machine(
            LAMBDA,
            self.failing(*[TaskError("ValueError")] * 9),
            retries=2,
            retry_interval_seconds=60,
            retry_backoff=3,
        )
        steps.run("first", {})

        run = only_run(table)
        assert run["attempts"] == 3
        assert run["duration_ms"] >= (60 + 180) * 1000

    def test_that_passes_is_a_success_with_its_attempts(self, table):
        work = self.failing(TaskError("ValueError"), TaskError("States.Timeout"), then=5)
        machine(LAMBDA, work, retries=2).run("first", {})

        assert only_run(table)["status"] == "SUCCEEDED"
        assert only_run(table)["attempts"] == 3

    def test_without_retries_is_not_repeated(self, table):
        machine(LAMBDA, self.failing(TaskError("ValueError"), then=5)).run("first", {})

        assert only_run(table)["attempts"] == 1

    def test_to_be_started_at_all_is_tried_again_always(self, table):
        work = self.failing(TaskError("Lambda.TooManyRequestsException"), then=5)
        machine(LAMBDA, work).run("first", {})

        assert only_run(table)["status"] == "SUCCEEDED"

    def test_of_too_large_a_result_is_for_the_execution_s_end_to_tell(self, table):
        execution = machine(LAMBDA, lambda _: "x" * 300_000).run("first", {})

        assert execution.error == "States.DataLimitExceeded"
        assert only_run(table)["status"] == "RUNNING"


class TestACollision:
    def test_is_tried_again_until_it_passes(self, table):
        steps = machine(LAMBDA, echo)
        steps = Colliding(steps.definition, echo, collisions=3)

        execution = steps.run("first", {})

        assert execution.states.count("WaitToAdmit") == 3
        assert only_run(table)["status"] == "SUCCEEDED"

    @pytest.mark.usefixtures("table")
    def test_is_given_up_in_time(self):
        steps = Colliding(machine(LAMBDA, echo).definition, echo, collisions=1000)
        start = steps.now

        execution = steps.run("first", {})

        assert execution.error == "Busy"
        assert steps.now - start < timedelta(seconds=90)


class Colliding(StepFunctions):
    """A table whose admissions collide with someone else's, some times over."""

    def __init__(self, definition, work, collisions):
        super().__init__(definition, work)
        self.collisions = collisions

    def _call(self, resource, arguments):
        if self.collisions and '"RUNNING"' in json.dumps(arguments.get("TransactItems")):
            self.collisions -= 1
            raise TaskError(
                "DynamoDb.TransactionCanceledException",
                "Transaction cancelled, please refer cancellation reasons for specific reasons "
                "[TransactionConflict, None] (Service: DynamoDb, Status Code: 400)",
            )
        return super()._call(resource, arguments)


class TestAContainer:
    @staticmethod
    def task(exit_code=None, **fields):
        job = {"Name": "job"} | ({} if exit_code is None else {"ExitCode": exit_code})
        agent = {"Name": "aws-guardduty-agent", "ExitCode": 0}
        return {"TaskArn": "arn:task", "Containers": [agent, job | fields.pop("job", {})], **fields}

    def test_gets_its_input_as_variables(self, table):
        given = []

        def work(arguments):
            given.append(arguments)
            return self.task(0)

        execution = machine(CONTAINER, work, payload={"a": "é"}).run("first", {"b": 2})

        [override] = given[0]["Overrides"]["ContainerOverrides"]
        variables = {pair["Name"]: pair["Value"] for pair in override["Environment"]}
        assert json.loads(variables["PAYLOAD"]) == {"a": "é", "b": 2}
        assert variables["TRIGGER_ID"] == "2026-11-21T09:00:00.000Z#first"
        assert given[0]["StartedBy"] == "first"
        assert execution.output == {"exit_code": 0, "task_arn": "arn:task"}
        assert only_run(table)["exit_code"] == 0

    def test_a_member_that_ecs_leaves_out_is_left_out(self, table):
        task = self.task(0)
        del task["TaskArn"]

        execution = machine(CONTAINER, lambda _: task).run("first", {})

        assert execution.output == {"exit_code": 0}
        assert only_run(table)["status"] == "SUCCEEDED"

    @pytest.mark.parametrize(
        ("task", "error", "cause", "exit_code"),
        [
            (
                task(3, StoppedReason="Essential container in task exited"),
                "ContainerFailed",
                "Exit code 3. Essential container in task exited",
                3,
            ),
            (
                task(137, job={"Reason": "OutOfMemoryError: Container killed"}),
                "ContainerFailed",
                "Exit code 137. OutOfMemoryError: Container killed",
                137,
            ),
            (
                task(StopCode="TaskFailedToStart", StoppedReason="CannotPullContainerError: x"),
                "TaskFailedToStart",
                "CannotPullContainerError: x",
                None,
            ),
        ],
        ids=["exit code", "out of memory", "not started"],
    )
    def test_that_fails_tells_why(self, table, task, error, cause, exit_code):
        failed = TaskError("States.TaskFailed", json.dumps(task))

        machine(CONTAINER, TestAFailure().failing(failed)).run("first", {})

        run = only_run(table)
        assert (run["status"], run["error"], run["cause"]) == ("FAILED", error, cause)
        assert run.get("exit_code") == exit_code

    @pytest.mark.parametrize(
        ("code", "cause"), [(4, "Exit code 4"), (None, "Exit code unknown")], ids=str
    )
    def test_is_judged_by_its_exit_code_even_if_the_task_ended_well(self, table, code, cause):
        machine(CONTAINER, lambda _: self.task(code)).run("first", {})

        run = only_run(table)
        assert (run["status"], run["error"]) == ("FAILED", "ContainerFailed")
        assert run["cause"] == cause

    @pytest.mark.parametrize(
        ("code", "error"),
        [
            ("SpotInterruption", "SpotInterruption"),
            ("TerminationNotice", "SpotInterruption"),
            ("UserInitiated", "Stopped"),
            ("ServiceSchedulerInitiated", "ServiceSchedulerInitiated"),
        ],
    )
    def test_that_was_stopped_has_failed_even_if_it_ended_tidily(self, table, code, error):
        machine(
            CONTAINER, lambda _: self.task(0, StopCode=code, StoppedReason="It was stopped.")
        ).run("first", {})

        run = only_run(table)
        assert (run["status"], run["error"]) == ("FAILED", error)
        assert run["cause"] == "Exit code 0. It was stopped."

    def test_tells_where_its_time_went(self, table):
        times = {
            "CreatedAt": 1_680_596_442_871,
            "PullStartedAt": 1_680_596_450_000,
            "PullStoppedAt": 1_680_596_461_000,
            "StartedAt": 1_680_596_462_500,
            "StoppedAt": 1_680_596_522_500,
        }
        stopped = {"StopCode": "EssentialContainerExited"}
        machine(CONTAINER, lambda _: self.task(0, **times, **stopped)).run("first", {})

        run = only_run(table)
        assert {name: run[name] for name in run if name.endswith("_ms")} == {
            "queued_ms": 7129,
            "pull_ms": 11_000,
            "start_ms": 1500,
            "run_ms": 60_000,
            "duration_ms": run["duration_ms"],
            "work_ms": run["work_ms"],
        }

    def test_that_never_started_tells_how_long_it_waited(self, table):
        task = self.task(StopCode="TaskFailedToStart", CreatedAt=1_000, PullStartedAt=9_000)
        failed = TaskError("States.TaskFailed", json.dumps(task))
        machine(CONTAINER, TestAFailure().failing(failed)).run("first", {})

        run = only_run(table)
        assert run["queued_ms"] == 8000
        assert not {"pull_ms", "start_ms", "run_ms", "exit_code"} & run.keys()

    def test_with_a_failing_exit_code_is_tried_again(self, table):
        tasks = [self.task(1), self.task(0)]
        machine(CONTAINER, lambda _: tasks.pop(0), retries=1).run("first", {})

        assert only_run(table)["status"] == "SUCCEEDED"
        assert only_run(table)["attempts"] == 2

    def test_is_not_started_with_more_input_than_ecs_takes(self, table):
        execution = machine(CONTAINER, lambda _: self.task(0)).run("first", {"a": '"' * 4000})

        assert "Run" not in execution.states
        assert only_run(table)["error"] == "InvalidInput"
        assert "S3" in only_run(table)["cause"]


def stored(key):
    s3 = boto3.client("s3", region_name="eu-west-1")
    return json.loads(s3.get_object(Bucket=PLATFORM.artifacts_bucket, Key=key)["Body"].read())
