"""The adapters of `provisioner.aws` keep the contract over the embedded engine."""

from __future__ import annotations

import json
from dataclasses import replace

import boto3
import pytest

from provisioner.aws.clients import Clients
from provisioner.aws.cloudformation import CloudFormation
from provisioner.aws.deletion_budget import DeletionBudgetTable
from provisioner.aws.jobs_table import JobsTable
from provisioner.aws.rate_limits_table import RateLimitsTable
from provisioner.aws.reconcile_queue import ReconcileQueue
from provisioner.aws.stacks_table import StacksTable
from provisioner.aws.task_definitions import TaskDefinitions
from provisioner.stacks.deletion_budget import Budget
from provisioner.stacks.stack_status import IN_PROGRESS
from tests.contract.operations import (
    NAME,
    PREFIX,
    FailingOperationsContract,
    OperationsContract,
)
from tests.contract.tables import (
    DeletionBudgetContract,
    JobsContract,
    QueueContract,
    RateLimiterContract,
    StacksContract,
    TaskDefinitionsContract,
)
from tests.support.clients import CLIENTS
from tests.support.fakes import FakeClock
from tests.support.resources import with_missing_export
from tests.support.tables import make_table
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("clients")]

TABLES = ("contract-Jobs", "contract-Stacks", "contract-RateLimits")


@pytest.fixture
def clients(engine, monkeypatch):
    """Yield clients that reach the engine, which has new tables and a queue."""
    for name, value in engine.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", engine.environment["AWS_REGION"])
    clients = Clients(session=CLIENTS.session)
    dynamodb = boto3.client("dynamodb")
    make_table(dynamodb, "contract-Jobs", "job_name")
    make_table(dynamodb, "contract-Stacks", "job_name", index=("status", "updated_at"))
    make_table(dynamodb, "contract-RateLimits", "quota")
    yield clients
    for table in TABLES:
        dynamodb.delete_table(TableName=table)


class TestJobs(JobsContract):
    @pytest.fixture
    def jobs(self, clients):
        return JobsTable(clients, "contract-Jobs")

    @pytest.fixture
    def put(self, jobs):
        return jobs.put


class TestStacks(StacksContract):
    @pytest.fixture
    def stacks(self, clients):
        return StacksTable(clients, "contract-Stacks")


class TestQueue(QueueContract):
    @pytest.fixture
    def url(self, clients):  # noqa: ARG002  (it is that fixture by which boto3 reaches the engine)
        url = boto3.client("sqs").create_queue(QueueName="contract")["QueueUrl"]
        yield url
        boto3.client("sqs").delete_queue(QueueUrl=url)

    @pytest.fixture
    def queue(self, clients, url):
        return ReconcileQueue(clients, url)

    @pytest.fixture
    def receive(self, clients, url):
        def receive():
            found = clients.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
            return [json.loads(message["Body"]) for message in found.get("Messages", ())]

        return receive


class TestRateLimiter(RateLimiterContract):
    @pytest.fixture
    def clock(self):
        return FakeClock()

    @pytest.fixture
    def rate_limiter(self, clients, clock):
        return RateLimitsTable(clients, "contract-RateLimits", clock)


class TestDeletionBudget(DeletionBudgetContract):
    @pytest.fixture
    def clock(self):
        return FakeClock()

    @pytest.fixture
    def deletion_budget(self, clients, clock):
        return DeletionBudgetTable(clients, "contract-RateLimits", Budget(2, 25), clock)


class EngineSubject:
    def __init__(self, clients, role):
        self.operations = CloudFormation(clients, PREFIX, role, "artifacts")

    def finish(self, name):
        def ended():
            state = self.operations.describe(name)
            return state is None or state.status not in IN_PROGRESS

        wait_until(ended, f"the end of {name}'s operation")

    def spoil(self, request):
        template = with_missing_export(json.loads(request.template))
        return replace(request, template=json.dumps(template))


class TestOperations(OperationsContract, FailingOperationsContract):
    @pytest.fixture
    def subject(self, clients, engine):
        subject = EngineSubject(clients, engine.outputs["CloudFormationRoleArn"])
        yield subject
        subject.finish(NAME)
        state = subject.operations.describe(NAME)
        if state is not None:
            subject.operations.delete(state.stack_id, (), force=False, token="clean-up")
            subject.finish(NAME)


class TestTaskDefinitions(TaskDefinitionsContract):
    @pytest.fixture
    def definitions(self, clients):
        return TaskDefinitions(clients)

    @pytest.fixture
    def register(self, clients):
        def register(family):
            container = {"name": "job", "image": "example.com/app:1", "memory": 128}
            made = clients.ecs.register_task_definition(
                family=family, containerDefinitions=[container]
            )
            return made["taskDefinition"]["taskDefinitionArn"]

        return register
