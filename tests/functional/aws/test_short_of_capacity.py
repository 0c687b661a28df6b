"""Answers that AWS gives when it has done a part of what was asked, or nothing of it."""

from __future__ import annotations

import boto3
import pytest
from botocore.stub import Stubber

from provisioner.aws.deletion_budget import DeletionBudgetTable
from provisioner.aws.dependants import DependantsTable
from provisioner.aws.jobs_table import JobsTable
from provisioner.aws.rate_limits_table import RateLimitsTable
from provisioner.aws.reconcile_queue import ReconcileQueue
from provisioner.aws.run_list import RunList
from provisioner.errors import PermanentError, TemporaryError, ThrottledError
from provisioner.runs.listing import Position
from provisioner.stacks.deletion_budget import Budget
from provisioner.stacks.rate_limits import Quota
from tests.support.clients import CLIENTS

pytestmark = pytest.mark.usefixtures("bootstrap")

LIMITS = "jobs-RateLimits"


@pytest.fixture
def dynamodb():
    with Stubber(CLIENTS.dynamodb) as stubber:
        yield stubber


@pytest.fixture
def sqs():
    with Stubber(CLIENTS.sqs) as stubber:
        yield stubber


def test_keys_that_stay_unread_are_a_throttle(dynamodb):
    keys = [{"job_name": {"S": "report"}}]
    left = {"jobs-Jobs": {"Keys": keys}}
    dynamodb.add_response(
        "batch_get_item", {"Responses": {"jobs-Jobs": []}, "UnprocessedKeys": left}
    )

    with pytest.raises(ThrottledError, match="jobs-Jobs is short of read throughput"):
        JobsTable(CLIENTS, "jobs-Jobs").get_many(["report"])


@pytest.mark.parametrize(
    ("code", "message", "error"),
    [
        (
            "ProvisionedThroughputExceededException",
            "The level of configured provisioned throughput for one or more global secondary "
            "indexes of the table was exceeded.",
            ThrottledError,
        ),
        (
            "ValidationException",
            "Cannot read from backfilling global secondary index: runs_by_time",
            PermanentError,
        ),
    ],
    ids=["throttled", "being made"],
)
def test_an_index_that_cannot_be_read(dynamodb, code, message, error):
    dynamodb.add_client_error("query", code, message)

    with pytest.raises(error):
        RunList(CLIENTS, "jobs-Triggers").page(10, Position())


def test_dependencies_that_were_not_written_are_written_later(dynamodb):
    left = {"jobs-Triggers": [{"DeleteRequest": {"Key": {"job_name": {"S": "extract"}}}}]}
    dynamodb.add_response("batch_write_item", {"UnprocessedItems": left})

    with pytest.raises(TemporaryError, match="did not write all"):
        DependantsTable(CLIENTS, "jobs-Triggers").change("report", before=("extract",), after=())


def test_messages_that_were_not_sent_are_sent_later(sqs):
    failed = [{"Id": "1", "SenderFault": False, "Code": "InternalError"}]
    sqs.add_response("send_message_batch", {"Successful": [], "Failed": failed})

    with pytest.raises(TemporaryError, match="SQS did not take 1 messages"):
        ReconcileQueue(CLIENTS, "https://sqs/reconcile").send_many({"report": 0, "other": 0})


@pytest.fixture
def others(bootstrap):  # noqa: ARG001  (it comes first)
    """Let somebody else write each item of the RateLimits table just before we do."""
    events, event = CLIENTS.dynamodb.meta.events, "before-call.dynamodb.PutItem"
    other, version = boto3.client("dynamodb"), 0

    def write(**_):
        nonlocal version
        version += 1
        for key in ("deletions", Quota.CREATE):
            item = {"quota": {"S": key}, "version": {"N": str(version)}}
            other.put_item(TableName=LIMITS, Item=item)

    events.register(event, write)
    yield
    events.unregister(event, write)


@pytest.mark.usefixtures("others")
def test_a_permit_that_others_always_get_first_is_a_throttle():
    with pytest.raises(ThrottledError, match="too many jobs ask for a permit"):
        RateLimitsTable(CLIENTS, LIMITS).acquire(Quota.CREATE)


@pytest.mark.usefixtures("others")
def test_a_deletion_that_others_always_begin_first_is_a_throttle():
    with pytest.raises(ThrottledError, match="too many deletions begin at once"):
        DeletionBudgetTable(CLIENTS, LIMITS, Budget(2, 25)).spend("report")


DAMAGED = {
    "a text for the deletions": {"begun": {"S": "yesterday"}},
    "a text for a time": {"begun": {"M": {"report": {"S": "yesterday"}}}},
    "a text for the jobs": {"all_jobs": {"S": "many"}},
}


@pytest.mark.parametrize("item", DAMAGED.values(), ids=DAMAGED)
def test_damaged_deletions_are_counted_from_nothing(item):
    table = DeletionBudgetTable(CLIENTS, LIMITS, Budget(1, 25))
    key = {"quota": {"S": "deletions"}, "version": {"N": "1"}}
    CLIENTS.dynamodb.put_item(TableName=LIMITS, Item=key | item)

    assert table.spend("report")
    assert not table.spend("other")
