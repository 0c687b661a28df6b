"""decide() in detail; test_documented_table.py holds every state to the documented table."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from provisioner.jobs import FieldError, InvalidRow, parse, spec_digest
from provisioner.stacks.actions import (
    ContinueRollback,
    Create,
    Delete,
    GiveUp,
    MarkInvalid,
    Nothing,
    Update,
    ValidRow,
    Wait,
)
from provisioner.stacks.attempts import MAX_ATTEMPTS, backoff
from provisioner.stacks.model import Failure, JobStatus, StackRecord, StackState, UpgradeMark
from provisioner.stacks.plan import counts_as_deletion, decide
from provisioner.stacks.stack_status import IN_PROGRESS, StackStatus

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ROW = {
    "job_name": "report",
    "type": "lambda",
    "runtime": "python3.13",
    "handler": "app.handler",
    "bundle": "s3://bundles/report.zip",
}
JOB = parse(ROW)
assert not isinstance(JOB, InvalidRow)
DIGEST = spec_digest(JOB)
OTHER = "0" * 64
WANTED = ValidRow(JOB, DIGEST)
PAUSED = ValidRow(JOB.model_copy(update={"paused": True}), DIGEST)
INVALID = InvalidRow("report", (FieldError("type", "is missing"),))
BLANK = StackRecord("report")
KNOWN = StackRecord("report", status=JobStatus.READY, spec_digest=DIGEST, version=3)

TERMINAL = Failure("Value 1 at 'memorySize' failed to satisfy constraint", NOW, "Function", DIGEST)
PASSING = Failure("Rate exceeded (Service: Lambda, Status Code: 429)", NOW, "Function", DIGEST)


def stack(status: StackStatus, digest: str = DIGEST, **more) -> StackState:
    return StackState("arn:stack", status, ours=True, digest=digest, **more)


ALL = tuple(StackStatus)
BY_HAND = StackStatus.IMPORT_ROLLBACK_FAILED
GONE = StackStatus.DELETE_COMPLETE


@pytest.mark.parametrize("desired", [WANTED, None], ids=["valid", "absent"])
@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ("CREATE_IN_PROGRESS", "CREATING"),
        ("ROLLBACK_IN_PROGRESS", "CREATING"),
        ("IMPORT_IN_PROGRESS", "CREATING"),
        ("IMPORT_ROLLBACK_IN_PROGRESS", "CREATING"),
        ("UPDATE_IN_PROGRESS", "UPDATING"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATING"),
        ("UPDATE_ROLLBACK_IN_PROGRESS", "UPDATING"),
        ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATING"),
        ("DELETE_IN_PROGRESS", "DELETING"),
    ],
)
def test_what_runs_is_shown(desired, status, shown):
    assert decide(desired, KNOWN, stack(StackStatus(status)), NOW) == Wait(JobStatus(shown))


@pytest.mark.parametrize("same", [True, False], ids=["same-digest", "other-digest"])
@pytest.mark.parametrize("status", ALL)
def test_no_row(status, same):
    action = decide(None, KNOWN, stack(status, DIGEST if same else OTHER), NOW)

    if status is GONE:
        assert action == Nothing(JobStatus.DELETED)
    elif status in IN_PROGRESS:
        assert type(action) is Wait
    else:
        assert action == Delete()


@pytest.mark.parametrize("status", [None, *ALL])
def test_invalid_row_touches_nothing(status):
    observed = status and stack(status)

    assert decide(INVALID, KNOWN, observed, NOW) == MarkInvalid(INVALID.errors)


@pytest.mark.parametrize("status", [None, *ALL])
def test_paused_row_touches_nothing(status):
    observed = status and stack(status, OTHER)

    assert decide(PAUSED, KNOWN, observed, NOW) == Nothing(JobStatus.PAUSED)


@pytest.mark.parametrize(
    "status", [s for s in ALL if s not in {GONE, StackStatus.REVIEW_IN_PROGRESS}]
)
@pytest.mark.parametrize("desired", [WANTED, None], ids=["valid", "absent"])
@pytest.mark.parametrize(
    ("owner", "whose"),
    [(None, "is not ours"), ("team-b", "belongs to the provisioner team-b")],
    ids=["nobodys", "another-provisioners"],
)
def test_foreign_stack_is_never_touched(status, desired, owner, whose):
    observed = replace(stack(status, OTHER), ours=False, owner=owner)

    action = decide(desired, KNOWN, observed, NOW)

    if desired is None:
        assert action == Nothing(JobStatus.DELETED)
    else:
        assert isinstance(action, GiveUp)
        assert f"and {whose}: arn:stack." in action.failure.reason


@pytest.mark.parametrize("record", [BLANK, KNOWN], ids=["new", "known"])
def test_no_stack(record):
    assert decide(WANTED, record, None, NOW) == Create(WANTED)
    assert decide(None, record, None, NOW) == Nothing(JobStatus.DELETED)


class TestRetain:
    @pytest.mark.parametrize(
        "status", [s for s in ALL if s not in {GONE, StackStatus.REVIEW_IN_PROGRESS}]
    )
    def test_remembered_on_the_record(self, status):
        record = replace(KNOWN, retain=True)

        assert decide(None, record, stack(status), NOW) == Nothing(JobStatus.RETAINED)

    def test_an_empty_shell_is_not_retained(self):
        record = replace(KNOWN, retain=True)

        assert decide(None, record, stack(StackStatus.REVIEW_IN_PROGRESS), NOW) == Delete()

    def test_read_off_the_stack_when_the_record_is_lost(self):
        observed = stack(StackStatus.CREATE_COMPLETE, retain=True)

        assert decide(None, BLANK, observed, NOW) == Nothing(JobStatus.RETAINED)

    def test_the_record_is_newer_than_the_stack(self):
        observed = stack(StackStatus.CREATE_COMPLETE, retain=True)
        record = replace(KNOWN, stack_id=observed.stack_id)

        assert decide(None, record, observed, NOW) == Delete()

    def test_the_stack_is_asked_when_the_record_is_of_an_earlier_one(self):
        observed = stack(StackStatus.CREATE_COMPLETE, retain=True)
        record = replace(KNOWN, stack_id="arn:earlier")

        assert decide(None, record, observed, NOW) == Nothing(JobStatus.RETAINED)

    def test_an_earlier_stack_that_was_to_stay_says_nothing_of_this_one(self):
        record = replace(KNOWN, retain=True, stack_id="arn:earlier")

        assert decide(None, record, stack(StackStatus.CREATE_COMPLETE), NOW) == Delete()

    def test_a_returning_row_adopts_it(self):
        record = replace(KNOWN, retain=True, status=JobStatus.RETAINED)

        assert decide(WANTED, record, stack(StackStatus.CREATE_COMPLETE), NOW) == Nothing(
            JobStatus.READY
        )
        assert decide(WANTED, record, stack(StackStatus.CREATE_COMPLETE, OTHER), NOW) == Update(
            WANTED
        )


FAILED_STATES = [
    pytest.param(stack(StackStatus.ROLLBACK_COMPLETE), Delete(), id="create"),
    pytest.param(stack(StackStatus.UPDATE_ROLLBACK_COMPLETE, OTHER), Update(WANTED), id="update"),
]


@pytest.mark.parametrize(("observed", "again"), FAILED_STATES)
class TestFailureMemory:
    """An operation of the wanted digest has just failed."""

    record = replace(KNOWN, status=JobStatus.UPDATING)

    def test_terminal_cause_is_for_a_person(self, observed, again):
        del again
        observed = replace(observed, failure=TERMINAL)

        assert decide(WANTED, self.record, observed, NOW) == GiveUp(TERMINAL)

    def test_terminal_cause_stays_with_a_person(self, observed, again):
        del again
        observed = replace(observed, failure=TERMINAL)
        record = replace(self.record, status=JobStatus.FAILED, failure=TERMINAL, attempts=1)

        assert decide(WANTED, record, observed, NOW + timedelta(days=9)) == GiveUp(TERMINAL)

    def test_passing_cause_is_tried_later(self, observed, again):
        del again
        observed = replace(observed, failure=PASSING)

        action = decide(WANTED, self.record, observed, NOW)

        assert isinstance(action, Wait)
        assert action.status is JobStatus.RETRYING
        assert action.until is not None
        assert action.until > NOW

    def test_the_time_to_try_does_not_move(self, observed, again):
        del again
        observed = replace(observed, failure=PASSING)
        due = NOW + timedelta(seconds=20)
        record = replace(self.record, status=JobStatus.RETRYING, next_attempt_at=due, attempts=1)

        action = decide(WANTED, record, observed, NOW + timedelta(seconds=10))

        assert action == Wait(JobStatus.RETRYING, until=due, failure=PASSING)

    def test_it_is_tried_when_due(self, observed, again):
        observed = replace(observed, failure=PASSING)
        record = replace(self.record, status=JobStatus.RETRYING, next_attempt_at=NOW, attempts=1)

        assert decide(WANTED, record, observed, NOW) == again

    @pytest.mark.parametrize("attempts", range(MAX_ATTEMPTS + 1))
    def test_attempts_are_bounded(self, observed, again, attempts):
        del again
        observed = replace(observed, failure=PASSING)
        record = replace(self.record, attempts=attempts)

        action = decide(WANTED, record, observed, NOW)

        assert isinstance(action, GiveUp if attempts >= MAX_ATTEMPTS - 1 else Wait)

    def test_another_digest_is_a_new_beginning(self, observed, again):
        observed = replace(observed, digest=OTHER, failure=replace(TERMINAL, digest=OTHER))
        record = replace(self.record, spec_digest=OTHER, status=JobStatus.FAILED)

        assert decide(WANTED, record, observed, NOW) == again

    def test_a_row_that_was_changed_and_changed_back_is_tried_again(self, observed, again):
        observed = replace(observed, failure=TERMINAL)
        record = replace(self.record, spec_digest=OTHER)

        assert decide(WANTED, record, observed, NOW) == again


class TestRefusedOutright:
    """CloudFormation said no to the call itself: there is no event to remember it by."""

    record = replace(KNOWN, status=JobStatus.FAILED, failure=TERMINAL)

    @pytest.mark.parametrize(
        "observed", [None, stack(StackStatus.CREATE_COMPLETE, OTHER)], ids=["create", "update"]
    )
    def test_is_remembered(self, observed):
        assert decide(WANTED, self.record, observed, NOW) == GiveUp(TERMINAL)

    @pytest.mark.parametrize(
        ("observed", "again"),
        [
            pytest.param(None, Create(WANTED), id="create"),
            pytest.param(stack(StackStatus.CREATE_COMPLETE, OTHER), Update(WANTED), id="update"),
        ],
    )
    def test_is_forgotten_when_the_row_changes(self, observed, again):
        record = replace(self.record, failure=replace(TERMINAL, digest=OTHER))

        assert decide(WANTED, record, observed, NOW) == again


TEMPLATES = "templates-b"
OF_THIS_RELEASE = ValidRow(JOB, DIGEST, TEMPLATES)


class TestUpgrade:
    """The stack carries the wanted digest, and templates of an earlier release made it."""

    observed = stack(StackStatus.UPDATE_COMPLETE, template_version="templates-a")
    record = replace(KNOWN, upgrade=UpgradeMark("upgrade-1", TEMPLATES, 0, NOW))

    def test_a_release_alone_changes_no_stack(self):
        assert decide(OF_THIS_RELEASE, KNOWN, self.observed, NOW) == Nothing(JobStatus.READY)

    @pytest.mark.parametrize("version", ["templates-a", None], ids=["earlier", "does not say"])
    def test_a_job_that_an_upgrade_chose_is_updated(self, version):
        observed = replace(self.observed, template_version=version)

        assert decide(OF_THIS_RELEASE, self.record, observed, NOW) == Update(OF_THIS_RELEASE)

    @pytest.mark.parametrize(
        ("mark", "version"),
        [
            ({}, TEMPLATES),
            ({"to": "templates-c"}, "templates-a"),
            ({"ended_at": NOW}, "templates-a"),
        ],
        ids=["it is updated", "to another release", "it was updated"],
    )
    def test_nothing_is_left_to_do(self, mark, version):
        record = replace(self.record, upgrade=replace(self.record.upgrade, **mark))
        observed = replace(self.observed, template_version=version)

        assert decide(OF_THIS_RELEASE, record, observed, NOW) == Nothing(JobStatus.READY)

    def test_a_failed_update_stays_with_a_person(self):
        status = StackStatus.UPDATE_ROLLBACK_COMPLETE
        observed = replace(self.observed, status=status, failure=TERMINAL)
        record = replace(self.record, status=JobStatus.FAILED, failure=TERMINAL, attempts=1)

        assert decide(OF_THIS_RELEASE, record, observed, NOW) == GiveUp(TERMINAL)
        # Once it is no longer chosen, the last good stack is what the row asks for.
        unmarked = replace(record, upgrade=None)
        assert decide(OF_THIS_RELEASE, unmarked, observed, NOW) == Nothing(JobStatus.READY)

    def test_a_failure_since_the_upgrade_began_counts(self):
        status = StackStatus.UPDATE_ROLLBACK_COMPLETE
        observed = replace(self.observed, status=status, failure=TERMINAL)

        assert decide(OF_THIS_RELEASE, self.record, observed, NOW) == GiveUp(TERMINAL)

    def test_the_failure_of_an_earlier_upgrade_does_not_count(self):
        before = replace(TERMINAL, at=NOW - timedelta(days=1))
        status = StackStatus.UPDATE_ROLLBACK_COMPLETE
        observed = replace(self.observed, status=status, failure=before)

        assert decide(OF_THIS_RELEASE, self.record, observed, NOW) == Update(OF_THIS_RELEASE)


STUCK = Failure("still has objects", NOW, "Bucket", resources=("Bucket", "Other"))


@pytest.mark.parametrize("desired", [WANTED, None], ids=["valid", "absent"])
@pytest.mark.parametrize(
    ("recoveries", "expected"),
    [
        (0, Delete()),
        (1, Delete()),
        (2, Delete(retain_resources=("Bucket", "Other"))),
        (3, Delete(retain_resources=("Bucket", "Other"), force=True)),
        (4, GiveUp(STUCK)),
        (9, GiveUp(STUCK)),
    ],
)
def test_delete_failed_climbs_to_an_end(desired, recoveries, expected):
    observed = stack(StackStatus.DELETE_FAILED, failure=STUCK)

    assert decide(desired, replace(KNOWN, recoveries=recoveries), observed, NOW) == expected


@pytest.mark.parametrize(
    ("recoveries", "expected"),
    [
        (0, ContinueRollback()),
        (1, ContinueRollback(resources_to_skip=("Bucket", "Other"))),
        (2, ContinueRollback(resources_to_skip=("Bucket", "Other"), force=True)),
        (3, GiveUp(STUCK)),
    ],
)
def test_update_rollback_failed_climbs_to_an_end(recoveries, expected):
    observed = stack(StackStatus.UPDATE_ROLLBACK_FAILED, OTHER, failure=STUCK)

    assert decide(WANTED, replace(KNOWN, recoveries=recoveries), observed, NOW) == expected


NAMELESS = replace(STUCK, resources=())


@pytest.mark.parametrize(
    ("status", "recoveries", "expected"),
    [
        (StackStatus.DELETE_FAILED, 2, Delete(force=True)),
        (StackStatus.DELETE_FAILED, 3, Delete(force=True)),
        (StackStatus.UPDATE_ROLLBACK_FAILED, 1, ContinueRollback(force=True)),
        (StackStatus.UPDATE_ROLLBACK_FAILED, 2, ContinueRollback(force=True)),
    ],
)
def test_without_resources_to_leave_out_it_is_forced(status, recoveries, expected):
    observed = stack(status, failure=NAMELESS)

    assert decide(WANTED, replace(KNOWN, recoveries=recoveries), observed, NOW) == expected


def unexplained(status, digest):
    return Failure(f"The stack is in {status} and its events give no reason.", NOW, digest=digest)


@pytest.mark.parametrize("digest", [DIGEST, OTHER], ids=["same-digest", "other-digest"])
def test_what_no_operation_of_ours_can_change_is_for_a_person(digest):
    known = stack(BY_HAND, digest, failure=PASSING)

    assert decide(WANTED, KNOWN, known, NOW) == GiveUp(PASSING)
    assert decide(WANTED, KNOWN, stack(BY_HAND, digest), NOW) == GiveUp(
        unexplained(BY_HAND, digest)
    )


@pytest.mark.parametrize(
    "status",
    [StackStatus.CREATE_FAILED, StackStatus.ROLLBACK_COMPLETE, StackStatus.ROLLBACK_FAILED],
)
def test_a_creation_that_failed_without_a_reason_is_for_a_person(status):
    assert decide(WANTED, KNOWN, stack(status), NOW) == GiveUp(unexplained(status, DIGEST))


@pytest.mark.parametrize(
    ("operation", "status", "counts"),
    [
        (Delete(), StackStatus.CREATE_COMPLETE, True),
        (Delete(), StackStatus.UPDATE_ROLLBACK_FAILED, True),
        (Delete(), StackStatus.ROLLBACK_COMPLETE, False),
        (Delete(), StackStatus.REVIEW_IN_PROGRESS, False),
        (Delete(), StackStatus.DELETE_FAILED, False),
        (Update(WANTED), StackStatus.CREATE_COMPLETE, False),
        (ContinueRollback(), StackStatus.UPDATE_ROLLBACK_FAILED, False),
    ],
)
def test_only_what_takes_away_what_worked_counts_as_a_deletion(operation, status, counts):
    assert counts_as_deletion(operation, stack(status)) is counts


@pytest.mark.parametrize("attempts", range(MAX_ATTEMPTS))
def test_backoff_grows_with_a_ceiling_that_one_message_can_carry(attempts):
    delay = backoff(PASSING, attempts)

    assert timedelta(seconds=1) <= delay <= timedelta(seconds=30) * 2**attempts
    assert delay <= timedelta(minutes=15)
    assert delay == backoff(PASSING, attempts)
