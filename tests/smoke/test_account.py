"""What only an account proves, a test a step; docs/internals/verified.md says which proves what.

`make smoke` runs them against a deployed bootstrap. They cost some minutes of Fargate and Lambda,
and leave nothing behind but rows of runs.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

pytestmark = pytest.mark.smoke


def attempts(account, name, calls, **row):
    """Have a job's code make calls of boto3; return what became of each."""
    handler = {"handler": "code_under_test.attempts", "timeout_seconds": 300}
    account.ready(account.lambda_row(name, **handler, **row))
    run = account.ended(name, account.start(name, {"attempts": calls}))
    return json.loads(run["output"])


def parameter(account, name):
    found = {p["ParameterKey"]: p["ParameterValue"] for p in account.bootstrap()["Parameters"]}
    value = found.get(name, "")
    assert value, f"deploy the bootstrap with the parameter {name} for this step"
    return value


def test_deploys_into_a_new_account(bootstrap):
    assert bootstrap.bootstrap()["StackStatus"] in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}


def test_put_run_change_and_delete(account):
    name = account.unique("smoke")
    account.ready(account.lambda_row(name))
    assert account.ended(name, account.start(name, {"n": 1}))["output"] == '{"n":1}'
    account.put(account.lambda_row(name, memory_mb=256))
    account.wait(lambda: account.function_memory_mb(name) == 256, "the change", timeout_seconds=600)


def test_apply_over_what_is_there(account, tmp_path):
    name = account.unique("smoke")
    row = account.container_row(name, payload={"deep": [1, {"er": None}]}, paused=True)
    account.put(row)
    file = tmp_path / "row.json"
    file.write_text(json.dumps(row | {"description": "changed"}))

    assert f"updated    {name}" in account.provisioner("apply", str(file))


def test_what_is_not_open_to_jobs(account):
    name, secrets = account.unique("closed"), account.client("secretsmanager")
    secret = secrets.create_secret(Name=account.unique("not-for-jobs"), SecretString="x")["ARN"]
    role = account.outputs["CloudFormationRoleArn"]
    grants = [
        {"Action": "secretsmanager:GetSecretValue", "Resource": secret},
        {"Action": "sts:AssumeRole", "Resource": role},
    ]
    calls = {
        "secret": ["secretsmanager", "get_secret_value", {"SecretId": secret}],
        "role": ["sts", "assume_role", {"RoleArn": role, "RoleSessionName": "smoke"}],
    }
    try:
        found = attempts(account, name, calls, permissions=grants)
        assert found == {"secret": "AccessDeniedException", "role": "AccessDenied"}
        tag = {"Key": "open-to-jobs", "Value": account.prefix}
        secrets.tag_resource(SecretId=secret, Tags=[tag])
        run = account.ended(name, account.start(name, {"attempts": calls}))
        assert json.loads(run["output"]) == {"secret": "done", "role": "AccessDenied"}
    finally:
        secrets.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)


def test_what_aws_owns(account):
    public = "/aws/service/global-infrastructure/version"
    grant = {"Action": "ssm:GetParameter", "Resource": "*"}
    calls = {"parameter": ["ssm", "get_parameter", {"Name": public}]}
    found = attempts(account, account.unique("public"), calls, permissions=[grant])
    assert found == {"parameter": "done"}


def test_a_function_in_a_network(account):
    groups = parameter(account, "AllowedSecurityGroups").split(",")
    name = account.unique("inside")
    subnets = parameter(account, "Subnets").split(",")
    account.ready(
        account.lambda_row(name, network={"subnets": subnets, "security_groups": groups[:1]})
    )
    assert account.ended(name, account.start(name, {"n": 1}))["output"] == '{"n":1}'


def test_drift_and_deletion(account):
    name = account.unique("drift")
    account.ready(account.container_row(name))
    account.send({"job_name": name, "detect_drift": True})

    def drifted():
        found = {c["type"]: c["status"] for c in account.record(name).get("conditions", [])}
        return found.get("Drifted")

    assert account.wait(drifted, "drift detection", timeout_seconds=1800) == "False"
    account.delete(name)
    assert not account.wait_for(name, "DELETED", timeout_seconds=900).get("retained_resources")


def test_a_result_that_was_not_left(account):
    name = account.unique("silent")
    account.ready(account.container_row(name, command=["true"], result=True))
    run = account.ended(name, account.start(name, {}))
    assert "not read" not in run["output"]


def test_a_run_ends_in_its_time(account):
    name = account.unique("late")
    late = {"handler": "code_under_test.slow", "timeout_seconds": 20, "retries": 3}
    account.ready(account.lambda_row(name, **late))
    run = account.ended(name, account.start(name, {"seconds": 60}), "TIMED_OUT")
    assert run["error"] == "States.Timeout"
    assert int(run["duration_ms"]) < 25_000


def test_a_container_killed_for_its_memory(account):
    name = account.unique("memory")
    account.ready(
        account.container_row(
            name,
            command=["python3", "-c", "b'x' * 2**33"],
            failure_rules=[{"errors": ["OutOfMemory*"], "action": "ignore"}],
        )
    )
    assert "ignored" in json.loads(account.ended(name, account.start(name, {}))["output"])


def test_change_a_container_under_its_run(account):
    name = account.unique("revision")
    row = account.container_row(name, command=["sh", "-c", "sleep 120; exit 1"], retries=1)
    account.ready(row)
    started = account.start(name, {})
    account.wait(
        lambda: any(run["status"] == "RUNNING" for run in account.runs(name)),
        "the run",
        timeout_seconds=300,
    )
    digest = account.record(name)["deployed_digest"]
    account.put(row | {"command": ["true"]})
    account.wait(
        lambda: account.record(name)["deployed_digest"] != digest,
        "the change",
        timeout_seconds=900,
    )
    assert account.ended(name, started, "FAILED")["attempts"] == 2


def test_a_damaged_lock(account):
    name = account.unique("damaged")
    account.ready(account.lambda_row(name))
    account.table("Triggers").put_item(
        Item={
            "job_name": name,
            "trigger_id": "#lock",
            "owner": "nobody",
            "lease_until": "soon",
            "waiting": "nobody",
        }
    )
    account.ended(name, account.start(name, {"n": 1}))


def test_a_producer_submits(account):
    allowed = parameter(account, "AllowedSubmissions").split(",")[0].rstrip("*")
    target, name = account.unique(allowed or "part"), account.unique("producer")
    topic = account.outputs["SubmissionTopicArn"]
    named = {"job_name": {"DataType": "String", "StringValue": target}}
    publish = {"TopicArn": topic, "Message": '{"n": 7}', "MessageAttributes": named}
    account.ready(account.lambda_row(target, queue=True))
    found = attempts(
        account,
        name,
        {
            "submission": ["sns", "publish", publish],
            "notification": [
                *("sns", "publish"),
                {"TopicArn": account.outputs["NotificationTopicArn"], "Message": "x"},
            ],
        },
        permissions=[f"submit: {target}", {"Action": "sns:Publish", "Resource": "*"}],
    )
    assert found == {"submission": "done", "notification": "AuthorizationError"}
    account.wait(lambda: account.runs(target), "the message's run", timeout_seconds=300)


def test_schedule_keeps_its_rhythm(account):
    name = account.unique("rhythm")
    start = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=1)
    row = account.lambda_row(
        name, schedule="rate(2 minutes)", schedule_start=start.isoformat(timespec="seconds")
    )

    def times():
        runs = account.runs(name)
        return sorted({r["scheduled_for"] for r in runs if r.get("scheduled_for")})

    account.ready(row)
    account.wait(lambda: len(times()) >= 2, "two ticks", timeout_seconds=900)
    account.put(row | {"catch_up_minutes": 5})
    before = len(times())
    account.wait(lambda: len(times()) >= before + 2, "two more", timeout_seconds=900)
    moments = [datetime.fromisoformat(text) for text in times()]
    assert {(moment - start) % timedelta(minutes=2) for moment in moments} == {timedelta()}
    gaps = {later - earlier for earlier, later in pairwise(moments)}
    assert gaps == {timedelta(minutes=2)}
