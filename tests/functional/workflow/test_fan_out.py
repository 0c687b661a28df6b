"""A run over many items, from its own definition."""

from __future__ import annotations

import json

import boto3
import pytest
from moto import mock_aws

import templates
from provisioner.jobs import MAX_ITEMS, InvalidRow, parse
from provisioner.runs.usage import usage_of
from templates.workflow import usage
from tests.functional.step_functions import StepFunctions, TaskError
from tests.golden.update import workflow
from tests.support.platforms import PLATFORM

BUCKET = PLATFORM.artifacts_bucket
FOLDER = "runs/nightly/2026-11-21T09-00-00.000Z-first"
LAMBDA = {
    "job_name": "nightly",
    "type": "lambda",
    "runtime": "python3.14",
    "handler": "app.handler",
    "bundle": "s3://bundles/app.zip",
}
CONTAINER = {"job_name": "nightly", "type": "ecs", "image": "example.com/app:1"}


@pytest.fixture
def s3(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("s3", region_name="eu-west-1")
        for bucket in (BUCKET, "bundles"):
            client.create_bucket(
                Bucket=bucket,
                CreateBucketConfiguration={"LocationConstraint": "eu-west-1"},
            )
        boto3.client("dynamodb", region_name="eu-west-1").create_table(
            TableName=PLATFORM.triggers_table,
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
        yield client


class Work:
    """The job's code: it notes what it is given, and fails for some items."""

    def __init__(self, failing=(), attempts=10):
        self.failing = set(failing)
        self.attempts = attempts
        self.given = []

    def __call__(self, arguments):
        given = arguments["Payload"]
        self.given.append(given)
        index = given["_fan_out"]["index"]
        if index in self.failing and len(self.given) <= self.attempts + index:
            raise TaskError("ValueError", json.dumps({"errorMessage": "no good"}))
        return {"seen": given["item"]}

    @property
    def items(self):
        return [given["item"] for given in self.given]


def run(row, work, given, **fan_out):
    job = parse(row | {"fan_out": fan_out})
    assert not isinstance(job, InvalidRow), job
    template = json.loads(templates.to_json(templates.build(job, PLATFORM)))
    return StepFunctions(workflow(template), work).run("first", given)


def row():
    table = boto3.resource("dynamodb", region_name="eu-west-1").Table(PLATFORM.triggers_table)
    found = {item["trigger_id"]: item for item in table.scan()["Items"]}
    assert "owner" not in found.pop("#lock", {})
    [only] = found.values()
    return only


def stored(s3):
    """Return what is kept of the items, by the end of their keys."""
    prefix = f"{FOLDER}/items/"
    found = s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    return {
        one["Key"].removeprefix(prefix): json.loads(
            s3.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read()
        )
        for one in found
    }


class TestItemsOfThePayload:
    @pytest.mark.usefixtures("s3")
    def test_each_item_is_given_with_its_place_and_what_all_share(self):
        work = Work()

        execution = run(LAMBDA, work, {"items": ["a", "b"], "mode": "fast"})

        assert execution.status == "SUCCEEDED"
        assert work.given == [
            {"mode": "fast", "item": "a", "_fan_out": {"index": 0, "count": 2}},
            {"mode": "fast", "item": "b", "_fan_out": {"index": 1, "count": 2}},
        ]
        assert json.loads(row()["output"]) == {
            "items": 2,
            "succeeded": 2,
            "failed": 0,
            "failed_items": "",
            "results": f"s3://{BUCKET}/{FOLDER}/items/",
        }
        assert row()["status"] == "SUCCEEDED"

    def test_each_result_is_kept(self, s3):
        run(LAMBDA, Work(failing=[1]), {"items": ["a", {"b": 1}]}, tolerated_failure_percent=50)

        assert stored(s3) == {
            "succeeded/0.json": {
                "index": 0,
                "status": "SUCCEEDED",
                "attempts": 1,
                "output": {"seen": "a"},
            },
            "failed/1.json": {
                "index": 1,
                "status": "FAILED",
                "attempts": 1,
                "error": "ValueError",
                "cause": "no good",
            },
        }

    @pytest.mark.parametrize(
        "items",
        [[], ["one"], [["a", "list"]], [[1], [2, 3]], [[]], [{}, "", 0, False], [[[1]]]],
        ids=str,
    )
    @pytest.mark.usefixtures("s3")
    def test_items_arrive_as_they_are(self, items):
        work = Work()

        run(LAMBDA, work, {"items": items})

        assert work.items == items
        assert json.loads(row()["output"])["items"] == len(items)

    @pytest.mark.usefixtures("s3")
    def test_the_list_may_be_under_another_key(self):
        work = Work()

        run(LAMBDA, work, {"files": ["x"], "items": "kept"}, items="files")

        assert work.given == [{"items": "kept", "item": "x", "_fan_out": {"index": 0, "count": 1}}]

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({}, "needs a list named items"),
            ({"items": "a"}, "needs a list named items"),
            ({"items": {"a": 1}}, "needs a list named items"),
            ({"items": [1] * (MAX_ITEMS + 1)}, "this one has 30001"),
        ],
        ids=["none", "text", "map", "too many"],
    )
    @pytest.mark.usefixtures("s3")
    def test_without_a_fitting_list_nothing_is_run(self, given, message):
        work = Work()

        execution = run(LAMBDA, work, given)

        assert (execution.error, work.given) == ("InvalidInput", [])
        assert message in row()["cause"]


class TestTimes:
    @pytest.mark.usefixtures("s3")
    def test_the_run_has_the_time_of_all_items_rounded_up(self):
        run(LAMBDA, Work(), {"items": ["a", "b", "c"]})

        found = row()
        assert (found["item_count"], found["item_failures"]) == (3, 0)
        assert found["work_ms"] % 30 == 0
        assert 30 <= found["work_ms"] <= 30_000
        assert usage_of(found).attempts == 3

    @pytest.mark.usefixtures("s3")
    def test_a_container_is_billed_a_minute_at_least(self):
        ended = {"TaskArn": "arn:task", "Containers": [{"Name": "job", "ExitCode": 0}]}
        run(CONTAINER, lambda _: ended, {"items": ["a", "b", "c"]})

        assert row()["work_ms"] == 3 * 60_000

    @pytest.mark.usefixtures("s3")
    def test_of_a_batch_job_batch_says_it(self):
        attempt = {"StartedAt": 1_000, "StoppedAt": 91_500}
        ended = {"JobId": "1", "Status": "SUCCEEDED", "Container": {}, "Attempts": [attempt]}
        run(CONTAINER | {"type": "batch"}, lambda _: ended, {"items": ["a", "b"]})

        assert row()["work_ms"] == 2 * 91_000

    @pytest.mark.usefixtures("s3")
    def test_items_that_failed_are_counted_and_not_timed(self):
        run(LAMBDA, Work(failing=[0, 2]), {"items": ["a", "b", "c"]})

        found = row()
        assert (found["item_count"], found["item_failures"]) == (3, 2)
        assert 0 < usage_of(found).least_seconds < usage_of(found).seconds

    def test_the_times_of_all_items_fit_into_a_state(self):
        longest = -usage.LONGEST_OF_ITEM
        assert len(json.dumps([longest] * MAX_ITEMS, separators=(",", ":"))) <= 256 * 1024

    @pytest.mark.usefixtures("s3")
    def test_without_items_nothing_has_taken_any_time(self):
        run(LAMBDA, Work(), {"items": []})

        found = row()
        assert (found["item_count"], found["work_ms"]) == (0, 0)


class TestFailures:
    @pytest.mark.parametrize(
        ("failing", "text"),
        [
            ([], ""),
            ([0], "0"),
            ([1, 3, 4, 5, 7], "1,3-5,7"),
            ([0, 1], "0-1"),
            (range(10), "0-9"),
            ([8, 9], "8-9"),
        ],
        ids=str,
    )
    @pytest.mark.usefixtures("s3")
    def test_failed_items_are_named_by_their_indexes(self, failing, text):
        execution = run(
            LAMBDA, Work(failing), {"items": [*range(10)]}, tolerated_failure_percent=100
        )

        assert execution.output["failed_items"] == text
        assert execution.output["failed"] == len(failing)
        assert execution.output["succeeded"] == 10 - len(failing)

    @pytest.mark.parametrize(
        ("failing", "percent", "status"),
        [(0, 0, "SUCCEEDED"), (1, 0, "FAILED"), (2, 20, "SUCCEEDED"), (3, 20, "FAILED")],
    )
    @pytest.mark.usefixtures("s3")
    def test_more_than_the_tolerated_share_fails_the_run(self, failing, percent, status):
        work = Work(range(failing))

        execution = run(LAMBDA, work, {"items": [*range(10)]}, tolerated_failure_percent=percent)

        assert (execution.status, row()["status"]) == (status, status)
        assert len(work.given) == 10

    def test_a_failed_run_tells_the_same(self, s3):
        execution = run(LAMBDA, Work([1, 2]), {"items": [*range(4)]})

        assert execution.error == row()["error"] == "FanOutFailed"
        cause = json.loads(row()["cause"])
        assert cause == json.loads(execution.cause)
        assert cause["results"].startswith(f"s3://{BUCKET}/runs/nightly/")
        assert (cause["items"], cause["succeeded"], cause["failed"]) == (4, 2, 2)
        assert cause["failed_items"] == "1-2"
        assert len(stored(s3)) == 4

    @pytest.mark.usefixtures("s3")
    def test_each_item_is_retried_as_the_row_says(self):
        work = Work([1], attempts=1)

        execution = run(LAMBDA | {"retries": 2}, work, {"items": ["a", "b", "c"]})

        assert execution.status == "SUCCEEDED"
        assert work.items == ["a", "b", "b", "c"]

    @pytest.mark.usefixtures("s3")
    def test_the_rules_for_failures_are_each_items(self):
        rules = [
            {"errors": ["ValueError"], "action": "retry"},
            {"errors": ["KeyError"], "action": "ignore"},
        ]
        seen = []

        def work(arguments):
            index = arguments["Payload"]["_fan_out"]["index"]
            seen.append(index)
            if index < 3:
                raise TaskError(["ValueError", "KeyError", "TypeError"][index])

        row = LAMBDA | {"retries": 2, "failure_rules": [*rules, {"errors": "*", "action": "fail"}]}
        execution = run(row, work, {"items": [*range(4)]}, tolerated_failure_percent=50)

        assert seen == [0, 0, 0, 1, 2, 3]
        assert execution.output["failed_items"] == "0,2"

    @pytest.mark.usefixtures("s3")
    @pytest.mark.parametrize("error", ["App$run", "$outcome", "App$pause*"])
    def test_a_rule_may_name_an_error_like_a_variable_of_the_workflow(self, error):
        def work(_):
            raise TaskError(error.removesuffix("*"))

        row = LAMBDA | {"failure_rules": [{"errors": error, "action": "ignore"}]}
        execution = run(row, work, {"items": ["a"]})

        assert execution.output["succeeded"] == 1

    @pytest.mark.usefixtures("s3")
    def test_a_child_that_nothing_could_catch_counts_by_its_index(self):
        def work(arguments):
            if arguments["Payload"]["_fan_out"]["index"] == 2:
                raise TaskError("States.DataLimitExceeded")

        execution = run(LAMBDA, work, {"items": [*range(4)]}, tolerated_failure_percent=25)

        assert (execution.output["failed"], execution.output["failed_items"]) == (1, "2")
        assert run(LAMBDA, work, {"items": [*range(4)]}).error == "FanOutFailed"


class TestSources:
    def put(self, s3, key, text):
        s3.put_object(Bucket="bundles", Key=key, Body=text.encode())

    def test_a_json_list(self, s3):
        self.put(s3, "in/items.json", '[{"a": 1}, 2]')
        work = Work()

        run(LAMBDA, work, {"mode": "x"}, source={"json": "s3://bundles/in/items.json"})

        assert work.given == [
            {"mode": "x", "item": {"a": 1}, "_fan_out": {"index": 0}},
            {"mode": "x", "item": 2, "_fan_out": {"index": 1}},
        ]

    def test_the_rows_of_a_csv_file(self, s3):
        self.put(s3, "in/items.csv", "name,size\na,1\nb,2\n")
        work = Work()

        run(LAMBDA, work, {}, source={"csv": "s3://bundles/in/items.csv"})

        assert work.items == [{"name": "a", "size": "1"}, {"name": "b", "size": "2"}]

    def test_the_objects_under_a_prefix(self, s3):
        for key in ("in/1", "in/2", "out/1"):
            self.put(s3, key, "x")
        work = Work()

        run(LAMBDA, work, {}, source={"prefix": "s3://bundles/in/"})

        assert [item["Key"] for item in work.items] == ["in/1", "in/2"]

    @pytest.mark.usefixtures("s3")
    def test_one_that_cannot_be_read_fails_the_run(self):
        run(LAMBDA, Work(), {}, source={"json": "s3://bundles/nothing.json"})

        assert (row()["status"], row()["error"]) == ("FAILED", "States.ItemReaderFailed")


class TestContainers:
    @pytest.mark.usefixtures("s3")
    def test_variables_tell_the_place(self):
        seen = []

        def work(arguments):
            [override] = arguments["Overrides"]["ContainerOverrides"]
            variables = {v["Name"]: v["Value"] for v in override["Environment"]}
            seen.append((arguments["StartedBy"], variables))
            code = 3 if variables["FAN_OUT_INDEX"] == "1" else 0
            return {"TaskArn": "t", "Containers": [{"Name": "job", "ExitCode": code}]}

        execution = run(CONTAINER, work, {"items": ["a", "b"]}, tolerated_failure_percent=50)

        assert execution.output["failed_items"] == "1"
        assert seen[0] == (
            "first",
            {
                "PAYLOAD": '{"item":"a","_fan_out":{"index":0,"count":2}}',
                "TRIGGER_ID": row()["trigger_id"],
                "FAN_OUT_INDEX": "0",
                "FAN_OUT_COUNT": "2",
            },
        )

    def test_each_item_may_leave_a_result(self, s3):
        def work(arguments):
            [override] = arguments["Overrides"]["ContainerOverrides"]
            variables = {v["Name"]: v["Value"] for v in override["Environment"]}
            key = variables["RESULT_URI"].removeprefix(f"s3://{BUCKET}/")
            if variables["FAN_OUT_INDEX"] == "1":
                s3.put_object(Bucket=BUCKET, Key=key, Body=b'{"rows": 3}')
            return {"TaskArn": "t", "Containers": [{"Name": "job", "ExitCode": 0}]}

        run(CONTAINER | {"result": True}, work, {"items": ["a", "b"]})

        outputs = {name: kept["output"] for name, kept in stored(s3).items()}
        assert outputs == {
            "succeeded/0.json": {"exit_code": 0, "task_arn": "t"},
            "succeeded/1.json": {"rows": 3},
        }

    @pytest.mark.usefixtures("s3")
    def test_what_a_run_overrides_holds_for_each_item(self):
        seen = []

        def work(arguments):
            [override] = arguments["Overrides"]["ContainerOverrides"]
            variables = {v["Name"]: v["Value"] for v in override["Environment"]}
            seen.append((override["Command"], variables["FAN_OUT_INDEX"]))
            return {"TaskArn": "t", "Containers": [{"Name": "job", "ExitCode": 0}]}

        asked = {"items": ["a", "b"], "_run": {"overrides": {"command": ["go"]}}}
        run(CONTAINER | {"allow_overrides": ["command"]}, work, asked)

        assert seen == [(["go"], "0"), (["go"], "1")]

    @pytest.mark.usefixtures("s3")
    def test_a_list_is_not_held_to_the_limit_of_one_container(self):
        def work(_arguments):
            return {"TaskArn": "t", "Containers": [{"Name": "job", "ExitCode": 0}]}

        execution = run(CONTAINER, work, {"items": ["x" * 100] * 100})

        assert execution.status == "SUCCEEDED"

    @pytest.mark.usefixtures("s3")
    def test_what_its_items_share_is(self):
        execution = run(CONTAINER, Work(), {"items": [1], "text": "x" * 8000})

        assert execution.error == "InvalidInput"
