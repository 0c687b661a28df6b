"""What holds of the Jobs and Stacks tables, the queue and the rate limits in every adapter."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from provisioner.errors import ConflictError
from provisioner.stacks.deletion_budget import WINDOW
from provisioner.stacks.model import Failure, JobStatus, StackRecord
from provisioner.stacks.rate_limits import SUSPENDED_FOR, Quota, Reservation

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


class JobsContract:
    """`jobs` is the port and `put` writes a row into it."""

    def test_rows_are_read_by_name(self, jobs, put):
        put({"job_name": "one", "type": "lambda"})
        put({"job_name": "two", "type": "ecs"})

        found = jobs.get_many(["two", "none", "one"])

        assert {name: row["type"] for name, row in found.items()} == {"one": "lambda", "two": "ecs"}

    def test_the_last_write_is_read(self, jobs, put):
        put({"job_name": "one", "type": "lambda"})
        put({"job_name": "one", "type": "ecs"})

        assert jobs.get_many(["one"])["one"]["type"] == "ecs"

    def test_a_name_that_no_row_can_have_spoils_nothing(self, jobs, put):
        put({"job_name": "one", "type": "lambda"})

        assert list(jobs.get_many(["", "one", "x" * 2_049])) == ["one"]

    def test_nothing_is_asked_for(self, jobs):
        assert jobs.get_many([]) == {}


class StacksContract:
    """`stacks` is the port."""

    def test_what_is_saved_is_read_as_the_next_version(self, stacks):
        record = StackRecord(
            "one",
            status=JobStatus.RETRYING,
            outputs={"RoleArn": "arn"},
            failure=Failure("reason", NOW, "Function", "d" * 64, ("Function",)),
            reservation=Reservation(Quota.CREATE, NOW),
            next_attempt_at=NOW,
            updated_at=NOW,
        )
        stacks.save(record)

        assert stacks.get_many(["one", "two"]) == {"one": replace(record, version=1)}

    def test_only_the_version_that_was_read_is_written_over(self, stacks):
        stacks.save(StackRecord("one"))
        (read,) = stacks.get_many(["one"]).values()
        stacks.save(replace(read, status=JobStatus.CREATING))

        for stale in (read, StackRecord("one")):
            with pytest.raises(ConflictError):
                stacks.save(replace(stale, status=JobStatus.FAILED))

        (stored,) = stacks.get_many(["one"]).values()
        assert (stored.status, stored.version) == (JobStatus.CREATING, 2)

    def test_a_row_that_is_gone_is_not_written_again(self, stacks):
        with pytest.raises(ConflictError):
            stacks.save(StackRecord("one", version=3))

    def test_the_sweep_finds_what_was_not_touched(self, stacks):
        for minutes, name in enumerate(("old", "new")):
            stacks.save(StackRecord(name, updated_at=NOW + timedelta(minutes=minutes)))
        stacks.save(StackRecord("other", status=JobStatus.READY, updated_at=NOW))

        found = [record.job_name for record in stacks.by_status(JobStatus.PENDING, until=NOW)]

        assert found == ["old"]


class QueueContract:
    """`queue` is the port, and `receive` returns the bodies that can be seen at once."""

    def test_a_message_names_its_job(self, queue, receive):
        queue.send("one")

        assert receive() == [{"job_name": "one"}]

    def test_a_message_may_ask_for_more(self, queue, receive):
        queue.send("one", detect_drift=True)

        assert receive() == [{"job_name": "one", "detect_drift": True}]

    def test_what_is_delayed_is_not_seen_yet(self, queue, receive):
        queue.send("one", delay_seconds=5)

        assert receive() == []

    def test_no_delay_is_too_long(self, queue, receive):
        queue.send("one", delay_seconds=100_000)

        assert receive() == []

    def test_many_are_sent_with_a_delay_each(self, queue, receive):
        queue.send_many({f"job-{number}": 60 * (number % 2) for number in range(14)})

        assert len(receive()) == 7


class RateLimiterContract:
    """`rate_limiter` is the port and `clock` its time, a FakeClock."""

    @pytest.mark.parametrize("quota", [Quota.CREATE, Quota.DESCRIBE])
    def test_what_a_wrong_clock_has_written_is_ignored(self, rate_limiter, clock, quota):
        clock.advance(timedelta(days=1))
        while rate_limiter.acquire(quota).granted:
            pass
        rate_limiter.reserve(quota, has_reservation=False)
        rate_limiter.back_off(quota)
        rate_limiter.suspend(quota, "no room")
        clock.advance(-timedelta(days=1))

        assert rate_limiter.reserve(quota, has_reservation=False).granted
        assert rate_limiter.acquire(quota).granted

    def test_the_first_caller_gets_a_permit(self, rate_limiter):
        assert rate_limiter.reserve(Quota.CREATE, has_reservation=False).granted
        assert rate_limiter.acquire(Quota.CREATE).granted

    def test_reservations_are_in_order(self, rate_limiter, clock):
        while rate_limiter.acquire(Quota.CREATE).granted:
            pass

        permits = [rate_limiter.reserve(Quota.CREATE, has_reservation=False) for _ in range(4)]

        assert not any(permit.granted for permit in permits)
        assert all(permit.kept for permit in permits)
        times = [permit.at for permit in permits]
        assert times == sorted(set(times))
        assert timedelta(seconds=1) <= times[-1] - clock.now <= timedelta(seconds=3)

    def test_quotas_have_nothing_to_do_with_each_other(self, rate_limiter):
        while rate_limiter.acquire(Quota.CREATE).granted:
            pass

        assert rate_limiter.acquire(Quota.UPDATE).granted

    def test_permits_come_with_time(self, rate_limiter, clock):
        while rate_limiter.acquire(Quota.DELETE).granted:
            pass
        clock.advance(timedelta(seconds=1))

        assert rate_limiter.acquire(Quota.DELETE).granted

    def test_no_more_go_than_cloudformation_takes(self, rate_limiter, clock):
        gone = 0
        for _ in range(100):
            gone += rate_limiter.acquire(Quota.UPDATE).granted
            clock.advance(timedelta(seconds=0.1))

        assert 19 <= gone <= 21

    def test_backing_off_grants_nothing(self, rate_limiter, clock):
        rate_limiter.back_off(Quota.UPDATE)

        assert not rate_limiter.acquire(Quota.UPDATE).granted
        clock.advance(timedelta(seconds=1.5))
        assert rate_limiter.acquire(Quota.UPDATE).granted

    def test_a_suspension_says_why(self, rate_limiter, clock):
        assert rate_limiter.suspend(Quota.CREATE, "no room") == clock.now + SUSPENDED_FOR

        assert rate_limiter.reserve(Quota.CREATE, has_reservation=True).reason == "no room"
        assert rate_limiter.acquire(Quota.UPDATE).granted
        clock.advance(SUSPENDED_FOR)
        assert rate_limiter.acquire(Quota.CREATE).granted


class TaskDefinitionsContract:
    """`definitions` is the port; `register` makes the next revision of a family."""

    def test_what_is_active_is_listed_revision_by_revision(self, definitions, register):
        arns = [register("contract-a"), register("contract-a"), register("contract-b")]

        assert set(arns) <= set(definitions.active())
        assert [arn.rpartition("/")[2] for arn in arns][:2] == ["contract-a:1", "contract-a:2"]

    def test_what_is_deregistered_is_not_listed(self, definitions, register):
        old, new = register("contract-c"), register("contract-c")

        definitions.deregister(old)
        definitions.deregister(old)

        assert new in set(definitions.active())
        assert old not in set(definitions.active())


class DeletionBudgetContract:
    """`deletion_budget` has a budget of two jobs, and `clock` is its time, a FakeClock."""

    def test_no_more_than_the_budget_is_spent_and_the_same_counts_once(
        self, deletion_budget, clock
    ):
        names = ["one", "two", "one", "three", "two"]
        assert [deletion_budget.spend(name) for name in names] == [True, True, True, False, True]
        clock.advance(WINDOW)
        assert deletion_budget.spend("three")

    def test_a_share_of_all_jobs_may_be_more(self, deletion_budget):
        deletion_budget.count_jobs(12)

        assert [deletion_budget.spend(name) for name in "abcd"] == [True, True, True, False]
