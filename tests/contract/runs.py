"""What holds of the ports of the runs in every adapter and fake."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from provisioner.errors import ConflictError
from provisioner.runs.cost import Cost, MonthlyCost
from provisioner.runs.keys import LOCK
from provisioner.runs.messages import Claim, Message
from provisioner.runs.model import EndedExecution, RunStatus, WaitingEnd, iso
from provisioner.runs.usage import is_unestimated, usage_of

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
JOB = "job"
RUN = f"{iso(NOW)}#run-1"
OTHER = f"{iso(NOW + timedelta(seconds=5))}#run-2"


def row(status, **more):
    """Return the row of a run, as the workflow writes it."""
    return {"status": status, "execution_arn": "run-1", "started_at": iso(NOW), **more}


def ended(**changes):
    values = {"status": RunStatus.STOPPED, "started_at": NOW, "ended_at": NOW, **changes}
    return EndedExecution(JOB, "run-1", "run-1", **values)


class RunsContract:
    """`runs` is the port, `put(key, item)` writes an item and `read(key)` returns one, or None."""

    def test_a_job_without_a_lock_has_a_free_one(self, runs):
        lock = runs.lock(JOB)

        assert lock.is_free(NOW)
        assert lock.waiting == ()

    def test_a_lock_is_read_whole(self, runs, put):
        lease = int(NOW.timestamp()) + 60
        held = {"owner": "run-1", "execution_arn": "arn", "run_id": RUN, "lease_until": lease}
        put(LOCK, held | {"waiting": {OTHER, RUN}, "cancels": OTHER})

        lock = runs.lock(JOB)

        assert (lock.owner, lock.execution_arn, lock.run) == ("run-1", "arn", RUN)
        assert (lock.waiting, lock.cancels) == ((RUN, OTHER), OTHER)
        assert not lock.is_free(NOW)
        assert lock.is_free(NOW + timedelta(seconds=61))

    def test_only_its_owner_releases_a_lock(self, runs, put):
        lease = int(NOW.timestamp()) + 60
        put(LOCK, {"owner": "run-1", "lease_until": lease, "waiting": {OTHER}})

        assert not runs.release(JOB, "run-2")
        assert runs.release(JOB, "run-1")
        assert not runs.release(JOB, "run-1")

        assert runs.lock(JOB).is_free(NOW)
        assert runs.lock(JOB).waiting == (OTHER,)

    @pytest.mark.parametrize("status", [RunStatus.RUNNING, RunStatus.QUEUED])
    def test_an_open_run_is_ended_once(self, runs, put, read, status):
        put(RUN, row(status))

        assert runs.end(ended())
        assert not runs.end(ended(status=RunStatus.FAILED))

        assert read(RUN)["status"] == RunStatus.STOPPED

    def test_a_run_that_was_queued_is_ended_on_its_own_row(self, runs, put, read):
        put(OTHER, row(RunStatus.RUNNING))

        assert runs.end(ended(waited=OTHER))

        assert read(OTHER)["status"] == RunStatus.STOPPED
        assert read(RUN) is None

    @pytest.mark.parametrize("waited", [RUN, None], ids=["started again", "just queued"])
    def test_a_queued_run_that_is_ended_waits_no_longer(self, runs, put, read, waited):
        put(LOCK, {"status": "FREE", "waiting": {OTHER, RUN}})
        put(RUN, row(RunStatus.QUEUED))

        assert runs.end(ended(waited=waited))

        assert read(RUN)["status"] == RunStatus.STOPPED
        assert runs.lock(JOB).waiting == (OTHER,)

    def test_a_run_has_the_type_that_its_row_says(self, runs, put):
        assert runs.job_type(ended()) is None

        put(RUN, row(RunStatus.RUNNING, type="ecs"))
        put(OTHER, row(RunStatus.RUNNING, type="batch"))

        assert runs.job_type(ended()) == "ecs"
        assert runs.job_type(ended(waited=OTHER)) == "batch"

    def test_an_execution_without_a_row_gets_one(self, runs, read):
        assert runs.end(ended())

        assert read(RUN)["status"] == RunStatus.STOPPED

    def test_only_a_queued_run_waits(self, runs, put):
        put(RUN, row(RunStatus.QUEUED, starts=2, input="{}"))
        put(OTHER, row(RunStatus.RUNNING))

        assert (runs.waiting(JOB, RUN).trigger_id, runs.waiting(JOB, RUN).starts) == (RUN, 2)
        assert runs.waiting(JOB, OTHER) is None
        assert runs.waiting(JOB, "none") is None

    def test_only_a_queued_run_is_added_to_those_that_wait(self, runs, put):
        put(RUN, row(RunStatus.QUEUED, starts=0, input="{}"))
        put(OTHER, row(RunStatus.RUNNING))

        assert runs.add_waiting(JOB, RUN)
        assert runs.add_waiting(JOB, RUN)
        assert not runs.add_waiting(JOB, OTHER)
        assert runs.lock(JOB).waiting == (RUN,)

        runs.remove_waiting(JOB, RUN)
        runs.remove_waiting(JOB, RUN)
        assert runs.lock(JOB).waiting == ()

    def test_a_run_that_waits_is_ended_and_waits_no_longer(self, runs, put, read):
        put(RUN, row(RunStatus.QUEUED, starts=1, input="{}"))
        runs.add_waiting(JOB, RUN)
        end = WaitingEnd(RunStatus.SKIPPED, "Superseded", "another came", NOW)

        assert runs.end_waiting(JOB, RUN, end)
        assert not runs.end_waiting(JOB, RUN, end)

        assert read(RUN)["status"] == RunStatus.SKIPPED
        assert runs.lock(JOB).waiting == ()

    def test_what_is_not_a_run_is_not_ended(self, runs, put):
        put(RUN, row(RunStatus.QUEUED, starts=1, input="{}"))
        runs.add_waiting(JOB, RUN)
        end = WaitingEnd(RunStatus.SKIPPED, "Superseded", "another came", NOW)

        assert not runs.end_waiting(JOB, "#lock", end)

        assert runs.lock(JOB).waiting == (RUN,)

    def test_one_that_was_started_since_is_not_ended(self, runs, put, read):
        put(RUN, row(RunStatus.QUEUED, starts=2, input="{}"))
        end = WaitingEnd(RunStatus.FAILED, "Error", "it failed", NOW, starts=1)

        assert not runs.end_waiting(JOB, RUN, end)

        assert read(RUN)["status"] == RunStatus.QUEUED

    def test_a_running_run_is_marked_as_being_stopped(self, runs, put, read):
        put(RUN, row(RunStatus.RUNNING))
        put(OTHER, row(RunStatus.SUCCEEDED))

        found = runs.mark_stopping(JOB, RUN, by="ann", reason="enough")

        assert (found.status, found.execution_arn) == (RunStatus.RUNNING, "run-1")
        assert read(RUN)["stopped_by"] == "ann"
        other = runs.mark_stopping(JOB, OTHER, by="ann", reason="enough")
        assert other.status is RunStatus.SUCCEEDED
        assert "stopped_by" not in read(OTHER)
        assert runs.mark_stopping(JOB, f"{iso(NOW)}#none", by="ann", reason="enough") is None

    def test_open_runs_are_listed_by_status_and_age(self, runs, put):
        put(RUN, row(RunStatus.RUNNING))
        put(OTHER, row(RunStatus.QUEUED))

        (found,) = runs.open(RunStatus.RUNNING, until=NOW)

        assert (found.job_name, found.trigger_id, found.execution_arn) == (JOB, RUN, "run-1")
        assert list(runs.open(RunStatus.RUNNING, until=NOW - timedelta(seconds=1))) == []


class ExecutionsContract:
    """`executions` is the port, with a state machine of the job whose executions run for long."""

    INPUT = json.dumps({"_run": {"seconds": 200}})

    def test_the_same_again_starts_nothing_new(self, executions):
        arn = executions.start(JOB, "run-1", self.INPUT)

        assert executions.start(JOB, "run-1", self.INPUT) == arn
        assert executions.arn(JOB, "run-1") == arn

    def test_a_name_is_for_one_input(self, executions):
        executions.start(JOB, "run-1", self.INPUT)

        with pytest.raises(ConflictError):
            executions.start(JOB, "run-1", json.dumps({"_run": {"seconds": 100}}))

    def test_one_that_was_stopped_has_ended_and_its_name_is_used(self, executions):
        arn = executions.start(JOB, "run-1", self.INPUT)
        assert executions.ended(JOB, arn) is None

        executions.stop(arn, error="Stopped", cause="by hand")

        found = executions.ended(JOB, arn)
        assert (found.status, found.execution_name) == (RunStatus.STOPPED, "run-1")
        with pytest.raises(ConflictError):
            executions.start(JOB, "run-1", self.INPUT)

    def test_one_that_is_not_known_has_ended(self, executions):
        found = executions.ended(JOB, executions.arn(JOB, "never"))

        assert found.status is RunStatus.STOPPED

    def test_what_was_started_is_known_when_it_has_ended_too(self, executions):
        assert not executions.has_started(JOB, "run-1")

        arn = executions.start(JOB, "run-1", self.INPUT)
        assert executions.has_started(JOB, "run-1")
        executions.stop(arn, error="Stopped", cause="by hand")

        assert executions.has_started(JOB, "run-1")


class SubmissionsContract:
    """`submissions` is the port, by a clock that says NOW."""

    def test_messages_are_claimed_once(self, submissions):
        assert submissions.claim(JOB, ["m1", "m2"], "run-1") == {}
        assert submissions.claim(JOB, ["m1", "m2"], "run-1") == {}

        claim = Claim("run-1", iso(NOW))
        assert submissions.claim(JOB, ["m2", "m3"], "run-2") == {"m2": claim}
        assert submissions.claim(JOB, ["m3"], "run-3") == {}

    def test_a_message_of_another_job_is_another_message(self, submissions):
        submissions.claim(JOB, ["m1"], "run-1")

        assert submissions.claim("other", ["m1"], "run-2") == {}

    def test_a_claim_is_withdrawn_if_it_is_still_the_same(self, submissions):
        submissions.claim(JOB, ["m1"], "run-1")

        submissions.withdraw(JOB, "m1", Claim("run-1", "2026-01-01T00:00:00.000Z"))
        assert submissions.claim(JOB, ["m1"], "run-2")
        submissions.withdraw(JOB, "m1", Claim("run-2", iso(NOW)))
        assert submissions.claim(JOB, ["m1"], "run-2")
        submissions.withdraw(JOB, "m1", Claim("run-1", iso(NOW)))

        assert submissions.claim(JOB, ["m1"], "run-2") == {}


class JobRunsContract:
    """`job_runs` is the port, `begin(job_name, count)` lets so many runs of a job begin."""

    def test_the_runs_of_a_job_are_stopped_and_counted(self, job_runs, begin):
        begin(JOB, 3)

        assert job_runs.stop_running(JOB, "Its job's row was removed") == 3
        assert job_runs.stop_running(JOB, "again") == 0

    def test_those_of_another_job_continue(self, job_runs, begin):
        begin(JOB, 1)
        begin(f"{JOB}s", 2)

        assert job_runs.stop_running(JOB, "Its job's row was removed") == 1
        assert job_runs.stop_running(f"{JOB}s", "Its job's row was removed") == 2

    def test_a_job_that_never_was_has_none(self, job_runs):
        assert job_runs.stop_running("other", "Its job's row was removed") == 0


class PausesContract:
    """`pauses` is the port, `since(job_name)` says from when on failures count, None for all."""

    def test_failures_count_from_the_deletion_on(self, pauses, since):
        assert since(JOB) is None
        pauses.end_pause(JOB, NOW)

        assert since(JOB) == iso(NOW)
        assert since("other") is None

    def test_the_last_deletion_counts(self, pauses, since):
        later = NOW + timedelta(days=1)
        pauses.end_pause(JOB, NOW)
        pauses.end_pause(JOB, later)

        assert since(JOB) == iso(later)


class RecentRunsContract:
    """`recent` keeps what lists show of runs, `read(job_name)` returns it, None without any."""

    begun = row(RunStatus.RUNNING, trigger_id=RUN)
    ended = row(RunStatus.SUCCEEDED, trigger_id=RUN, duration_ms=Decimal(1500))
    next = row(RunStatus.RUNNING, trigger_id=OTHER)

    def test_a_run_is_kept_and_says_so_once(self, recent, read):
        assert read(JOB) is None
        assert recent.add(JOB, [self.begun])
        assert not recent.add(JOB, [self.begun])

        kept = read(JOB)
        assert kept.strip == (RunStatus.RUNNING,)
        assert kept.running_since == NOW
        assert read("other") is None

    def test_runs_end_and_others_come(self, recent, read):
        recent.add(JOB, [self.begun])
        assert recent.add(JOB, [self.ended, self.next])

        kept = read(JOB)
        assert kept.strip == (RunStatus.SUCCEEDED, RunStatus.RUNNING)
        assert kept.usual_seconds == 1.5
        assert kept.last["trigger_id"] == OTHER

    def test_what_comes_late_changes_nothing(self, recent, read):
        recent.add(JOB, [self.ended])

        assert not recent.add(JOB, [self.begun])
        assert read(JOB).strip == (RunStatus.SUCCEEDED,)

    def test_nothing_is_nothing(self, recent, read):
        assert not recent.add(JOB, [])
        assert read(JOB) is None


class DependantsContract:
    """`dependants` is the port."""

    def test_nobody_depends_on_a_job_at_first(self, dependants):
        assert dependants.of("extract") == {}

    def test_each_is_listed_with_all_that_it_depends_on(self, dependants):
        dependants.change("report", before=(), after=("extract", "clean"))
        dependants.change("mail", before=(), after=("extract",))

        assert dependants.of("extract") == {"report": ("extract", "clean"), "mail": ("extract",)}
        assert dependants.of("clean") == {"report": ("extract", "clean")}

    def test_a_change_is_whole(self, dependants):
        dependants.change("report", before=(), after=("extract", "clean"))

        dependants.change("report", before=("extract", "clean"), after=("clean", "load"))

        assert dependants.of("extract") == {}
        assert dependants.of("clean") == dependants.of("load") == {"report": ("clean", "load")}

    def test_the_same_again_changes_nothing(self, dependants):
        for _ in range(2):
            dependants.change("report", before=("extract",), after=("extract",))

        assert dependants.of("extract") == {"report": ("extract",)}


class SlotsContract:
    """`slots` is the port."""

    def test_no_more_are_in_use_than_there_may_be(self, slots):
        assert slots.acquire(JOB, "a", 2, NOW)
        assert slots.acquire(JOB, "b", 2, NOW)
        assert slots.acquire(JOB, "a", 2, NOW)
        assert not slots.acquire(JOB, "c", 2, NOW)

        assert slots.get(JOB).in_use == {"a", "b"}

    def test_a_slot_is_released_once(self, slots):
        slots.acquire(JOB, "a", 1, NOW)

        assert slots.release(JOB, "a").in_use == frozenset()
        assert slots.release(JOB, "a") is None
        assert slots.acquire(JOB, "b", 1, NOW)

    def test_a_release_returns_what_is_in_use_and_whether_messages_are_parked(self, slots):
        slots.acquire(JOB, "a", 2, NOW)
        slots.acquire(JOB, "b", 2, NOW + timedelta(seconds=1))
        parked = slots.mark_parked(JOB, NOW + timedelta(seconds=2))
        assert parked.in_use == {"a", "b"}

        left = slots.release(JOB, "a")

        assert left == slots.get(JOB)
        assert (left.in_use, left.acquired_at) == ({"b"}, iso(NOW + timedelta(seconds=1)))
        assert left.parked_at == iso(NOW + timedelta(seconds=2))

    def test_jobs_have_slots_of_their_own(self, slots):
        slots.acquire(JOB, "a", 1, NOW)

        assert slots.acquire("other", "a", 1, NOW)
        assert slots.release("third", "a") is None
        assert slots.get("third").in_use == frozenset()

    def test_a_job_that_never_had_a_slot_is_not_noted(self, slots):
        assert slots.mark_parked(JOB, NOW).in_use == frozenset()

        assert slots.get(JOB).parked_at is None
        assert list(slots.jobs_with_parked_messages(NOW + timedelta(minutes=1))) == []

    def test_jobs_are_listed_by_when_they_first_parked_a_message(self, slots):
        slots.acquire(JOB, "a", 1, NOW)
        slots.mark_parked(JOB, NOW)
        slots.mark_parked(JOB, NOW + timedelta(minutes=5))

        assert list(slots.jobs_with_parked_messages(NOW)) == [JOB]
        assert list(slots.jobs_with_parked_messages(NOW - timedelta(seconds=1))) == []

    def test_what_is_parked_later_is_not_cleared(self, slots):
        slots.acquire(JOB, "a", 1, NOW)
        slots.mark_parked(JOB, NOW)
        first = slots.get(JOB).parked_at
        slots.mark_parked(JOB, NOW + timedelta(seconds=1))

        slots.clear_parked(JOB, first)
        assert list(slots.jobs_with_parked_messages(NOW + timedelta(minutes=1))) == [JOB]

        slots.clear_parked(JOB, slots.get(JOB).parked_at)
        assert list(slots.jobs_with_parked_messages(NOW + timedelta(minutes=1))) == []


class MessageQueuesContract:
    """`queues` is the port, `waiting` and `ready` tell the identities of what each queue holds."""

    def test_a_message_is_parked_and_unparked_under_its_identity(self, queues, waiting, ready):
        queues.park(JOB, Message("m1", "{}"))
        assert (waiting(), ready()) == (["m1"], [])
        assert not queues.is_empty(JOB)

        assert queues.unpark(JOB, 10) == 1

        assert ready() == ["m1"]
        assert queues.is_empty(JOB)
        assert queues.unpark(JOB, 10) == 0

    def test_no_more_are_unparked_than_asked(self, queues, ready):
        for number in range(3):
            queues.park(JOB, Message(f"m{number}", "{}"))

        assert queues.unpark(JOB, 2) == 2

        assert len(ready()) == 2
        assert not queues.is_empty(JOB)

    def test_a_message_is_sent_to_start_a_run(self, queues, waiting, ready):
        queues.send(JOB, Message("m1", "{}"))

        assert (waiting(), ready()) == ([], ["m1"])
        assert queues.is_empty(JOB)


class RunCostsContract:
    """`costs` is the port, `put(key, item)` writes the row of a run and `read(key)` returns it."""

    COST = Cost(Decimal("0.5"), Decimal("0.5"))
    SPOT = Cost(Decimal("0.5"), Decimal("0.25"))

    @pytest.fixture
    def run(self, put):
        """Write the row of a run that has ended; return what it used."""

        def run(key=RUN, status=RunStatus.SUCCEEDED, **more):
            had = {"architecture": "arm64", "memory_mb": Decimal(128)}
            timed = {"work_ms": Decimal(50), "attempts": Decimal(1)}
            item = row(status, type="lambda", usage=had, **timed, **more)
            put(key, item)
            return usage_of(item)

        return run

    def test_an_ended_run_is_to_be_estimated_until_it_has_been(self, costs, run):
        used = run()
        assert is_unestimated(costs.ended(JOB, RUN))

        assert costs.record(JOB, RUN, used, self.COST, "2026-11", {"error_group": "E"})

        assert not is_unestimated(costs.ended(JOB, RUN))
        assert costs.ended(JOB, RUN)["error_group"] == "E"

    @pytest.mark.parametrize("status", [RunStatus.RUNNING, RunStatus.QUEUED])
    def test_an_open_run_is_not(self, costs, run, status):
        run(status=status)

        assert costs.ended(JOB, RUN) is None

    def test_nor_one_that_never_said_what_it_had(self, costs, put):
        put(RUN, row(RunStatus.SKIPPED))

        assert not is_unestimated(costs.ended(JOB, RUN))
        assert costs.ended(JOB, OTHER) is None

    def test_a_run_counts_once(self, costs, run, read):
        used = run()
        assert costs.record(JOB, RUN, used, self.COST, "2026-11")

        assert not costs.record(JOB, RUN, used, self.SPOT, "2026-11")

        assert costs.months(JOB, 3) == [MonthlyCost("2026-11", 1, self.COST, 0)]
        assert read(RUN)["usage"] == used.attributes()
        assert read(RUN)["estimated_cost"] == self.COST.usd
        assert "estimated_cost_from" not in read(RUN)

    def test_a_run_without_a_row_is_not_counted(self, costs, run):
        used = run()

        assert not costs.record(JOB, OTHER, used, self.COST, "2026-11")

        assert costs.months(JOB, 3) == []

    def test_a_range_is_on_the_row_and_in_the_sum(self, costs, run, read):
        costs.record(JOB, RUN, run(), self.SPOT, "2026-11")
        costs.record(JOB, OTHER, run(OTHER), self.COST, "2026-11")

        assert read(RUN)["estimated_cost_from"] == self.SPOT.least
        both = Cost(Decimal(1), Decimal("0.75"))
        assert costs.months(JOB, 3) == [MonthlyCost("2026-11", 2, both, 0)]

    def test_one_without_a_figure_is_counted_as_such(self, costs, run, read):
        costs.record(JOB, RUN, run(), None, "2026-11")

        assert "estimated_cost" not in read(RUN)
        nothing = Cost(Decimal(), Decimal())
        assert costs.months(JOB, 3) == [MonthlyCost("2026-11", 1, nothing, 1)]

    def test_the_last_months_come_newest_first(self, costs, run):
        for number in (9, 11, 10):
            key = f"{iso(NOW + timedelta(seconds=number))}#run-{number}"
            costs.record(JOB, key, run(key), self.COST, f"2026-{number:02}")

        assert [each.month for each in costs.months(JOB, 2)] == ["2026-11", "2026-10"]
        assert costs.months("other", 2) == []


class RunningWorkContract:
    """`work` is the port; `start(job, execution)` leaves work running, `running` tells its jobs."""

    def test_all_work_of_a_run_is_stopped_once(self, work, start, running):
        start(JOB, "run-1")
        start(JOB, "run-1")

        assert work.stop(JOB, "run-1", "enough") == 2
        assert work.stop(JOB, "run-1", "enough") == 0
        assert running() == []

    def test_work_of_other_runs_continues(self, work, start, running):
        start(JOB, "run-2")
        start("other", "run-1")
        start(f"{JOB}-2", "run-1")

        assert work.stop(JOB, "run-1", "enough") == 0
        assert running() == sorted([JOB, f"{JOB}-2", "other"])

    def test_any_name_of_an_execution_will_do(self, work, start, running):
        start(JOB, "run 1.a+b=c@d")

        assert work.stop(JOB, "run 1.a+b=c@d", "enough") == 1
        assert running() == []
