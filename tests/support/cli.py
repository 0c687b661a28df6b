"""The CLI against moto: a bootstrap's tables and buckets, and the command as a user calls it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

from typer.testing import CliRunner, Result

from provisioner import jobs
from provisioner.aws import identity
from provisioner.aws.artifacts import Artifacts
from provisioner.aws.jobs_table import JobsTable
from provisioner.aws.recent_runs import RecentRunsTable
from provisioner.aws.stacks_table import StacksTable
from provisioner.aws.triggers_table import TriggersTable
from provisioner.cli.commands import COMMANDS, app, load
from provisioner.cli.session import using
from provisioner.jobs import InvalidRow, guarded
from provisioner.jobs.row_summary import summary_of
from provisioner.runs.keys import RUN_SHARDS
from provisioner.runs.model import iso
from provisioner.service.caller import Caller, Role
from provisioner.service.context import Service
from provisioner.stacks.model import JobStatus, StackRecord
from tests.support.clients import CLIENTS
from tests.support.moto import Tables, make_buckets, make_queues, make_stack, put_bundle
from tests.support.rows import BUNDLES, NOW, ROW  # noqa: F401  (for tests, as they name it)
from tests.support.tables import AUDIT_TABLE, JOBS_BY_NAME, LISTED, RUNS_BY_TIME, SHARD
from tests.support.waiting import wait_until

REGION = "eu-west-1"
ACCOUNT = "123456789012"
OUTPUTS = {
    "JobsTableName": "jobs-Jobs",
    "StacksTableName": "jobs-Stacks",
    "TriggersTableName": "jobs-Triggers",
    "AuditTableName": "jobs-Audit",
    "AuditRetentionDays": "400",
    "BundleBucketName": BUNDLES,
    "Prefix": "jobs",
    "ReconcileQueueUrl": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/jobs-reconcile",
    "DeadLetterQueueUrl": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/jobs-dead-letters",
    "ArtifactsBucketName": "jobs-artifacts",
    "TemplateVersion": "0123456789ab",
    "SweepFunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:jobs_provisioner_sweep",
    "RunEventsFunctionArn": (
        f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:jobs_provisioner_run_events"
    ),
}


def warm_up() -> None:
    """Import the commands and make their clients: neither is safe in two threads at once."""
    for command in COMMANDS:
        load(command)
    for service in (
        "cloudformation",
        "dynamodb",
        "lambda_",
        "logs",
        "s3",
        "sqs",
        "stepfunctions",
        "sts",
    ):
        getattr(CLIENTS, service)


class Provisioner:
    """A bootstrap without its functions: tests say what these would write."""

    def __init__(self) -> None:
        self.clients = CLIENTS
        self.jobs = JobsTable(CLIENTS, OUTPUTS["JobsTableName"])
        self.stacks = StacksTable(CLIENTS, OUTPUTS["StacksTableName"])
        self.triggers = TriggersTable(CLIENTS, OUTPUTS["TriggersTableName"])
        self._threads = ThreadPoolExecutor(1)
        self._service: Service | None = None

    def deploy(self, stack_name: str = "jobs", outputs: Mapping[str, str] = OUTPUTS) -> None:
        template = {
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {key: {"Value": value} for key, value in outputs.items()},
        }
        make_stack(stack_name, template)
        self._service = Service(
            stack_name,
            outputs,
            CLIENTS,
            lambda: datetime.now(UTC),
            cache(lambda: Caller(identity.caller_arn(CLIENTS), via="cli", role=Role.ADMIN)),
        )

    def build(self) -> None:
        self.deploy()
        self.build_tables()

    def build_tables(self) -> None:
        _table("jobs-Jobs", "job_name")
        _table("jobs-Stacks", "job_name", by_status="updated_at")
        _table("jobs-Triggers", "job_name", "trigger_id", by_status="started_at")
        Tables().create_table(TableName="jobs-Audit", **AUDIT_TABLE)
        make_buckets(BUNDLES, "jobs-artifacts")
        put_bundle(BUNDLES)
        make_queues("jobs-reconcile", "jobs-dead-letters")

    @property
    def service(self) -> Service:
        """What the commands ask, as `connect` makes it: moto takes long to describe a stack."""
        assert self._service, "no bootstrap is deployed"
        return self._service

    # The command

    def run(self, *arguments: str, stdin: str | None = None) -> Result:
        with using(self.clients):
            return CliRunner().invoke(app, list(arguments), input=stdin)

    def start(self, *arguments: str) -> Future[Result]:
        return self._threads.submit(self.run, *arguments)

    # What the functions would write

    def row(self, job_name: str = "report") -> dict[str, Any]:
        return self.jobs.get_many([job_name]).get(job_name, {})

    def record(self, job_name: str = "report") -> StackRecord:
        return self.stacks.get_many([job_name]).get(job_name) or StackRecord(job_name)

    def save(self, job_name: str = "report", **changes: Any) -> None:
        self.stacks.save(replace(self.record(job_name), **changes))

    def digest(self, job_name: str = "report") -> str:
        job = jobs.parse(self.row(job_name))
        assert not isinstance(job, InvalidRow)
        pinned = Artifacts(CLIENTS).pin(job)
        assert not isinstance(pinned, InvalidRow)
        return jobs.spec_digest(pinned)

    def make_ready(self, job_name: str = "report", **changes: Any) -> None:
        digest = self.digest(job_name)
        self.save(
            job_name,
            status=JobStatus.READY,
            spec_digest=digest,
            deployed_digest=digest,
            **changes,
        )

    def list_all(self) -> None:
        """Have lists show the jobs and runs that there are, as the functions see to it."""
        names = [str(row["job_name"]) for row in self.jobs.all()]
        for name in names:
            row = self.row(name)
            self.save(name, row=summary_of(row, guarded.parse(row)))
        recent = RecentRunsTable(CLIENTS, OUTPUTS["TriggersTableName"], lambda: datetime.now(UTC))
        for name in {*names, *(record.job_name for record in self.stacks.all())}:
            recent.count_again(name)

    def queued(self) -> list[dict[str, Any]]:
        """Return what the reconcile queue holds, and empty it."""
        queue = OUTPUTS["ReconcileQueueUrl"]
        found = []
        while got := CLIENTS.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10):
            if "Messages" not in got:
                break
            found += [json.loads(message["Body"]) for message in got["Messages"]]
        return found

    def wait_for_row(self, job_name: str = "report") -> dict[str, Any]:
        return wait_until(lambda: self.row(job_name), f"the row of {job_name}", timeout_seconds=10)

    # Runs

    def make_runnable(self, states: Mapping[str, Any], job_name: str = "report") -> str:
        machine = CLIENTS.stepfunctions.create_state_machine(
            name=f"jobs-{job_name}",
            roleArn=f"arn:aws:iam::{ACCOUNT}:role/workflow",
            definition=json.dumps({"StartAt": "First", "States": {"First": states}}),
        )
        arn = str(machine["stateMachineArn"])
        self.make_ready(job_name, outputs={"StateMachineArn": arn, "LogGroup": f"/jobs/{job_name}"})
        return arn

    def wait_for_execution(self, machine: str) -> dict[str, Any]:
        states = CLIENTS.stepfunctions
        found = wait_until(
            lambda: states.list_executions(stateMachineArn=machine)["executions"],
            "an execution",
            timeout_seconds=10,
        )
        arn = found[0]["executionArn"]
        wait_until(
            lambda: states.get_execution_history(executionArn=arn)["events"],
            "its first event: moto stops none before",
            timeout_seconds=10,
        )
        return states.describe_execution(executionArn=arn)


def bundle_in(version: str) -> zipfile.ZipFile:
    """Return the archive behind the URI that `push` printed."""
    uri, _, version_id = version.strip().partition("?versionId=")
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    found = CLIENTS.s3.get_object(Bucket=bucket, Key=key, VersionId=version_id)
    return zipfile.ZipFile(io.BytesIO(found["Body"].read()))


def _table(name: str, *keys: str, by_status: str = "") -> None:
    """Make a table, with an index by status and another attribute if that is named."""
    indexed = ("status", by_status) if by_status else ()
    index = {
        "IndexName": "by_status",
        "KeySchema": _schema(indexed),
        "Projection": {"ProjectionType": "ALL"},
    }
    has_runs = "trigger_id" in keys
    of_lists, keyed = (RUNS_BY_TIME, SHARD) if has_runs else (JOBS_BY_NAME, LISTED)
    listed = has_runs or bool(indexed)
    indexes = [*([index] if indexed else []), *([of_lists] if listed else [])]
    Tables().create_table(
        TableName=name,
        KeySchema=_schema(keys),
        AttributeDefinitions=[
            *({"AttributeName": key, "AttributeType": "S"} for key in (*keys, *indexed)),
            *([keyed] if listed else []),
        ],
        BillingMode="PAY_PER_REQUEST",
        **({"GlobalSecondaryIndexes": indexes} if indexes else {}),
    )


def _schema(keys: Iterable[str]) -> list[dict[str, str]]:
    return [
        {"AttributeName": key, "KeyType": kind}
        for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
    ]


def put_run(job_name, execution_name, status, *, started_at=NOW, **attributes):
    """Write the row of a run, as its workflow does."""
    item = {
        "job_name": {"S": job_name},
        "trigger_id": {"S": f"{iso(started_at)}#{execution_name}"},
        "status": {"S": status},
        "started_at": {"S": iso(started_at)},
        "run_shard": {"N": str(int(started_at.timestamp() * 1000) % RUN_SHARDS)},
    }
    for name, value in attributes.items():
        item[name] = {"N": str(value)} if isinstance(value, int) else {"S": value}
    CLIENTS.dynamodb.put_item(TableName="jobs-Triggers", Item=item)
