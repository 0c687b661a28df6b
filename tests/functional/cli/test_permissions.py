"""The policies in docs/operating/permissions.md are what the commands call, no more and no less."""

from __future__ import annotations

import io
import json
import re
import zipfile
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from provisioner.audit.versions import Written
from provisioner.cli.commands import COMMANDS
from provisioner.runs.model import Pause
from provisioner.stacks.model import JobStatus, StackRecord
from tests.functional.cli.test_dead_letters import put_dead_letter_message
from tests.support.cli import NOW, OUTPUTS, Provisioner, put_run
from tests.support.clients import CLIENTS
from tests.support.deployments import deploy, push
from tests.support.executions import put_running, start_execution
from tests.support.rows import ROW

PAGE = (Path(__file__).parents[3] / "docs" / "operating" / "permissions.md").read_text()
DEVELOPER, ENGINEER = (
    json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
)
ACCOUNT = "eu-west-1:111122223333"
NAMES = {
    "jobs-Jobs": "jobs-JobsTable-1A",
    "jobs-Stacks": "jobs-StacksTable-1A",
    "jobs-Triggers": "jobs-TriggersTable-1A",
    "jobs-Audit": "jobs-AuditTable-1A",
    "jobs-bundles": "jobs-bundlebucket-1a",
    "jobs-artifacts": "jobs-artifactsbucket-1a",
    "jobs-reconcile": "jobs-ReconcileQueue-1A",
    "jobs-dead-letters": "jobs-DeadLetterQueue-1A",
}
"""What CloudFormation calls what the world of these tests calls shortly."""

DIFFERENT_NAMES = {
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectsV2": "s3:ListBucket",
    "lambda:Invoke": "lambda:InvokeFunction",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}
NOT_BY_MOTO = {"ecr:GetDownloadUrlForLayer"}
IMAGE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/words:1"
CONTAINER = {"job_name": "words", "type": "ecs", "image": IMAGE}
OTHERS = {"confirm-deletions", "dead-letters", "local", "upgrade"}
"""Commands that are not a developer's."""

PINNED = ROW | {"job_name": "pinned", "bundle": f"{ROW['bundle']}?versionId=1"}
PUSHED = {
    "source": "aws.s3",
    "detail-type": "Object Created",
    "detail": {"bucket": {"name": "bundles"}, "object": {"key": "report.zip", "version-id": "1"}},
}
NOT_WAITING = ("--wait", "--timeout", "0s")


def tables(sent):
    requests = [request for item in sent.get("TransactItems", ()) for request in item.values()]
    names = sent.get("RequestItems") or [each["TableName"] for each in requests or [sent]]
    index = f"/index/{sent['IndexName']}" if "IndexName" in sent else ""
    return [f"arn:aws:dynamodb:{ACCOUNT}:table/{name}{index}" for name in names]


RESOURCES = {
    "cloudformation": lambda sent: [
        f"arn:aws:cloudformation:{ACCOUNT}:stack/{sent['StackName']}/1a"
    ],
    "dynamodb": tables,
    "ecr": lambda sent: [f"arn:aws:ecr:{ACCOUNT}:repository/{sent['repositoryName']}"],
    "lambda": lambda sent: [
        f"arn:aws:lambda:{ACCOUNT}:function:{sent['FunctionName'].rpartition(':')[2]}"
    ],
    "logs": lambda sent: [f"arn:aws:logs:{ACCOUNT}:log-group:{sent['logGroupName']}:*"],
    "s3": lambda sent: [
        "/".join(["arn:aws:s3:::" + sent["Bucket"], *filter(None, [sent.get("Key")])])
    ],
    "sqs": lambda sent: [f"arn:aws:sqs:{ACCOUNT}:{sent['QueueUrl'].rpartition('/')[2]}"],
    "states": lambda sent: [sent.get("stateMachineArn") or sent["executionArn"]],
    "sts": lambda _: [],  # GetCallerIdentity: no policy can deny it
}


def calls_of(service, operation, sent):
    """Yield the actions that IAM is asked for by a call, each with its resource."""
    actions = [DIFFERENT_NAMES.get(f"{service}:{operation}", f"{service}:{operation}")]
    if operation == "TransactWriteItems":
        actions = [f"dynamodb:{kind}Item" for item in sent["TransactItems"] for kind in item]
    if service == "s3" and sent.get("VersionId"):
        actions.append("s3:GetObjectVersion")
    if operation == "HeadObject":  # of what is not there: without it S3 says 403, and not 404
        yield "s3:ListBucket", f"arn:aws:s3:::{sent['Bucket']}"
    for resource in RESOURCES[service](sent):
        for action in actions:
            yield action, resource.replace("123456789012", "111122223333")


@contextmanager
def recorded():
    """Collect what is asked of IAM, by whatever client."""
    asked = set()

    def record(params, model, **_):
        service = model.service_model.signing_name
        for action, resource in calls_of(service, model.name, params):
            named = re.sub("|".join(NAMES), lambda found: NAMES[found[0]], resource)
            asked.add((action, named))

    services = (
        "cloudformation",
        "dynamodb",
        "ec2",
        "lambda_",
        "logs",
        "s3",
        "sqs",
        "stepfunctions",
        "sts",
    )
    clients = [CLIENTS.in_region("eu-west-1").ecr, *(getattr(CLIENTS, each) for each in services)]
    for each in clients:
        each.meta.events.register("provide-client-params.*.*", record)
    try:
        yield asked
    finally:
        for each in clients:
            each.meta.events.unregister("provide-client-params.*.*", record)


def listed(value):
    return [value] if isinstance(value, str) else value


def allows(statement, action, resource):
    return action in listed(statement["Action"]) and any(
        fnmatchcase(resource, pattern) for pattern in listed(statement["Resource"])
    )


@pytest.fixture
def here():
    config = {"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}
    with mock_aws(config=config):
        provisioner = Provisioner()
        provisioner.build()
        yield provisioner


def test_a_developers_policy_is_what_the_commands_call(here, file, tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "main.py").write_text("")
    scheduled = {"schedule": "cron(0 6 * * ? *)", "pause_on_failures": 2}
    commands = [
        ("apply", file(ROW | scheduled), *NOT_WAITING),
        ("apply", file(CONTAINER, name="words.yaml"), *NOT_WAITING),
        ("apply", file(PINNED, name="pinned.yaml"), *NOT_WAITING),
        ("apply", file(CONTAINER, name="words.yaml")),
        ("push", str(tmp_path / "code")),
        ("push", str(tmp_path / "code")),
        ("get",),
        ("get", "report"),
        ("get", "nobody"),
        ("run", "report"),
        ("run", "report", "--idempotency-key", "k"),
        ("run", "report", *NOT_WAITING),
        ("run", "report", "--follow", "--timeout", "0s"),
        ("runs", "report"),
        ("runs",),
        ("runs", "--tag", "team"),
        ("runs", "--status", "running"),
        ("items", "report", "ended"),
        ("items", "report", "ended", "--index", "0"),
        ("schedule", "report"),
        ("backfill", "report", "--from", "2026-10-22", "--to", "2026-10-23"),
        ("stop", "report", "running"),
        ("stop", "report", "waiting"),
        ("resume", "report"),
        ("logs", "report"),
        ("open",),
        ("logs", "report", "--run", "ended"),
        ("versions", "report"),
        ("diff", "report"),
        ("restore", "report", "1", "--yes"),
        ("deployments", "report"),
        ("rollback", "report", "--yes"),
        ("unpin", "report"),
        ("audit",),
        ("builds", "report"),
        ("build", "report"),
        ("audit", "report"),
        ("retry", "report", *NOT_WAITING),
        ("delete", "report", "--yes", *NOT_WAITING),
    ]
    assert {command[0] for command in commands} == COMMANDS.keys() - OTHERS

    with recorded() as asked_first:
        here.run("apply", file(ROW | scheduled))
    prepare(here)
    with recorded() as asked:
        for command in commands:
            result = here.run(*command)
            assert result.exception is None or isinstance(result.exception, SystemExit), command

    check(asked | asked_first, DEVELOPER)


def prepare(here):
    """Give the job what its commands work on; this asks for more than they do."""
    arn = here.make_runnable({"Type": "Wait", "Seconds": 3600, "End": True})
    running = start_execution(arn, "running")
    put_running("report", running)
    put_run("report", "waiting", "QUEUED", execution_arn=f"{running}-2", input="{}")
    put_run("report", "ended", "SUCCEEDED", log_stream="a", attempts=1)
    deploy(here)
    push(b"newer")
    deploy(here)
    CLIENTS.logs.create_log_group(logGroupName="/jobs/report")
    here.triggers.set_pause("report", Pause(paused=True, since=NOW.isoformat(), note="by a test"))
    change = Written("report", "1", NOW, None, here.row() | {"memory_mb": 512})
    here.service.row_versions.record(change)


def test_a_platform_engineers_policy_is_what_the_commands_call(here):
    made = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    role = made["Role"]["Arn"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "")
    for function in ("run_events", "run_stream", "notify", "unrouted", "artifact_events"):
        CLIENTS.lambda_.create_function(
            FunctionName=f"jobs_{function}",
            Runtime="python3.13",
            Role=role,
            Handler="app.handler",
            Code={"ZipFile": code.getvalue()},
        )
    for name in ("ours", "in-s3", "lambda", "notification", "poison"):
        put_dead_letter_message(name)
    keys = {"job_name": {"S": "report"}}
    for source, body in (
        ("run_stream", json.dumps({"Records": [{"dynamodb": {"Keys": keys}}]})),
        ("unrouted", "{}"),
        ("artifact_events", json.dumps(PUSHED)),
    ):
        metadata = {"reason": "r", "error_type": "e", "source": source, "job_name": "report"}
        CLIENTS.sqs.send_message(
            QueueUrl=OUTPUTS["DeadLetterQueueUrl"],
            MessageBody=body,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": text} for name, text in metadata.items()
            },
        )

    here.stacks.save(
        StackRecord("old", status=JobStatus.READY, deployed_digest="d", updated_at=NOW)
    )
    with recorded() as asked:
        here.run("upgrade", "--yes")
        here.run("upgrade", "status")
        here.run("upgrade", "abort")
        here.run("confirm-deletions", "--all", "--yes")
        here.run("dead-letters", "list")
        here.run("dead-letters", "redrive", "--all")
        here.run("dead-letters", "discard", "--yes", "nothing")

    check(asked, ENGINEER, DEVELOPER)
    [again] = [each for each in ENGINEER["Statement"] if each["Sid"] == "DoAgain"]
    invoked = {resource for action, resource in asked if action == again["Action"]}
    sweep = f"arn:aws:lambda:{ACCOUNT}:function:jobs_provisioner_sweep"
    assert invoked == {*again["Resource"], sweep}


def check(asked, policy, *others):
    """Hold what was asked to the policies, and the first one to what was asked."""
    statements = [statement for each in (policy, *others) for statement in each["Statement"]]
    refused = [each for each in sorted(asked) if not any(allows(s, *each) for s in statements)]
    assert refused == []
    unused = [
        (statement["Sid"], action)
        for statement in policy["Statement"]
        for action in listed(statement["Action"])
        if action not in NOT_BY_MOTO
        and not any(
            asked_action == action and allows(statement, action, resource)
            for asked_action, resource in asked
        )
    ]
    assert sorted(unused) == []
