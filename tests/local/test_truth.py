"""What the embedded engine does as AWS does, since jobs hold on to it. By night."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from provisioner.local.home import Home
from provisioner.local.install import installed

pytestmark = [pytest.mark.engine, pytest.mark.night]

QUERIES = Path(__file__).parents[1] / "support" / "query_answers.py"

LINES = 10_000
LONG = 20_000


@pytest.fixture(scope="module")
def function(engine):
    """A job of each handler, made once: `function("echo")` is its name."""
    made = {}

    def job(handler):
        if handler not in made:
            name = made[handler] = engine.unique("truth")
            engine.put(engine.lambda_row(name, handler=handler))
            engine.wait_for(name, "READY")
        return made[handler]

    return job


def test_bounds_the_wrong_way_round_are_refused(engine):
    with pytest.raises(ClientError, match="BETWEEN operator requires upper bound"):
        engine.client("dynamodb").query(
            TableName=engine.outputs["TriggersTableName"],
            KeyConditionExpression="job_name = :job AND trigger_id BETWEEN :low AND :high",
            ExpressionAttributeValues={":job": {"S": "a"}, ":low": {"S": "2"}, ":high": {"S": "1"}},
        )


@pytest.mark.parametrize(
    ("handler", "error"),
    [
        ("code_under_test.raising", "ValueError"),
        ("code_under_test.leaving", "Runtime.ExitError"),
        ("code_under_test.absent", "Runtime.HandlerNotFound"),
        ("absent.echo", "Runtime.ImportModuleError"),
    ],
    ids=["an exception", "the end of the process", "no such handler", "no such module"],
)
def test_a_failure_has_its_own_type(engine, function, handler, error):
    name = function(handler)

    run = engine.wait_for_run(name, engine.start(name, {}), "FAILED")

    assert run["error"] == error


STARTS_AT_THE_SECOND_TIME = """
import pathlib, sys
begun = pathlib.Path({path!r})
if not begun.exists():
    begun.touch()
    sys.exit("not yet")
def handler(event, context):
    return "begun"
"""


def test_a_start_that_fails_is_tried_once_more(engine, tmp_path):
    name = engine.unique("begins")
    text = STARTS_AT_THE_SECOND_TIME.format(path=str(tmp_path / "begun"))
    bundle = engine.bundle(f"{name}.zip", {"main.py": text})
    engine.put({**engine.lambda_row(name, handler="main.handler"), "bundle": bundle})
    engine.wait_for(name, "READY")

    run = engine.wait_for_run(name, engine.start(name, {}), "SUCCEEDED")

    assert json.loads(run["output"]) == "begun"


@pytest.mark.parametrize("text", ["3", "null", '{"a": 1}', "s3://bucket/key"])
def test_a_text_stays_a_text(engine, function, text):
    name = function("code_under_test.text")

    run = engine.start(name, {"text": text})

    engine.wait_for_run(name, run, "SUCCEEDED")
    steps = engine.client("stepfunctions")
    events = steps.get_execution_history(executionArn=run, maxResults=1000)["events"]
    outputs = [
        e["taskSucceededEventDetails"]["output"] for e in events if e["type"] == "TaskSucceeded"
    ]
    assert text in [json.loads(output).get("Payload") for output in outputs]


def test_a_result_over_256_kib_fails(engine, function):
    name = function("code_under_test.large")

    run = engine.wait_for_run(name, engine.start(name, {"characters": 262_144}), "FAILED")

    assert run["error"] == "States.DataLimitExceeded"
    assert engine.lock(name) is None


def test_every_line_of_a_container_is_logged_whole(engine):
    name = engine.unique("lines")
    code = f"for n in range({LINES}): print(n)\nprint('x' * {LONG})"
    engine.put(engine.container_row(name, command=["python3", "-c", code]))
    group = engine.wait_for(name, "READY")["log_group"]

    engine.wait_for_run(name, engine.start(name, {}), "SUCCEEDED", timeout_seconds=90)

    expected = [*map(str, range(LINES)), "x" * LONG]
    engine.wait(lambda: messages(engine, group) == expected, "every line", timeout_seconds=240)
    engine.delete(name)


def test_every_line_of_a_function_is_logged(engine, function):
    name = function("code_under_test.printing")
    group = engine.record(name)["log_group"]

    engine.wait_for_run(name, engine.start(name, {"lines": LINES}), "SUCCEEDED")

    expected = list(map(str, range(LINES)))
    printed = [line for message in messages(engine, group) for line in message.splitlines()]
    assert [line for line in printed if line.isdigit()] == expected
    engine.delete(name)


@pytest.mark.usefixtures("engine")  # which installs it
def test_a_query_of_kept_order_answers_as_one_of_the_whole_partition():
    python = installed(Home.of_checkout()).engine_python
    seed = datetime.now(UTC).isoformat()

    done = subprocess.run(
        [python, QUERIES, seed, "15"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, f"{python} {QUERIES} {seed} 15\n{done.stdout}{done.stderr[-2000:]}"


def messages(engine, group):
    pages = engine.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    return [event["message"] for page in pages for event in page["events"]]
