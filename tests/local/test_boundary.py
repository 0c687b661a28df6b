"""A job's code against its permissions boundary, on the embedded engine with IAM enforcement on.

Its role may do everything: whatever a row's `permissions` could be made to say, only the boundary
and what the role itself denies stand in the way.
"""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.engine

ACCOUNT = "000000000000"
EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}
DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError"}
ATTACKS = {
    "writes its own history": "dynamodb put_item {TriggersTableName} a run",
    "reads others' runs": "dynamodb scan {TriggersTableName}",
    "writes a row": "dynamodb put_item {JobsTableName} a row",
    "writes a status": "dynamodb put_item {StacksTableName} a row",
    "replaces a bundle": "s3 put_object {BundleBucketName}",
    "deletes a bundle": "s3 delete_object {BundleBucketName}",
    "reads another's input": "s3 get_object {ArtifactsBucketName} runs/a",
    "reads what another's machine runs": "s3 get_object {ArtifactsBucketName} machines/other/a",
    "reads another's result": "s3 get_object {ArtifactsBucketName} results/other/a",
    "puts where no job's data are": "s3 put_object {ArtifactsBucketName}",
    "starts a neighbour": "stepfunctions start_execution jobs-csv-summary",
    "invokes a neighbour": "lambda invoke jobs-csv-summary",
    "invokes the provisioner": "lambda invoke jobs_provisioner_sweep",
    "sends work to the provisioner": "sqs send_message {ReconcileQueueUrl}",
    "submits a message": "sns publish {SubmissionTopicArn}",
    "makes a role": "iam create_role",
    "takes its boundary off": "iam delete_role_permissions_boundary",
    "takes another job's role": "sts assume_role",
    "deletes a stack": "cloudformation delete_stack jobs-csv-summary",
    "reads a neighbour's log": "logs filter_log_events /jobs/csv-summary",
    "deletes a neighbour's log": "logs delete_log_group /jobs/csv-summary",
    "reads a secret": "secretsmanager get_secret_value payroll",
    "leaves the Region": "dynamodb list_tables",
}


def attempt(engine, words, role):
    """Return service, operation, arguments and Region of an attack."""
    service, operation, *rest = words.format(**engine.outputs).split()
    first = rest[0] if rest else ""
    item = {"job_name": {"S": "x"}, "trigger_id": {"S": "2026-01-01T00:00:00.000Z#x"}}
    machine = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:{first}"
    other = f"arn:aws:iam::{ACCOUNT}:role/jobs/jobs-word-count"
    arguments = {
        "put_item": {"TableName": first, "Item": item},
        "scan": {"TableName": first},
        "put_object": {"Bucket": first, "Key": "suite/code.zip", "Body": "x"},
        "delete_object": {"Bucket": first, "Key": "suite/code.zip"},
        "get_object": {"Bucket": first, "Key": rest[-1] if rest else ""},
        "start_execution": {"stateMachineArn": machine},
        "invoke": {"FunctionName": first},
        "send_message": {"QueueUrl": first, "MessageBody": "x"},
        "publish": {"TopicArn": first, "Message": "x"},
        "create_role": {"RoleName": "mine", "AssumeRolePolicyDocument": json.dumps(EVERYTHING)},
        "delete_role_permissions_boundary": {"RoleName": role},
        "assume_role": {"RoleArn": other, "RoleSessionName": "me"},
        "delete_stack": {"StackName": first},
        "filter_log_events": {"logGroupName": first},
        "delete_log_group": {"logGroupName": first},
        "get_secret_value": {"SecretId": first},
        "list_tables": {},
        "get_caller_identity": {},
    }[operation]
    return [service, operation, arguments, "eu-central-1" if operation == "list_tables" else None]


@pytest.fixture(scope="module")
def attacker(engine):
    name = engine.unique("attacker")
    engine.put(engine.lambda_row(name, handler="code_under_test.attempts"))
    record = engine.wait_for(name, "READY")
    engine.client("iam").put_role_policy(
        RoleName=record["role_arn"].rpartition("/")[2],
        PolicyName="everything",
        PolicyDocument=json.dumps(EVERYTHING),
    )
    return record


@pytest.fixture(scope="module")
def outcomes(engine, attacker):
    engine.client("secretsmanager").create_secret(Name="payroll", SecretString="x")
    own, bucket = attacker["job_name"], engine.outputs["ArtifactsBucketName"]
    for job, key in {"other": "machines/other/a", own: "machines/own/a"}.items():
        engine.client("s3").put_object(Bucket=bucket, Key=key, Tagging=f"job={job}")
    engine.client("s3").put_object(Bucket=bucket, Key="results/other/a")
    role = attacker["role_arn"].rpartition("/")[2]
    attempts = {name: attempt(engine, words, role) for name, words in ATTACKS.items()}
    harmless = {
        "asks who it is": ["sts", "get_caller_identity", {}],
        "reads a bundle": [
            "s3",
            "get_object",
            {"Bucket": engine.bundle_bucket, "Key": "suite/code.zip"},
        ],
        "reads what its own machine runs": [
            "s3",
            "get_object",
            {"Bucket": bucket, "Key": "machines/own/a"},
        ],
        "leaves its own result": [
            "s3",
            "put_object",
            {"Bucket": bucket, "Key": f"results/{own}/a"},
        ],
    }
    run = engine.start(attacker["job_name"], {"attempts": attempts | harmless})
    return json.loads(engine.wait_for_run(attacker["job_name"], run, "SUCCEEDED")["output"])


def test_the_role_has_the_boundary(engine, attacker):
    role = engine.client("iam").get_role(RoleName=attacker["role_arn"].rpartition("/")[2])["Role"]

    assert "/jobs_provisioner/" in role["PermissionsBoundary"]["PermissionsBoundaryArn"]


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_boundary_stops(outcomes, attack):
    assert outcomes[attack] in DENIED


@pytest.mark.parametrize(
    "deed",
    [
        "asks who it is",
        "reads a bundle",
        "reads what its own machine runs",
        "leaves its own result",
    ],
)
def test_the_boundary_lets_through(outcomes, deed):
    assert outcomes[deed] == "done"
