"""One action on many jobs or runs, step by step."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta

import pytest

from provisioner.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    StaleError,
    ThrottledError,
)
from provisioner.jobs.row_summary import ScheduleFilter
from provisioner.runs.model import RunStatus, iso
from provisioner.service import audit, bulk, edits, schedule
from provisioner.service.audit import EntryFilter
from provisioner.service.bulk_selection import MOST, BulkAction, Target, select
from provisioner.service.caller import Caller, Role
from provisioner.service.context import Service
from provisioner.service.jobs import JobsWanted
from provisioner.service.rights import NEEDED
from provisioner.service.run_search import RunFilter
from provisioner.service.start_run import KeyReusedError
from provisioner.stacks.model import JobStatus
from tests.support.cli import NOW, put_run
from tests.support.clients import CLIENTS
from tests.support.executions import put_running, start_execution, wait_for_status
from tests.support.rows import ROW
from tests.support.waiting import wait_until

ENDLESS = {"Type": "Wait", "Seconds": 3600, "End": True}
SCHEDULED = ROW | {"schedule": "rate(1 hour)"}


@pytest.fixture
def service(here):
    here.jobs.put(SCHEDULED)
    return replace(here.service, clock=lambda: NOW + timedelta(minutes=30))


LATER = NOW + timedelta(minutes=2)
ENDED = [NOW + timedelta(minutes=20 + number) for number in range(4)]


def begin(service, action, *targets, count=None, reason="maintenance"):
    count = len(targets) if count is None else count
    return bulk.begin(service, action, targets, reason=reason, expected_count=count)


def to_the_end(service, made):
    steps = 0
    while not made.is_over:
        made, steps = bulk.step(service, made.id), steps + 1
    return made, steps


class TestSelect:
    @pytest.fixture(autouse=True)
    def runs(self, here, service):  # noqa: ARG002  (the other job's row)
        for number, (job, status) in enumerate(
            [("report", "RUNNING"), ("report", "FAILED"), ("other", "FAILED"), ("other", "QUEUED")]
        ):
            at = NOW + timedelta(minutes=number)
            ended = {"error_group": "E: *", "ended_at": iso(ENDED[number])}
            group = ended if status == "FAILED" else {}
            said = {"started_by": "user/ada"} if number % 2 else {}
            put_run(job, f"r{number}", status, started_at=at, **group, **said)
        here.jobs.put(SCHEDULED | {"job_name": "other", "owner": "data", "tags": {"team": "a"}})
        here.list_all()

    @pytest.mark.parametrize(
        ("action", "wanted", "found"),
        [
            (BulkAction.STOP_RUNS, RunFilter(began_since=NOW), ["report/r0", "other/r3"]),
            (BulkAction.STOP_RUNS, RunFilter(status=RunStatus.RUNNING), ["report/r0"]),
            (BulkAction.STOP_RUNS, RunFilter(status=RunStatus.FAILED), []),
            (BulkAction.STOP_RUNS, RunFilter("other"), ["other/r3"]),
            (BulkAction.STOP_RUNS, RunFilter(of_jobs=JobsWanted(tag="team=a")), ["other/r3"]),
            (BulkAction.RUN_AGAIN, RunFilter(error_group="E: *"), ["other/r2", "report/r1"]),
            (BulkAction.RUN_AGAIN, RunFilter("report", RunStatus.FAILED), ["report/r1"]),
            (BulkAction.RUN_AGAIN, RunFilter(of_jobs=JobsWanted(owner="data")), ["other/r2"]),
            (BulkAction.RUN_AGAIN, RunFilter(of_jobs=JobsWanted(prefix="re")), ["report/r1"]),
            (BulkAction.RUN_AGAIN, RunFilter(ended_since=ENDED[1]), ["other/r2", "report/r1"]),
            (BulkAction.RUN_AGAIN, RunFilter(ended_since=ENDED[2]), ["other/r2"]),
            (BulkAction.RUN_AGAIN, RunFilter(began_before=LATER), ["report/r1"]),
            (BulkAction.STOP_RUNS, RunFilter(began_before=LATER), ["report/r0"]),
            (BulkAction.RUN_AGAIN, RunFilter(started_by="ada"), ["report/r1"]),
            (BulkAction.STOP_RUNS, RunFilter(started_by="ada"), ["other/r3"]),
            (BulkAction.PAUSE_SCHEDULES, JobsWanted(owner="data"), ["other"]),
            (
                BulkAction.PAUSE_SCHEDULES,
                JobsWanted(schedule=ScheduleFilter.SCHEDULED),
                ["other", "report"],
            ),
            (BulkAction.RESUME_SCHEDULES, JobsWanted(schedule=ScheduleFilter.PAUSED), []),
            (BulkAction.DELETE_JOBS, JobsWanted(prefix="re"), ["report"]),
            (BulkAction.DELETE_JOBS, JobsWanted("other"), ["other"]),
            (BulkAction.DELETE_JOBS, JobsWanted("other", tag="team=b"), []),
            (BulkAction.RETRY_JOBS, JobsWanted(status=JobStatus.PENDING), ["other", "report"]),
        ],
        ids=str,
    )
    def test_what_a_filter_means(self, service, action, wanted, found):
        assert [str(each) for each in select(service, action, wanted)] == found

    @pytest.mark.parametrize("wanted", [RunFilter(), JobsWanted()], ids=["runs", "jobs"])
    def test_an_empty_filter_is_not_everything(self, service, wanted):
        with pytest.raises(InvalidRequestError, match="the filter is empty"):
            select(service, BulkAction.STOP_RUNS, wanted)

    def test_what_cannot_be_looked_through_is_not_taken_for_all(self, service):
        for number in range(10):
            put_run("report", f"large-{number}", "SUCCEEDED", input="x" * 390_000)

        wanted = RunFilter("report", RunStatus.FAILED)
        assert [str(each) for each in select(service, BulkAction.RUN_AGAIN, wanted)] == [
            "report/r1"
        ]
        for number in range(10, 24):
            put_run("report", f"large-{number}", "SUCCEEDED", input="x" * 390_000)
        with pytest.raises(InvalidRequestError, match="too many runs to look through"):
            select(service, BulkAction.RUN_AGAIN, wanted)

    def test_a_run_that_began_long_ago_is_stopped_behind_many_others(self, service):
        put_run("report", "old", "RUNNING", started_at=NOW - timedelta(days=30))

        found = select(service, BulkAction.STOP_RUNS, RunFilter(status=RunStatus.RUNNING))

        assert [str(each) for each in found] == ["report/r0", "report/old"]


MANY = [Target("report", f"r{number}") for number in range(MOST + 1)]
REFUSED = {
    "nothing": ((), {}, InvalidRequestError),
    "too many": (MANY, {}, InvalidRequestError),
    "others than were seen": (MANY[:2], {"count": 3}, StaleError),
    "no reason": (MANY[:2], {"reason": "  "}, InvalidRequestError),
    "jobs among runs": ([MANY[0], Target("report")], {}, InvalidRequestError),
}


@pytest.mark.parametrize(("targets", "more", "error"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_before_anything_is_done(service, targets, more, error):
    with pytest.raises(error):
        begin(service, BulkAction.STOP_RUNS, *targets, **more)


@pytest.mark.parametrize(
    ("action", "target", "kind"),
    [
        (BulkAction.STOP_RUNS, Target("report"), "runs"),
        (BulkAction.RETRY_JOBS, Target("report", "one"), "jobs"),
    ],
    ids=str,
)
def test_an_error_says_what_an_action_is_for(service, action, target, kind):
    with pytest.raises(InvalidRequestError, match=f"^{action} is for {kind}$"):
        begin(service, action, target)


def test_as_many_others_are_not_those_that_were_seen(service):
    asked = {"reason": "maintenance", "expected_count": 2}
    seen = bulk.digest_of(MANY[:2])

    with pytest.raises(StaleError, match="2 match as before, but others"):
        bulk.begin(service, BulkAction.STOP_RUNS, MANY[1:3], expected=seen, **asked)
    assert bulk.begin(service, BulkAction.STOP_RUNS, MANY[:2], expected=seen, **asked).targets


def test_twenty_five_runs_are_stopped_in_three_steps(here, service):
    machine = here.make_runnable(ENDLESS)
    arns = {}
    for number in range(25):
        name = f"r{number}"
        arns[name] = start_execution(machine, name)
        put_running("report", arns[name])

    found = select(service, BulkAction.STOP_RUNS, RunFilter("report"))
    made, steps = to_the_end(service, begin(service, BulkAction.STOP_RUNS, *found))

    assert (made.done, made.failures, steps) == (25, (), 3)
    for arn in arns.values():
        wait_for_status(arn, "ABORTED")
    rows = here.triggers.latest("report", 30)
    assert {row["stop_reason"] for row in rows} == {"maintenance"}


def test_what_fails_does_not_stop_the_others(here, service, caplog):
    made = begin(service, BulkAction.PAUSE_SCHEDULES, Target("gone"), Target("report"))

    made, _ = to_the_end(service, made)

    assert [(str(each.target), "gone" in each.message) for each in made.failures] == [
        ("gone", True)
    ]
    assert here.row()["schedule_enabled"] is False
    assert bulk.progress(service, made.id) == made
    assert "failed" not in caplog.text  # its author reads it; whoever runs the provisioner need not


class Damaged(Service):
    """A service that stumbles over some rows: as nobody expected, and because AWS is slow."""

    def row(self, job_name):
        match job_name:
            case "strange":
                raise KeyError("a value")
            case "busy":
                raise ThrottledError("Rate exceeded")
            case "contested":
                raise ConflictError("somebody else writes it")
        return super().row(job_name)


@pytest.fixture
def damaged(service):
    return Damaged(**{each.name: getattr(service, each.name) for each in fields(service)})


def test_a_target_that_fails_as_nobody_expected_does_not_stop_the_others(here, damaged, caplog):
    names = ("strange", "busy", "report")
    made = begin(damaged, BulkAction.PAUSE_SCHEDULES, *map(Target, names))

    made = bulk.step(damaged, made.id)

    assert [(str(each.target), each.message) for each in made.failures] == [
        ("strange", "KeyError"),
        ("busy", "Rate exceeded"),
    ]
    assert made.is_over
    assert here.row()["schedule_enabled"] is False
    assert "a value" not in caplog.text
    (said,) = [each for each in caplog.records if "failed" in each.getMessage()]
    assert said.getMessage() == "pause_schedules of strange failed: KeyError"
    assert said.job_name == "strange"


def test_a_conflict_is_the_target_s_own(damaged):
    """Somebody has to look at it before the same is done again."""
    made = begin(damaged, BulkAction.PAUSE_SCHEDULES, Target("contested"))

    made = bulk.step(damaged, made.id)

    assert [each.message for each in made.failures] == ["somebody else writes it"]


def test_a_step_of_which_aws_takes_nothing_is_taken_again(damaged):
    made = begin(damaged, BulkAction.PAUSE_SCHEDULES, Target("busy"))

    with pytest.raises(ThrottledError):
        bulk.step(damaged, made.id)
    assert bulk.progress(damaged, made.id).done == 0


def test_an_operation_is_in_the_audit_with_its_reason(here, service):
    made = begin(service, BulkAction.RETRY_JOBS, Target("report"))

    (entry,) = audit.page(here.service, 10).entries

    assert (entry.action, entry.outcome, entry.job_name) == ("bulk", "done", None)
    assert entry.detail == f"{made.id}: retry_jobs of 1, maintenance"


def test_the_person_who_continues_an_operation_is_who_did_the_rest(here, service):
    made = begin(service, BulkAction.RETRY_JOBS, Target("report"))
    eve = Caller("eve", via="api", role=Role.OPERATE, proven=True)

    bulk.step(replace(service, caller=lambda: eve), made.id)

    (entry,) = audit.of_job(here.service, "report", 10).entries
    assert (entry.action, entry.by) == ("retry_job", "eve")
    assert entry.detail == f"maintenance ({made.id})"


def test_a_step_that_two_take_at_once_counts_once(service):
    made = begin(service, BulkAction.RETRY_JOBS, Target("report"))
    service.bulks.advance(made.id, 0, 1, [])

    assert not service.bulks.advance(made.id, 0, 1, [])
    assert bulk.step(service, made.id).done == 1


def test_run_again_starts_one_run_however_often_its_step_is_taken(here, service):
    machine = here.make_runnable(ENDLESS)
    put_run("report", "one", "FAILED", input='{"n": 1}')
    made = begin(service, BulkAction.RUN_AGAIN, Target("report", "one"))

    for _ in range(2):
        bulk._ACTIONS[made.action](service, made, made.targets[0])

    found = CLIENTS.stepfunctions.list_executions(stateMachineArn=machine)["executions"]
    (execution,) = found
    given = wait_until(
        lambda: CLIENTS.stepfunctions.describe_execution(executionArn=execution["executionArn"]),
        "the execution",
    )["input"]
    assert '"n": 1' in given
    assert '"parent": "one"' in given


def test_the_audit_of_a_run_has_that_it_was_run_again_and_why(here, service):
    here.make_runnable(ENDLESS)
    put_run("report", "one", "FAILED", input='{"n": 1}')
    made = begin(service, BulkAction.RUN_AGAIN, Target("report", "one"))
    to_the_end(service, made)

    of_run = audit.of_job(service, "report", 10, EntryFilter(run="one")).entries
    assert [each.detail for each in of_run] == [f"repeats one; maintenance ({made.id})"]


def test_schedules_and_jobs(here, service):
    here.save(status=JobStatus.READY)
    job = Target("report")
    to_the_end(service, begin(service, BulkAction.PAUSE_SCHEDULES, job, reason="moving house"))
    assert here.row()["schedule_note"] == "moving house"
    to_the_end(service, begin(service, BulkAction.RESUME_SCHEDULES, job))
    assert here.row() == SCHEDULED
    to_the_end(service, begin(service, BulkAction.RETRY_JOBS, job))
    assert here.queued()
    to_the_end(service, begin(service, BulkAction.DELETE_JOBS, job))
    assert here.row() == {}


def test_only_rows_that_were_there_and_have_not_changed_are_deleted(here, service):
    for name in ("same", "changed", "gone", "again"):
        here.jobs.put(ROW | {"job_name": name})
    here.jobs.delete("again")
    targets = [Target(name) for name in ("same", "changed", "gone", "again")]
    made = begin(service, BulkAction.DELETE_JOBS, *targets)
    here.jobs.put(ROW | {"job_name": "changed", "memory_mb": 512})
    here.jobs.delete("gone")
    here.jobs.put(ROW | {"job_name": "again"})

    made, _ = to_the_end(service, made)

    assert [str(each.target) for each in made.failures] == ["changed", "again"]
    assert made.failures[1].message == "again is not as it was when the deletion began"
    assert here.row("changed")["memory_mb"] == 512
    assert here.row("again")
    assert not here.row("same")


def test_a_deletion_of_what_never_was(service):
    made, _ = to_the_end(service, begin(service, BulkAction.DELETE_JOBS, Target("never")))

    assert [each.message for each in made.failures] == ["there is no job never"]


def test_a_deletion_of_an_earlier_version_deletes_nothing_that_it_has_not_seen(here, service):
    made = begin(service, BulkAction.DELETE_JOBS, Target("report"))
    key = {"job_name": {"S": "#bulk"}, "trigger_id": {"S": f"#bulk#{made.id}"}}
    CLIENTS.dynamodb.update_item(
        TableName="jobs-Triggers",
        Key=key,
        UpdateExpression="REMOVE #rows",
        ExpressionAttributeNames={"#rows": "rows"},
    )

    made, _ = to_the_end(service, made)

    assert [str(each.target) for each in made.failures] == ["report"]
    assert here.row() == SCHEDULED


def test_an_operation_that_is_not_there(service):
    with pytest.raises(NotFoundError, match="kept for 30 days"):
        bulk.step(service, "none")


def test_every_action_needs_a_role():
    assert {action.needs for action in BulkAction} <= NEEDED.keys()


class TestPause:
    def test_a_schedule_needs_a_note(self, service):
        with pytest.raises(InvalidRequestError, match="give a reason"):
            schedule.pause(service, "report", " ")

    def test_a_note_that_no_row_holds(self, service):
        with pytest.raises(edits.InvalidRowError):
            schedule.pause(service, "report", "x" * 300)

    def test_turning_on_ends_a_pause_after_failures_as_well(self, here, service):
        here.jobs.put(SCHEDULED | {"pause_on_failures": 1, "schedule_enabled": False})
        here.triggers.set_pause("report", schedule.Pause(paused=True, since="now", note="n"))

        schedule.turn_on(service, "report")

        assert not here.triggers.pause("report").paused
        assert "schedule_enabled" not in here.row()

    def test_the_audit_says_so_with_the_note(self, here, service):
        schedule.pause(service, "report", "moving house")
        schedule.turn_on(service, "report")
        here.triggers.set_pause("report", schedule.Pause(paused=True, since="now", note="3 failed"))
        schedule.turn_on(service, "report")

        entries = audit.newest(service, "report", 10)
        said = [(each.action, each.detail, bool(each.changes)) for each in entries]
        assert sorted(said, key=str) == [
            ("pause_schedule", "moving house", True),
            ("resume_schedule", "was paused: 3 failed", False),
            ("resume_schedule", None, True),
        ]


def test_a_key_stands_for_one_request(service):
    key = bulk.Key("one", "{}")
    made = bulk.begin(
        service,
        BulkAction.PAUSE_SCHEDULES,
        [Target("report")],
        reason="maintenance",
        expected_count=1,
        key=key,
    )

    assert made.id == "key-7692c3ad3540bb803c020b3aee66cd88"
    assert bulk.begun(service, key) == made
    assert bulk.begun(service, bulk.Key("two", "{}")) is None
    with pytest.raises(KeyReusedError, match="for another request"):
        bulk.begun(service, bulk.Key("one", '{"other": 1}'))


def test_of_two_requests_with_a_key_at_once_one_begins_an_operation(service):
    """Both have asked `begun` before either has begun."""
    key = bulk.Key("one", "{}")
    asked = {"reason": "maintenance", "expected_count": 1, "key": key}
    first = bulk.begin(service, BulkAction.PAUSE_SCHEDULES, [Target("report")], **asked)
    bulk.step(service, first.id)

    with pytest.raises(ConflictError, match="the same idempotency key"):
        bulk.begin(service, BulkAction.PAUSE_SCHEDULES, [Target("report")], **asked)

    assert bulk.begun(service, key).is_over
