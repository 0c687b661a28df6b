"""The events of a stack as operations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from provisioner.errors import NotFoundError
from provisioner.service import stack_events
from provisioner.stacks.model import StackRecord

NOW = datetime(2026, 11, 26, 9, 42, 17, tzinfo=UTC)
STACK = "arn:aws:cloudformation:eu-west-1:123456789012:stack/jobs-report/1"


def event(seconds, token, resource, status, reason=None):
    """Return an event as DescribeStackEvents has it; of the stack itself without a resource."""
    made = {
        "Timestamp": NOW + timedelta(seconds=seconds),
        "ClientRequestToken": token,
        "StackId": STACK,
        "LogicalResourceId": resource or "jobs-report",
        "PhysicalResourceId": f"{resource}-1" if resource else STACK,
        "ResourceType": "AWS::S3::Bucket" if resource else "AWS::CloudFormation::Stack",
        "ResourceStatus": status,
    }
    return made | ({"ResourceStatusReason": reason} if reason else {})


NEWEST_FIRST = [
    event(40, "update-2", None, "UPDATE_ROLLBACK_COMPLETE"),
    event(35, "update-2", "Queue", "CREATE_FAILED", "Resource creation cancelled"),
    event(31, "update-2", "Bucket", "CREATE_FAILED", "the name is taken"),
    event(30, "update-2", None, "UPDATE_IN_PROGRESS"),
    event(9, "create-1", None, "CREATE_COMPLETE"),
    event(1, "create-1", "Role", "CREATE_COMPLETE"),
    event(0, "create-1", None, "CREATE_IN_PROGRESS"),
]


def service(record, events=()):
    def existing_row(job_name):
        message = f"there is no job {job_name}"
        raise NotFoundError(message)

    client = SimpleNamespace(describe_stack_events=lambda **_: {"StackEvents": [*events]})
    return SimpleNamespace(
        record=lambda _: record,
        existing_row=existing_row,
        clients=SimpleNamespace(cloudformation=client),
    )


def test_each_request_is_an_operation_with_the_first_failure():
    update, create = stack_events.operations(
        service(StackRecord("report", stack_id=STACK), NEWEST_FIRST), "report"
    )

    assert (create.status, create.failure) == ("CREATE_COMPLETE", None)
    assert (create.began_at, create.last_at) == (NOW, NOW + timedelta(seconds=9))
    assert [each.resource for each in create.events] == ["jobs-report", "Role", "jobs-report"]
    assert update.status == "UPDATE_ROLLBACK_COMPLETE"
    assert update.failure.resource == "Bucket"
    assert "the name is taken" in update.failure.reason
    assert update.events[2].reason == "the name is taken"


def test_a_status_that_is_not_known_is_shown():
    odd = event(0, None, None, "IMPORT_SOMETHING")

    (found,) = stack_events.operations(
        service(StackRecord("report", stack_id=STACK), [odd]), "report"
    )

    assert (found.token, found.status) == (None, "IMPORT_SOMETHING")


@pytest.mark.parametrize(
    ("record", "said"),
    [(None, "there is no job report"), (StackRecord("report"), "report has no stack yet")],
    ids=["no job", "no stack"],
)
def test_a_job_without_a_stack(record, said):
    with pytest.raises(NotFoundError, match=said):
        stack_events.operations(service(record), "report")
