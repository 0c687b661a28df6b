"""The adapters of `provisioner.aws` keep the contract over moto.

moto's CloudFormation is done at once, lets nothing fail and takes identical updates: what is about
time and failures is proven on the embedded engine (tests/local/test_contract.py).
"""

from __future__ import annotations

import json

import pytest

from provisioner.aws.artifact_index import ArtifactIndex
from provisioner.aws.builds import Builds
from provisioner.aws.cloudformation import CloudFormation
from provisioner.aws.deletion_budget import DeletionBudgetTable
from provisioner.aws.jobs_table import JobsTable
from provisioner.aws.rate_limits_table import RateLimitsTable
from provisioner.aws.reconcile_queue import ReconcileQueue
from provisioner.aws.sessions_table import SessionsTable
from provisioner.aws.stacks_table import StacksTable
from provisioner.aws.task_definitions import TaskDefinitions
from provisioner.stacks.deletion_budget import Budget
from tests.contract.code import ArtifactIndexContract, BuildsContract
from tests.contract.operations import PREFIX, OperationsContract
from tests.contract.sessions import SessionsContract
from tests.contract.tables import (
    DeletionBudgetContract,
    JobsContract,
    QueueContract,
    RateLimiterContract,
    StacksContract,
    TaskDefinitionsContract,
)
from tests.functional.conftest import bootstrap
from tests.support.clients import CLIENTS
from tests.support.fakes import FakeClock
from tests.support.tables import make_table

__all__ = ["bootstrap"]

pytestmark = pytest.mark.usefixtures("bootstrap")


class TestJobs(JobsContract):
    @pytest.fixture
    def jobs(self):
        return JobsTable(CLIENTS, "jobs-Jobs")

    @pytest.fixture
    def put(self, jobs):
        return jobs.put

    def test_rows_too_large_for_one_answer_are_read_in_several(self, jobs, put):
        names = [f"job-{number}" for number in range(43)]
        for name in names:
            put({"job_name": name, "description": "x" * 399_000})

        assert sorted(jobs.get_many(names)) == sorted(names)


class TestStacks(StacksContract):
    @pytest.fixture
    def stacks(self):
        return StacksTable(CLIENTS, "jobs-Stacks")


class TestQueue(QueueContract):
    @pytest.fixture
    def queue(self, bootstrap):
        return ReconcileQueue(CLIENTS, bootstrap["RECONCILE_QUEUE_URL"])

    @pytest.fixture
    def receive(self, bootstrap):
        def receive():
            found = CLIENTS.sqs.receive_message(
                QueueUrl=bootstrap["RECONCILE_QUEUE_URL"], MaxNumberOfMessages=10
            )
            return [json.loads(message["Body"]) for message in found.get("Messages", ())]

        return receive


class TestRateLimiter(RateLimiterContract):
    @pytest.fixture
    def clock(self):
        return FakeClock()

    @pytest.fixture
    def rate_limiter(self, clock):
        return RateLimitsTable(CLIENTS, "jobs-RateLimits", clock)


class TestDeletionBudget(DeletionBudgetContract):
    @pytest.fixture
    def clock(self):
        return FakeClock()

    @pytest.fixture
    def deletion_budget(self, clock):
        return DeletionBudgetTable(CLIENTS, "jobs-RateLimits", Budget(2, 25), clock)


class TestArtifactIndex(ArtifactIndexContract):
    @pytest.fixture
    def index(self):
        return ArtifactIndex(CLIENTS, "jobs-Triggers", FakeClock())


class TestBuilds(BuildsContract):
    """moto's builds have ended when somebody looks, and it does not know tokens.

    tests/functional/aws/test_builds.py has what CodeBuild is asked for, and what it answers.
    """

    test_a_build_runs_until_it_ends = None
    test_the_same_token_starts_one_build = None
    test_a_build_that_is_stopped_has_failed = None
    test_the_same_token_starts_no_second_build_after_the_end = None

    @pytest.fixture
    def builds(self):
        CLIENTS.codebuild.create_project(
            name="jobs_build_arm64",
            source={"type": "S3", "location": "sources/a.zip"},
            artifacts={"type": "NO_ARTIFACTS"},
            environment={
                "type": "ARM_CONTAINER",
                "image": "aws/codebuild/amazonlinux-aarch64-standard:3.0",
                "computeType": "BUILD_GENERAL1_SMALL",
            },
            serviceRole="arn:aws:iam::123456789012:role/build",
        )
        return Builds(CLIENTS, "jobs")


class MotoSubject:
    def __init__(self):
        role = "arn:aws:iam::123456789012:role/cloudformation"
        self.operations = CloudFormation(CLIENTS, PREFIX, role, "artifacts")

    def finish(self, name):
        """Nothing: whatever was asked for is done."""


class TestOperations(OperationsContract):
    @pytest.fixture
    def subject(self):
        return MotoSubject()


class TestJobDefinitions(TaskDefinitionsContract):
    @pytest.fixture
    def definitions(self):
        return TaskDefinitions(CLIENTS)

    @pytest.fixture
    def register(self):
        def register(family):
            made = CLIENTS.batch.register_job_definition(
                jobDefinitionName=family,
                type="container",
                containerProperties={"image": "busybox", "memory": 128, "vcpus": 1},
            )
            return made["jobDefinitionArn"]

        return register


class TestTaskDefinitions(TaskDefinitionsContract):
    @pytest.fixture
    def definitions(self):
        return TaskDefinitions(CLIENTS)

    @pytest.fixture
    def register(self):
        def register(family):
            container = {"name": "job", "image": "example.com/app:1", "memory": 128}
            made = CLIENTS.ecs.register_task_definition(
                family=family, containerDefinitions=[container]
            )
            return made["taskDefinition"]["taskDefinitionArn"]

        return register


class TestSessions(SessionsContract):
    @pytest.fixture
    def sessions(self):
        make_table(CLIENTS.dynamodb, "jobs-Sessions", "session")
        return SessionsTable(CLIENTS, "jobs-Sessions")
