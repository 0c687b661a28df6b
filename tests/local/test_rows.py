"""Rows written with boto3 alone, on the embedded engine with IAM enforcement on."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from provisioner.local.deploy import deploy
from provisioner.local.engine import Engine
from provisioner.local.home import Home
from tests.local.conftest import SUITE

pytestmark = pytest.mark.engine

BROKEN_ROWS = {
    "unknown-type": ({"type": "lamda"}, "type"),
    "unknown-attribute": ({"memory_gb": 1}, "memory_gb"),
    "memory-out-of-range": ({"memory_mb": 64}, "memory_mb"),
    "wrong-cron": ({"schedule": "cron(0 9 * * *)"}, "schedule"),
    "unknown-time-zone": ({"timezone": "Europe/Atlantis"}, "timezone"),
    "missing-bundle-attribute": ({"bundle": None}, "bundle"),
    "number-that-is-none": ({"memory_mb": "plenty"}, "memory_mb"),
    "binary-value": ({"description": b"\x00"}, "description"),
    "set-value": ({"handler": {"a", "b"}}, "handler"),
    "dynamic-reference": (
        {"environment": {"TOKEN": "{{resolve:ssm:/secret}}"}},
        "environment.TOKEN",
    ),
    "large-environment": ({"environment": {"BIG": "x" * 5000}}, "environment"),
    "no-such-bundle": ({"bundle": "s3://{bundles}/none.zip"}, "bundle"),
}


@pytest.mark.parametrize("memory_mb", [256, "256"], ids=["number", "numeric-string"])
def test_put_edit_delete(engine, memory_mb):
    name = engine.unique("life")
    engine.put(engine.lambda_row(name, memory_mb=memory_mb))
    row = engine.wait_for(name, "READY")
    assert row["cloudformation_status"] == "CREATE_COMPLETE"
    assert row["in_sync"] is True
    assert row["lambda_arn"].endswith(f":function:jobs-{name}")
    assert row["state_machine_arn"].endswith(f":stateMachine:jobs-{name}")
    assert engine.function_memory_mb(name) == 256

    engine.put(engine.lambda_row(name, memory_mb=512))
    engine.wait_for(name, "READY", cloudformation_status="UPDATE_COMPLETE")
    assert engine.function_memory_mb(name) == 512

    engine.delete(name)
    engine.wait_for(name, "DELETED")
    assert engine.stack(name) is None


def test_the_same_row_again_does_nothing(engine):
    name = engine.unique("same")
    engine.put(engine.lambda_row(name))
    before = engine.wait_for(name, "READY")

    engine.put(dict(reversed(engine.lambda_row(name, memory_mb="128").items())))
    marker = engine.unique("marker")
    engine.put(engine.lambda_row(marker))
    engine.wait_for(marker, "READY")

    assert engine.record(name) == before
    assert engine.stack(name)["StackStatus"] == "CREATE_COMPLETE"


def test_a_job_changes_its_type(engine):
    name = engine.unique("type")
    engine.put(engine.lambda_row(name))
    engine.wait_for(name, "READY")

    engine.put(engine.container_row(name))

    row = engine.wait_for(name, "READY", cloudformation_status="UPDATE_COMPLETE")
    assert "lambda_arn" not in row
    assert f"task-definition/jobs-{name}" in row["task_definition_arn"]


def test_the_last_of_three_edits_wins(engine):
    name = engine.unique("edits")
    for memory_mb in (128, 256, 512, 1024):
        engine.put(engine.lambda_row(name, memory_mb=memory_mb))

    engine.wait_for(
        name, "READY", in_sync=True, until=lambda: engine.function_memory_mb(name) == 1024
    )


def test_bad_rows_are_named_and_their_good_neighbours_go_through(engine):
    good = [engine.unique("good") for _ in range(3)]
    names = {case: engine.unique("bad") for case in BROKEN_ROWS}
    for case, (change, _) in BROKEN_ROWS.items():
        engine.put(engine.lambda_row(names[case]) | engine.filled(change))
    engine.put(engine.container_row(pair := engine.unique("pair"), cpu=256, memory_mb=16384))
    engine.put(engine.container_row(imageless := engine.unique("noimg"), image=None))
    engine.put(engine.lambda_row("Capitals"))
    for name in good:
        engine.put(engine.lambda_row(name))

    for name in good:
        engine.wait_for(name, "READY")
    for case, (_, field) in BROKEN_ROWS.items():
        errors = engine.wait_for(names[case], "INVALID")["errors"]
        assert [error["field"] for error in errors] == [field], (case, errors)
        assert engine.stack(names[case]) is None
    assert engine.wait_for(pair, "INVALID")["errors"]
    assert engine.wait_for(imageless, "INVALID")["errors"][0]["field"] == "image"
    assert engine.wait_for("Capitals", "INVALID")["errors"][0]["field"] == "job_name"


def test_a_row_made_invalid_keeps_its_stack_and_heals(engine):
    name = engine.unique("keeps")
    engine.put(engine.lambda_row(name))
    engine.wait_for(name, "READY")

    engine.put(engine.lambda_row(name, memory_mb=1, colour="red"))

    row = engine.wait_for(name, "INVALID")
    assert {error["field"] for error in row["errors"]} == {"memory_mb", "colour"}
    assert engine.stack(name)["StackStatus"] == "CREATE_COMPLETE"
    assert row["lambda_arn"]
    engine.put(engine.lambda_row(name))
    engine.wait_for(name, "READY")


def test_a_missing_bundle_heals_when_the_row_is_corrected(engine):
    name = engine.unique("bundle")
    engine.put(engine.lambda_row(name, bundle=f"s3://{engine.bundle_bucket}/none.zip"))
    row = engine.wait_for(name, "INVALID")
    assert "does not exist" in row["errors"][0]["message"]
    assert engine.stack(name) is None

    engine.put(engine.lambda_row(name))

    engine.wait_for(name, "READY")
    assert engine.pinned_version(name) == engine.bundle_version


def test_a_row_in_the_console_s_own_types(engine):
    """Booleans as text, numbers as text, a payload as a map."""
    name = engine.unique("console")
    engine.put(
        engine.lambda_row(
            name,
            memory_mb=None,
            memory="256",
            schedule_enabled="false",
            schedule="rate(1 day)",
            payload={"a": 1},
        )
    )
    engine.wait_for(name, "READY")

    assert json.loads(engine.schedule(name)["Target"]["Input"])["_run"]["source"] == "schedule"
    assert engine.schedule(name)["State"] == "DISABLED"


def test_drift_is_looked_for_and_shown(engine):
    name = engine.unique("drift")
    engine.put(engine.lambda_row(name))
    engine.wait_for(name, "READY")

    engine.send({"job_name": name, "detect_drift": True})
    engine.wait(
        lambda: engine.stack(name)["DriftInformation"]["StackDriftStatus"] != "NOT_CHECKED",
        "the detection",
    )
    engine.put(engine.lambda_row(name, description="looks at the stack again"))

    def drift():
        conditions = engine.record(name).get("conditions", ())
        return next((c for c in conditions if c["type"] == "Drifted"), None)

    assert engine.wait(drift, "the condition")["status"] in {"True", "False"}


def test_a_poison_record_is_kept_and_its_neighbours_continue(engine):
    """As far as the engine goes, which knows nothing of partial failures of a stream's batch."""
    name = engine.unique("good")
    engine.put(engine.lambda_row(name))
    good = {"dynamodb": {"Keys": {"job_name": {"S": name}}, "SequenceNumber": "1"}}
    poison = {"dynamodb": {"Keys": {"job_name": {"N": "1"}}, "SequenceNumber": name}}

    invoked = engine.client("lambda").invoke(
        FunctionName=engine.outputs["JobStreamFunctionArn"],
        Payload=json.dumps({"Records": [poison, good]}),
    )

    assert json.load(invoked["Payload"]) == {"batchItemFailures": []}
    assert engine.wait(lambda: kept(engine, name), "the dead letter") == [poison]
    engine.wait_for(name, "READY")


def kept(engine, text):
    """Return the dead-letter messages with a text; who else reads them holds them for a moment."""
    bodies = [each["Body"] for each in engine.dead_letter_messages("DeadLetterQueueUrl")]
    return [json.loads(body) for body in bodies if text in body]


def test_a_schedule_keeps_its_dates_and_its_zone(engine):
    name = engine.unique("window")
    window = {"schedule_start": "2198-01-01T00:00:00Z", "schedule_end": "2199-01-01T00:00:00Z"}
    row = engine.lambda_row(
        name, handler="code_under_test.echo", schedule="cron(0 6 * * ? *)", timezone="Europe/Paris"
    )

    engine.put(row | window)

    engine.wait_for(name, "READY")
    schedule = engine.schedule(name)
    assert schedule["StartDate"] >= datetime(2198, 1, 1, tzinfo=UTC)
    assert schedule["EndDate"] == datetime(2199, 1, 1, tzinfo=UTC)
    assert schedule["ScheduleExpressionTimezone"] == "Europe/Paris"

    engine.put(row | {"timezone": "UTC"})

    engine.wait_for(name, "READY", until=lambda: "EndDate" not in engine.schedule(name))
    assert engine.schedule(name)["ScheduleExpressionTimezone"] == "UTC"


def test_a_row_edited_while_its_function_runs_leaves_the_run_alone(engine):
    name = engine.unique("edited")
    row = engine.lambda_row(name, handler="code_under_test.slow")
    engine.put(row)
    engine.wait_for(name, "READY")
    run = engine.start(name, {"seconds": 5})
    engine.wait_for_run(name, run, "RUNNING")

    engine.put(row | {"memory_mb": 256})

    engine.wait_for(name, "READY", until=lambda: engine.function_memory_mb(name) == 256)
    engine.wait_for_run(name, run, "SUCCEEDED")


@pytest.mark.night
def test_jobs_and_their_runs_outlive_an_upgrade_of_the_bootstrap(engine):
    name = engine.unique("survivor")
    engine.put(engine.lambda_row(name, handler="code_under_test.slow"))
    engine.wait_for(name, "READY")
    execution = engine.start(name, {"seconds": 5})
    engine.wait_for_run(name, execution, "RUNNING")

    deploy(Engine(Home.of_checkout(SUITE)), parameters={"DeletionBudgetJobs": "1999"})

    assert engine.bootstrap()["StackStatus"] == "UPDATE_COMPLETE"
    engine.wait_for_run(name, execution, "SUCCEEDED")
    engine.wait_for(name, "READY", in_sync=True)
    engine.put(engine.lambda_row(name, handler="code_under_test.echo", memory_mb=256))
    engine.wait_for(name, "READY", until=lambda: engine.function_memory_mb(name) == 256)
    run = engine.start(name, {})
    engine.wait_for_run(name, run, "SUCCEEDED")
