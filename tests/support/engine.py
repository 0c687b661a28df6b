"""The embedded engine as a test sees it: boto3, the tables, and what is behind them."""

from __future__ import annotations

import io
import json
import threading
import uuid
import zipfile
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from boto3.dynamodb.conditions import Key

from tests.support.commands import Commands, Done
from tests.support.items import Items
from tests.support.waiting import SECONDS, wait_until

BUNDLE = "suite/code.zip"
CODE = """
import time

def echo(event, context):
    return event

def slow(event, context):
    print("I am", event.get("who"))
    time.sleep(event["seconds"])

def raising(event, context):
    raise ValueError("no good")

def one_item(event, context):
    if event["item"] in event["failing"]:
        raise ValueError(f"no {event['item']}")
    return {"item": event["item"], **event["_fan_out"]}

def numbers(event, context):
    time.sleep(0.1)
    return [message["n"] for message in event["messages"]]

def large(event, context):
    return {"text": "x" * event["characters"]}

def text(event, context):
    return event["text"]

def leaving(event, context):
    raise SystemExit(3)

def printing(event, context):
    for n in range(event["lines"]):
        print(n)

def attempts(event, context):
    import boto3
    from botocore.exceptions import ClientError

    def outcome(service, operation, arguments, region=None):
        try:
            getattr(boto3.client(service, region_name=region), operation)(**arguments)
        except ClientError as error:
            return error.response["Error"]["Code"]
        return "done"

    return {name: outcome(*attempt) for name, attempt in event["attempts"].items()}
"""


GIT_SETTINGS = Path(__file__).parents[2] / ".provisioner" / "suite.gitconfig"
"""Settings of the git of all engines of the suite; one test writes them."""


class EngineUnderTest:
    """Everything by boto3 and the command; nothing else of the product is imported."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)
        self._commands = Commands(self.environment)
        self._clients: dict[str, Any] = {}
        self._making = threading.Lock()
        self._session = boto3.Session(
            aws_access_key_id=environment.get("AWS_ACCESS_KEY_ID"),
            aws_secret_access_key=environment.get("AWS_SECRET_ACCESS_KEY"),
            aws_session_token=environment.get("AWS_SESSION_TOKEN"),
            region_name=environment.get("AWS_REGION"),
        )
        self.url = environment.get("AWS_ENDPOINT_URL")
        self._items = Items(self._session, self.url)
        self.outputs = {o["OutputKey"]: o["OutputValue"] for o in self.bootstrap()["Outputs"]}
        self._jobs = self.table("Jobs")
        self._stacks = self.table("Stacks")
        self._triggers = self.table("Triggers")
        self.bundle_bucket = self.outputs["BundleBucketName"]
        self.bundle_version = self._bundle_version() or self._put_bundle()

    def client(self, service: str) -> Any:
        """Return a client, made once: to make one takes longer than most calls."""
        with self._making:  # sessions are not for many threads, clients are
            if service not in self._clients:
                self._clients[service] = self._session.client(service, endpoint_url=self.url)
            return self._clients[service]

    def table(self, kind: str) -> Any:
        """Return a table of the bootstrap: "Jobs", "Stacks", "Triggers", "Pace"."""
        stack = self.environment["PROVISIONER_STACK"]
        found = self.client("cloudformation").describe_stack_resource(
            StackName=stack, LogicalResourceId=f"{kind}Table"
        )
        resource = self._session.resource("dynamodb", endpoint_url=self.url)
        return resource.Table(found["StackResourceDetail"]["PhysicalResourceId"])

    def parameter(self, name: str) -> str:
        """Return a parameter of the bootstrap."""
        parameters = self.bootstrap()["Parameters"]
        return next(each["ParameterValue"] for each in parameters if each["ParameterKey"] == name)

    def bootstrap(self) -> dict[str, Any]:
        """Return the bootstrap's stack."""
        name = self.environment["PROVISIONER_STACK"]
        return self.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]

    def _bundle_version(self) -> str | None:
        """Return the version that another process of the suite has put."""
        found = self.client("s3").list_object_versions(Bucket=self.bundle_bucket, Prefix=BUNDLE)
        return next((each["VersionId"] for each in found.get("Versions", ())), None)

    def _put_bundle(self) -> str:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as bundle:
            bundle.writestr("code_under_test.py", CODE)
        put = self.client("s3").put_object(
            Bucket=self.bundle_bucket, Key=BUNDLE, Body=archive.getvalue()
        )
        return put["VersionId"]

    def bundle(self, key: str, files: Mapping[str, str]) -> str:
        """Put an archive with these files beside the suite's own; return its address."""
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as bundle:
            for name, text in files.items():
                bundle.writestr(name, text)
        self.client("s3").put_object(Bucket=self.bundle_bucket, Key=key, Body=archive.getvalue())
        return f"s3://{self.bundle_bucket}/{key}"

    # Rows

    @staticmethod
    def unique(stem: str) -> str:
        return f"{stem}-{uuid.uuid4().hex[:8]}"

    def lambda_row(self, name: str, **changes: Any) -> dict[str, Any]:
        row = {
            "job_name": name,
            "type": "lambda",
            "runtime": "python3.13",
            "handler": "code_under_test.echo",
            "bundle": f"s3://{self.bundle_bucket}/{BUNDLE}",
            "memory_mb": 128,
        }
        return row | changes

    def row(self, name: str) -> dict[str, Any]:
        return self._jobs.get_item(Key={"job_name": name}, ConsistentRead=True)["Item"]

    def image_function_row(self, name: str, **changes: Any) -> dict[str, Any]:
        example = self.row("orders-to-json")
        attributes = ("type", "image", "command", "architecture", "memory_mb", "permissions")
        return {"job_name": name, **{key: example[key] for key in attributes}} | changes

    def container_row(self, name: str, **changes: Any) -> dict[str, Any]:
        example = self._jobs.get_item(Key={"job_name": "word-count"})["Item"]
        attributes = ("type", "image", "architecture", "cpu", "memory_mb", "permissions")
        kept = {key: example[key] for key in attributes}
        return {"job_name": name, **kept} | changes

    def machine_row(self, name: str, **changes: Any) -> dict[str, Any]:
        """Return a row whose job runs the example's image on a machine of its own."""
        container = self.container_row(name)
        kinds = {"x86_64": "m7i.large", "arm64": "m7g.large"}
        row = {key: container[key] for key in ("job_name", "image", "architecture")}
        machine = {"type": "ec2", "instance_type": kinds[row["architecture"]]}
        return row | machine | {"heartbeat_seconds": 30} | changes

    def machines(self, name: str) -> list[dict[str, Any]]:
        """Return a job's machines that have not ended."""
        found = self.client("ec2").describe_instances(
            Filters=[
                {"Name": "tag:job", "Values": [name]},
                {"Name": "instance-state-name", "Values": ["pending", "running"]},
            ]
        )
        return [each for one in found["Reservations"] for each in one["Instances"]]

    def filled(self, value: Any) -> Any:
        if isinstance(value, str):
            return value.replace("{bundles}", self.bundle_bucket)
        if isinstance(value, dict):
            return {key: self.filled(item) for key, item in value.items()}
        return value

    def put(self, row: Mapping[str, Any]) -> None:
        self._jobs.put_item(Item={key: value for key, value in row.items() if value is not None})

    def delete(self, name: str) -> None:
        self._jobs.delete_item(Key={"job_name": name})

    # Stacks

    def record(self, name: str) -> dict[str, Any]:
        key = {"job_name": name}
        found = self._items.get(self._stacks.name, key)
        if found is None:
            return self._stacks.get_item(Key=key, ConsistentRead=True).get("Item", {})
        return found

    def deployments(self, name: str) -> list[int]:
        """Return the numbers of a job's deployments, newest first."""
        return [int(each["number"]) for each in self.record(name).get("deployments", ())]

    def wait_for_deployments(
        self, name: str, numbers: list[int], *, timeout_seconds: float = SECONDS
    ) -> None:
        """Wait until a job is READY with just these deployments, the newest first."""
        self.wait_for(
            name,
            "READY",
            until=lambda: self.deployments(name) == numbers,
            timeout_seconds=timeout_seconds,
        )

    def wait_for(
        self,
        name: str,
        status: str,
        *,
        until: Callable[[], bool] = lambda: True,
        timeout_seconds: float = SECONDS,
        **attributes: Any,
    ) -> dict[str, Any]:
        """Return the Stacks row once it has that status and those attributes."""
        wanted = {"status": status, **attributes}

        def matching() -> dict[str, Any] | None:
            row = self.record(name)
            return row if wanted.items() <= row.items() else None

        def look() -> dict[str, Any] | None:
            # The row that is returned is one of after `until`.
            return matching() if matching() and until() else None

        try:
            return wait_until(look, f"{wanted} of {name}", timeout_seconds=timeout_seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; the row is {self.record(name)}") from error

    def stack(self, name: str) -> dict[str, Any] | None:
        cloudformation = self.client("cloudformation")
        try:
            return cloudformation.describe_stacks(StackName=f"jobs-{name}")["Stacks"][0]
        except cloudformation.exceptions.ClientError:
            return None

    def functions_of(self, name: str) -> list[str]:
        return [one for one in self.function_names() if one.startswith(f"jobs-{name}")]

    def function_memory_mb(self, name: str) -> int:
        configuration = self.client("lambda").get_function_configuration(
            FunctionName=f"jobs-{name}"
        )
        return configuration["MemorySize"]

    def pinned_version(self, name: str) -> str:
        body = self.client("cloudformation").get_template(StackName=f"jobs-{name}")["TemplateBody"]
        template = json.loads(body) if isinstance(body, str) else body
        code = [
            resource["Properties"]["Code"]
            for resource in template["Resources"].values()
            if resource["Type"] == "AWS::Lambda::Function"
        ]
        return code[0]["S3ObjectVersion"]

    def schedule(self, name: str) -> dict[str, Any]:
        return self.client("scheduler").get_schedule(Name=f"jobs-{name}-0", GroupName="jobs")

    @contextmanager
    def without_stack_events(self):
        """Let no status event of a stack reach the provisioner."""
        events = self.client("events")
        rules = [
            rule["Name"]
            for rule in events.list_rules()["Rules"]
            if "aws.cloudformation" in rule.get("EventPattern", "")
        ]
        assert rules
        for rule in rules:
            events.disable_rule(Name=rule)
        try:
            yield
        finally:
            for rule in rules:
                events.enable_rule(Name=rule)

    def sweep(self, **event: Any) -> None:
        """Invoke the sweep as its schedules do."""
        answer = self.client("lambda").invoke(
            FunctionName=self.outputs["SweepFunctionArn"], Payload=json.dumps(event)
        )
        assert "FunctionError" not in answer, answer["Payload"].read()

    def send(self, message: Mapping[str, Any]) -> None:
        """Put a message into the reconcile queue."""
        self.client("sqs").send_message(
            QueueUrl=self.outputs["ReconcileQueueUrl"], MessageBody=json.dumps(message)
        )

    def statuses(self, stack_id: str) -> list[str]:
        """Return the statuses that a stack went through, oldest first."""
        pages = self.client("cloudformation").get_paginator("describe_stack_events")
        return [
            event["ResourceStatus"]
            for page in pages.paginate(StackName=stack_id)
            for event in page["StackEvents"]
            if event["ResourceType"] == "AWS::CloudFormation::Stack"
            and event["LogicalResourceId"] == event["StackName"]
        ][::-1]

    # The provisioner's own functions

    def function_names(self) -> list[str]:
        pages = self.client("lambda").get_paginator("list_functions").paginate()
        return [function["FunctionName"] for page in pages for function in page["Functions"]]

    def reconciling_functions(self) -> list[str]:
        """Return those that call CloudFormation."""
        suffixes = ("job_stream", "stack_events", "reconcile_queue")
        return [name for name in self.function_names() if name.endswith(suffixes)]

    def set_variable(self, function: str, name: str, value: str | None) -> None:
        """Set or remove an environment variable of a function."""
        functions = self.client("lambda")
        found = functions.get_function_configuration(FunctionName=function)
        variables = found["Environment"]["Variables"]
        variables.pop(name, None)
        if value is not None:
            variables[name] = value
        functions.update_function_configuration(
            FunctionName=function, Environment={"Variables": variables}
        )

    # Queues

    def dead_letter_messages(self, queue: str) -> list[dict[str, Any]]:
        """Return the messages of a dead-letter queue, named by its output; they stay."""
        found = self.client("sqs").receive_message(
            QueueUrl=self.outputs[queue],
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
            MessageAttributeNames=["All"],
        )
        return found.get("Messages", [])

    # Runs

    def start(self, name: str, payload: Mapping[str, Any]) -> str:
        arn = self.record(name)["state_machine_arn"]
        started = self.client("stepfunctions").start_execution(
            stateMachineArn=arn, name=f"run-{uuid.uuid4().hex[:12]}", input=json.dumps(payload)
        )
        return started["executionArn"]

    def stop(self, execution_arn: str) -> None:
        self.client("stepfunctions").stop_execution(
            executionArn=execution_arn, error="Stopped", cause="by the test"
        )

    def runs(self, name: str) -> list[dict[str, Any]]:
        found = self._triggers.query(
            KeyConditionExpression=Key("job_name").eq(name) & Key("trigger_id").gt("0"),
            ConsistentRead=True,
        )
        return found["Items"]

    def wait_for_run(
        self, name: str, execution_arn: str, status: str, *, timeout_seconds: float = SECONDS
    ) -> dict[str, Any]:
        suffix = "#" + execution_arn.rpartition(":")[2]

        def look() -> dict[str, Any] | None:
            rows = [run for run in self.runs(name) if run["trigger_id"].endswith(suffix)]
            return rows[0] if rows and rows[0]["status"] == status else None

        try:
            return wait_until(look, f"{status} of a run", timeout_seconds=timeout_seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; the runs are {self.runs(name)}") from error

    def wait(self, look: Callable[[], Any], what: str, *, timeout_seconds: float = SECONDS) -> Any:
        return wait_until(look, what, timeout_seconds=timeout_seconds)

    def lock(self, name: str) -> dict[str, Any] | None:
        """Return the job's lock, None while it is free."""
        key = {"job_name": name, "trigger_id": "#lock"}
        found = self._triggers.get_item(Key=key, ConsistentRead=True).get("Item", {})
        return found if "owner" in found else None

    def provisioner(self, *arguments: str) -> str:
        """Run the command; return what it prints."""
        done = self.command(*arguments)
        assert done.exit_code == 0, done.output
        return done.stdout

    def command(self, *arguments: str) -> Done:
        """Run the command, however it ends."""
        return self._commands.run(*arguments)

    def tasks(self, execution_arn: str, status: str) -> list[str]:
        found = self.client("ecs").list_tasks(
            cluster=self.outputs["EcsClusterArn"],
            startedBy=execution_arn.rpartition(":")[2],
            desiredStatus=status,
        )
        return found["taskArns"]

    def printed(self, name: str) -> list[str]:
        """Return what is in the log group of a job, oldest first."""
        pages = self.client("logs").get_paginator("filter_log_events")
        found = pages.paginate(logGroupName=self.record(name)["log_group"])
        return [event["message"] for page in found for event in page["events"]]

    def interrupt(self, task: str, reason: str = "Your Spot Task was interrupted.") -> None:
        """Stop a task, by these words as Spot does it."""
        cluster = self.outputs["EcsClusterArn"]
        self.client("ecs").stop_task(cluster=cluster, task=task, reason=reason)

    # Objects

    def container_data(self, name: str) -> tuple[str, str]:
        example = self._jobs.get_item(Key={"job_name": "word-count"})["Item"]["payload"]
        return example["source"], example["destination"].replace(".json", f"-{name}.json")

    def read(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
