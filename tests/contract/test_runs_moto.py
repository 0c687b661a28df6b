"""The adapters of the runs keep the contract over moto."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import boto3
import pytest
from moto import mock_aws

from provisioner.aws.concurrency_table import ConcurrencyTable
from provisioner.aws.dependants import DependantsTable
from provisioner.aws.executions import JobExecutions
from provisioner.aws.items import to_dynamodb, to_plain
from provisioner.aws.machines import Machines
from provisioner.aws.message_queues import MESSAGE_ID, MessageQueues
from provisioner.aws.recent_runs import RecentRunsTable
from provisioner.aws.run_costs import RunCosts
from provisioner.aws.submissions_table import SubmissionsTable
from provisioner.aws.tasks import Tasks, started_by
from provisioner.aws.triggers_table import TriggersTable
from provisioner.errors import PermanentError
from tests.contract.runs import (
    JOB,
    NOW,
    DependantsContract,
    ExecutionsContract,
    JobRunsContract,
    MessageQueuesContract,
    PausesContract,
    RecentRunsContract,
    RunCostsContract,
    RunningWorkContract,
    RunsContract,
    SlotsContract,
    SubmissionsContract,
)
from tests.functional.conftest import bootstrap
from tests.support.clients import CLIENTS
from tests.support.executions import start_execution
from tests.support.platforms import PLATFORM

__all__ = ["bootstrap"]

TABLE = "jobs-Triggers"


class OfTheTable:
    """Rows of runs, written and read past the adapters."""

    @pytest.fixture
    def put(self):
        def put(key, item):
            whole = {"job_name": JOB, "trigger_id": key, **item}
            CLIENTS.dynamodb.put_item(TableName=TABLE, Item=to_dynamodb(whole))

        return put

    @pytest.fixture
    def read(self):
        def read(key):
            named = to_dynamodb({"job_name": JOB, "trigger_id": key})
            found = CLIENTS.dynamodb.get_item(TableName=TABLE, Key=named)
            return to_plain(found["Item"]) if "Item" in found else None

        return read


@pytest.mark.usefixtures("bootstrap")
class TestRuns(OfTheTable, RunsContract):
    @pytest.fixture
    def runs(self):
        return TriggersTable(CLIENTS, TABLE)


@pytest.mark.usefixtures("bootstrap")
class TestRunCosts(OfTheTable, RunCostsContract):
    @pytest.fixture
    def costs(self):
        return RunCosts(CLIENTS, TABLE, lambda: NOW)


@pytest.mark.usefixtures("bootstrap")
class TestDependants(DependantsContract):
    @pytest.fixture
    def dependants(self):
        return DependantsTable(CLIENTS, TABLE)


@pytest.mark.usefixtures("bootstrap")
class TestSlots(SlotsContract):
    @pytest.fixture
    def slots(self):
        return ConcurrencyTable(CLIENTS, TABLE)


@pytest.mark.usefixtures("bootstrap")
class TestSubmissions(SubmissionsContract):
    @pytest.fixture
    def submissions(self):
        return SubmissionsTable(CLIENTS, TABLE, lambda: NOW)

    @pytest.mark.parametrize("damage", [{"run": {"N": "7"}}, {"claimed_at": {"N": "7"}}], ids=str)
    def test_what_a_person_wrote_there_keeps_no_message_back(self, submissions, damage):
        submissions.claim(JOB, ["m1"], "run-1")
        key = {"job_name": {"S": JOB}, "trigger_id": {"S": "#submission#m1"}}
        table = boto3.client("dynamodb")
        [item] = table.query(
            TableName=TABLE,
            KeyConditionExpression="job_name = :job AND trigger_id = :id",
            ExpressionAttributeValues={":job": key["job_name"], ":id": key["trigger_id"]},
        )["Items"]
        table.put_item(TableName=TABLE, Item=item | damage)

        for claim in submissions.claim(JOB, ["m1"], "run-2").values():
            submissions.withdraw(JOB, "m1", claim)

        assert submissions.claim(JOB, ["m1"], "run-2") == {}


class TestExecutions(ExecutionsContract):
    @pytest.fixture
    def executions(self, monkeypatch):
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            monkeypatch.setenv(name, PLATFORM.region)
        with mock_aws():
            boto3.client("stepfunctions", region_name=PLATFORM.region).create_state_machine(
                name=f"{PLATFORM.prefix}-{JOB}",
                roleArn="arn:aws:iam::123456789012:role/workflow",
                definition=json.dumps(
                    {
                        "StartAt": "Work",
                        "States": {"Work": {"Type": "Wait", "Seconds": 900, "End": True}},
                    }
                ),
            )
            yield JobExecutions(CLIENTS, PLATFORM)


class TestTasks(RunningWorkContract):
    @pytest.fixture
    def cluster(self, monkeypatch):
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            monkeypatch.setenv(name, PLATFORM.region)
        with mock_aws():
            subnet = boto3.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
            ecs = boto3.client("ecs")
            ecs.create_cluster(clusterName=PLATFORM.ecs_cluster_arn.rpartition("/")[2])
            yield ecs, {"awsvpcConfiguration": {"subnets": [subnet]}}

    @pytest.fixture
    def work(self, cluster):  # noqa: ARG002  (which mocks AWS)
        return Tasks(CLIENTS, PLATFORM)

    @pytest.fixture
    def start(self, cluster):
        ecs, network = cluster

        def start(job, execution):
            family = f"{PLATFORM.prefix}-{job}"
            container = {"name": "job", "image": "busybox", "memory": 128}
            ecs.register_task_definition(family=family, containerDefinitions=[container])
            ecs.run_task(
                cluster=PLATFORM.ecs_cluster_arn,
                taskDefinition=family,
                startedBy=started_by(execution),
                launchType="FARGATE",
                networkConfiguration=network,
            )

        return start

    @pytest.fixture
    def running(self, cluster):
        ecs, _ = cluster

        def running():
            arns = ecs.list_tasks(cluster=PLATFORM.ecs_cluster_arn)["taskArns"]
            found = ecs.describe_tasks(cluster=PLATFORM.ecs_cluster_arn, tasks=arns or ["none"])
            left = [task for task in found["tasks"] if task["desiredStatus"] == "RUNNING"]
            families = [task["taskDefinitionArn"].split("/")[-1] for task in left]
            return sorted(
                each.removeprefix(f"{PLATFORM.prefix}-").split(":")[0] for each in families
            )

        return running


class TestMachines(RunningWorkContract):
    @pytest.fixture
    def ec2(self, monkeypatch):
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            monkeypatch.setenv(name, PLATFORM.region)
        with mock_aws():
            yield boto3.client("ec2")

    @pytest.fixture
    def work(self, ec2):  # noqa: ARG002  (which mocks AWS)
        return Machines(CLIENTS, PLATFORM.prefix)

    @pytest.fixture
    def start(self, ec2):
        def start(job, execution, **tags):
            said = {"provisioner": PLATFORM.prefix, "job": job, **tags}
            said |= {"provisioner:run": started_by(execution)}
            tagged = [{"Key": name, "Value": value} for name, value in said.items() if value]
            ec2.run_instances(
                ImageId="ami-12c6146b",
                MinCount=1,
                MaxCount=1,
                TagSpecifications=[{"ResourceType": "instance", "Tags": tagged}],
            )

        return start

    @pytest.fixture
    def running(self, ec2):
        def running():
            alive = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
            found = ec2.describe_instances(Filters=alive)["Reservations"]
            tags = [each["Tags"] for one in found for each in one["Instances"]]
            return sorted(tag["Value"] for each in tags for tag in each if tag["Key"] == "job")

        return running

    def test_only_machines_that_are_overdue_are_swept(self, work, start, running):
        deadline = "provisioner:deadline"
        start("over", "run-1", **{deadline: "2026-11-26T09:00:00.000Z"})
        start("early", "run-2", **{deadline: "2026-11-26T11:00:00.000Z"})
        start("odd", "run-3", **{deadline: "soon"})
        start("foreign", "run-4", provisioner="x", **{deadline: "2026-11-26T09:00:00.000Z"})
        start("by hand", "", **{deadline: "2026-11-26T09:00:00.000Z"})

        assert work.stop_overdue(datetime(2026, 11, 26, 10, tzinfo=UTC)) == 1
        assert running() == ["by hand", "early", "foreign", "odd"]

    def test_one_that_cannot_be_terminated_does_not_keep_the_others(
        self, ec2, work, start, running
    ):
        start(JOB, "run-1")
        [protected] = ec2.describe_instances()["Reservations"][0]["Instances"]
        ec2.modify_instance_attribute(
            InstanceId=protected["InstanceId"], DisableApiTermination={"Value": True}
        )
        start(JOB, "run-1")

        with pytest.raises(PermanentError, match="OperationNotPermitted"):
            work.stop(JOB, "run-1", "enough")

        assert running() == [JOB]


@pytest.mark.usefixtures("bootstrap")
class TestMessageQueues(MessageQueuesContract):
    @pytest.fixture
    def queues(self):
        for suffix in ("", "_waiting"):
            boto3.client("sqs").create_queue(QueueName=f"jobs-{JOB}{suffix}")
        return MessageQueues(CLIENTS, "jobs")

    @pytest.fixture
    def waiting(self, queues):  # noqa: ARG002  (which makes the queue)
        return lambda: held(f"jobs-{JOB}_waiting")

    @pytest.fixture
    def ready(self, queues):  # noqa: ARG002
        return lambda: held(f"jobs-{JOB}")


def held(queue):
    """Return the identities of what a queue holds, and leave it there."""
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    found = sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        MessageAttributeNames=["All"],
        VisibilityTimeout=0,
    )
    messages = found.get("Messages", [])
    return sorted(m["MessageAttributes"][MESSAGE_ID]["StringValue"] for m in messages)


WAITS = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 99, "End": True}}}


@pytest.mark.usefixtures("bootstrap")
class TestJobRuns(JobRunsContract):
    @pytest.fixture
    def job_runs(self):
        return JobExecutions(CLIENTS, PLATFORM)

    @pytest.fixture
    def begin(self):
        def begin(job_name, count):
            machine = CLIENTS.stepfunctions.create_state_machine(
                name=f"jobs-{job_name}",
                definition=json.dumps(WAITS),
                roleArn="arn:aws:iam::123456789012:role/workflow",
            )["stateMachineArn"]
            for number in range(count):
                start_execution(machine, f"run-{number}")

        return begin


@pytest.mark.usefixtures("bootstrap")
class TestPauses(PausesContract):
    @pytest.fixture
    def pauses(self):
        return TriggersTable(CLIENTS, TABLE)

    @pytest.fixture
    def since(self, pauses):
        def since(job_name):
            pause = pauses.pause(job_name)
            assert pause is None or not pause.paused
            return pause and pause.since

        return since


@pytest.mark.usefixtures("bootstrap")
class TestRecentRuns(RecentRunsContract):
    @pytest.fixture
    def recent(self):
        return RecentRunsTable(CLIENTS, TABLE, lambda: NOW)

    @pytest.fixture
    def read(self, recent):
        return lambda job_name: recent.read([job_name], [])[0].get(job_name)
