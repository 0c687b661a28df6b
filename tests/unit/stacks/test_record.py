"""What a Stacks row says after an action, and what it keeps of errors."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from provisioner.jobs import FieldError, InvalidRow, parse
from provisioner.jobs.errors import MAX_ERRORS
from provisioner.stacks.actions import Create, GiveUp, Nothing, Update, ValidRow
from provisioner.stacks.model import Failure, JobStatus, StackRecord, StackState
from provisioner.stacks.outcomes import Done, Unchanged
from provisioner.stacks.plan import MarkInvalid
from provisioner.stacks.record import after, after_error
from provisioner.stacks.request_tokens import request_token, without_digest
from provisioner.stacks.stack_status import StackStatus

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
JOB = parse(
    {
        "job_name": "report",
        "type": "lambda",
        "runtime": "python3.13",
        "handler": "app.handler",
        "bundle": "s3://bundles/report.zip",
    }
)
assert not isinstance(JOB, InvalidRow)
DIGEST, EARLIER = "d" * 64, "e" * 64
WANTED = ValidRow(JOB, DIGEST)
FAILURE = Failure("Rate exceeded", NOW - timedelta(hours=1), digest=DIGEST)
TRIED = StackRecord(
    "report",
    status=JobStatus.RETRYING,
    stack_id="arn:stack",
    spec_digest=DIGEST,
    failure=FAILURE,
    attempts=3,
    recoveries=2,
    next_attempt_at=NOW,
    retained_resources=("Bucket",),
)
STACK = StackState("arn:stack", StackStatus.UPDATE_COMPLETE, ours=True, digest=DIGEST)


def nothing_tried(record):
    return (record.failure, record.attempts, record.recoveries, record.next_attempt_at) == (
        None,
        0,
        0,
        None,
    )


def test_what_the_last_update_left_behind_is_named_until_the_next():
    left = replace(STACK, left_behind=("SecurityGroup sg-1",))
    ready = after(TRIED, WANTED, left, Nothing(JobStatus.READY), Done(), NOW)
    assert ready.retained_resources == ("SecurityGroup sg-1",)
    assert after(ready, WANTED, left, Nothing(JobStatus.READY), Done(), NOW) == ready

    again = after(ready, WANTED, STACK, Nothing(JobStatus.READY), Done(), NOW)
    assert again.retained_resources == ()


@pytest.mark.parametrize(
    ("action", "outcome"),
    [(Nothing(JobStatus.READY), Done()), (Update(WANTED), Unchanged())],
    ids=["found so", "an update had nothing to do"],
)
def test_a_job_that_is_ready_forgets_what_was_tried(action, outcome):
    fresh = after(TRIED, WANTED, STACK, action, outcome, NOW)

    assert fresh.status is JobStatus.READY
    assert nothing_tried(fresh)
    assert fresh.retained_resources == ()
    assert (fresh.spec_digest, fresh.deployed_digest) == (DIGEST, DIGEST)
    assert [(c.type, c.status, c.message) for c in fresh.conditions] == [
        ("Ready", "True", ""),
        ("InSync", "True", ""),
    ]


@pytest.mark.parametrize(
    ("known", "answered", "stack_id"),
    [
        (None, "arn:new", "arn:new"),
        ("arn:stack", "arn:new", "arn:new"),
        ("arn:stack", None, "arn:stack"),
    ],
    ids=["first stack", "another stack", "not told"],
)
def test_the_stack_that_a_creation_made_is_remembered(known, answered, stack_id):
    record = replace(TRIED, stack_id=known)

    fresh = after(record, WANTED, None, Create(WANTED), Done(answered), NOW)

    assert fresh.stack_id == stack_id


@pytest.mark.parametrize(
    ("stack_id", "status"), [("arn:stack", StackStatus.DELETE_COMPLETE), (None, None)]
)
def test_a_stack_that_is_gone_was_deleted_if_there_ever_was_one(stack_id, status):
    record = replace(TRIED, stack_id=stack_id)

    fresh = after(record, None, None, Nothing(JobStatus.DELETED), Done(), NOW)

    assert fresh.cloudformation_status is status


def test_a_paused_row_does_not_change_which_spec_is_wanted():
    paused = ValidRow(JOB.model_copy(update={"paused": True}), EARLIER)

    fresh = after(TRIED, paused, STACK, Nothing(JobStatus.PAUSED), Done(), NOW)

    assert (fresh.status, fresh.spec_digest, fresh.attempts) == (JobStatus.PAUSED, DIGEST, 3)


@pytest.mark.parametrize(
    ("known", "expires"),
    [(None, NOW + timedelta(days=90)), (int(NOW.timestamp()), NOW)],
    ids=["deleted just now", "deleted earlier"],
)
def test_the_row_of_a_deleted_job_is_kept_for_90_days(known, expires):
    record = replace(TRIED, expires_at=known)

    fresh = after(record, None, None, Nothing(JobStatus.DELETED), Done(), NOW)

    assert fresh.expires_at == expires.timestamp()
    assert nothing_tried(fresh)


@pytest.mark.parametrize(
    ("retain", "stack_id", "kept"),
    [(True, "arn:stack", True), (True, None, False), (False, "arn:stack", False)],
    ids=["its stack is perhaps not described yet", "never had a stack", "not wanted"],
)
def test_whether_the_stack_is_to_outlive_its_row_is_kept_while_there_may_be_one(
    retain, stack_id, kept
):
    record = replace(TRIED, retain=retain, stack_id=stack_id)

    fresh = after(record, None, None, Nothing(JobStatus.DELETED), Done(), NOW)

    assert fresh.retain is kept


DENIED = "not authorized to perform lambda:GetFunction"


@pytest.mark.parametrize(
    ("status", "reason", "attempts"),
    [
        ("READY", None, 1),
        ("RETRYING", DENIED, 1),
        ("FAILED", "another reason", 0),
        ("FAILED", DENIED, 0),
    ],
    ids=["first error", "it had not failed yet", "another one", "the same one"],
)
def test_an_error_fails_the_job_and_is_counted_once(status, reason, attempts):
    failure = reason and Failure(reason, FAILURE.at)
    record = StackRecord("report", status=JobStatus(status), failure=failure)

    fresh = after_error(record, None, DENIED, NOW)

    at = FAILURE.at if (status, reason) == ("FAILED", DENIED) else NOW
    assert (fresh.status, fresh.failure) == (JobStatus.FAILED, Failure(DENIED, at=at))
    assert fresh.attempts == attempts
    assert after_error(fresh, None, DENIED, NOW + timedelta(hours=1)) == fresh


def test_an_error_is_shown_as_long_as_a_person_reads():
    errors = (FieldError("f" * 201, "m" * 501), FieldError("f" * 200, "m" * 500))

    fresh = after(
        StackRecord("report"),
        InvalidRow("report", errors),
        None,
        MarkInvalid(errors),
        Done(),
        NOW,
    )

    assert fresh.errors == (errors[1], errors[1])


def test_a_row_with_more_errors_than_a_person_reads():
    errors = tuple(
        FieldError(f"permissions[{number}]", "is not allowed") for number in range(MAX_ERRORS + 7)
    )
    row = InvalidRow("report", errors)

    fresh = after(StackRecord("report"), row, None, MarkInvalid(errors), Done(), NOW)

    assert fresh.status is JobStatus.INVALID
    assert fresh.errors[:-1] == errors[:MAX_ERRORS]
    assert fresh.errors[-1].message.startswith("and more")


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        (request_token("update", "ab" * 32, 7), "update-7"),
        (request_token("delete", None, 7), "delete-7"),
        ("Console-CreateStack-1a2b", "Console-CreateStack-1a2b"),
        (None, None),
    ],
)
def test_a_token_is_shown_without_its_digest(token, shown):
    assert without_digest(token) == shown


@pytest.mark.parametrize(
    ("status", "failure", "is_known"),
    [
        pytest.param("FAILED", Failure("unexplained", NOW), True, id="seen again"),
        pytest.param("FAILED", Failure("another", NOW), False, id="another reason"),
        pytest.param(
            "FAILED", Failure("unexplained", NOW - timedelta(minutes=1)), False, id="a new event"
        ),
        pytest.param("UPDATING", Failure("unexplained", NOW), False, id="after an operation"),
    ],
)
def test_what_is_seen_again_without_an_event_is_the_same_failure(status, failure, is_known):
    known = Failure("unexplained", NOW - timedelta(days=1))
    record = StackRecord("report", status=JobStatus(status), failure=known, updated_at=known.at)

    fresh = after(record, None, None, GiveUp(failure), Done(), NOW)
    again = after(fresh, None, None, GiveUp(failure), Done(), NOW)

    assert fresh.failure == (known if is_known else failure)
    assert again == fresh
