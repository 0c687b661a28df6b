"""Rate limits in DynamoDB, over moto: several processes share them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import boto3
import pytest

from provisioner.aws.rate_limits_table import RateLimitsTable
from provisioner.stacks.rate_limits import PER_SECOND, SUSPENDED_FOR, Quota
from tests.support.clients import CLIENTS

pytestmark = pytest.mark.usefixtures("bootstrap")

NOW = datetime(2026, 11, 21, 9, 0, 0, 123456, tzinfo=UTC)


class Clock:
    now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def processes(clock):
    return [RateLimitsTable(CLIENTS, "jobs-RateLimits", clock) for _ in range(3)]


TIME = {"S": (NOW + timedelta(seconds=5)).isoformat()}
TIMES = {"free_at": TIME, "next_reservation_at": TIME}
DAMAGED = {
    "its key alone": {},
    "no version": TIMES,
    "a text for a version": TIMES | {"version": {"S": "new"}},
    "a fraction for a version": TIMES | {"version": {"N": "1.5"}},
    "a negative version": TIMES | {"version": {"N": "-1"}},
    "a text for a time": TIMES | {"version": {"N": "7"}, "free_at": {"S": "soon"}},
    "a number for a time": TIMES | {"version": {"N": "7"}, "free_at": {"N": "5"}},
    "a time in no zone": TIMES | {"version": {"N": "7"}, "free_at": {"S": "2026-11-21T09:00:00"}},
    "one time only": {"version": {"N": "7"}, "free_at": TIME},
    "a text for a suspension": TIMES | {"version": {"N": "7"}, "suspension": {"S": "no"}},
    "a suspension of a day": TIMES
    | {
        "version": {"N": "7"},
        "suspension": {
            "M": {"until": {"S": (NOW + timedelta(days=1)).isoformat()}, "reason": {"S": "no"}}
        },
    },
}


@pytest.mark.parametrize("item", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_rate_limit_starts_idle(processes, clock, item):
    key = {"quota": {"S": "create"}}
    boto3.client("dynamodb").put_item(TableName="jobs-RateLimits", Item=key | item)
    clock.now += timedelta(seconds=6)
    first, second, _ = processes

    assert first.reserve(Quota.CREATE, has_reservation=False).granted
    assert first.acquire(Quota.CREATE).granted

    stored = boto3.client("dynamodb").get_item(TableName="jobs-RateLimits", Key=key)["Item"]
    assert int(stored["version"]["N"]) >= 1
    while second.acquire(Quota.CREATE).granted:
        pass
    assert not second.reserve(Quota.CREATE, has_reservation=False).granted


def test_processes_share_a_rate_limit(processes):
    gone = [
        rate_limiter.acquire(Quota.DESCRIBE).granted
        for _ in range(10)
        for rate_limiter in processes
    ]

    assert gone.count(True) in {int(PER_SECOND[Quota.DESCRIBE]) - 1, PER_SECOND[Quota.DESCRIBE]}


def test_no_two_get_the_same_reservation(processes):
    permits = [
        rate_limiter.reserve(Quota.CREATE, has_reservation=False) for rate_limiter in processes
    ]
    assert all(permit.granted for permit in permits)
    for rate_limiter in processes:
        rate_limiter.acquire(Quota.CREATE)

    permits = [
        rate_limiter.reserve(Quota.CREATE, has_reservation=False).at
        for rate_limiter in processes
        for _ in range(3)
    ]

    assert len(set(permits)) == 9


def test_a_reservation_that_is_due_gets_a_permit(processes, clock):
    first, second, _ = processes
    while first.acquire(Quota.UPDATE).granted:
        pass
    assert not second.reserve(Quota.UPDATE, has_reservation=True).granted

    clock.now += timedelta(seconds=1)

    assert second.reserve(Quota.UPDATE, has_reservation=True).granted
    assert second.acquire(Quota.UPDATE).granted


def test_a_suspension_is_for_every_process_and_one_quota(processes, clock):
    first, second, _ = processes

    until = first.suspend(Quota.CREATE, "no room")

    assert until == NOW + SUSPENDED_FOR
    permit = second.reserve(Quota.CREATE, has_reservation=False)
    assert (permit.granted, permit.reason) == (False, "no room")
    assert second.acquire(Quota.UPDATE).granted
    clock.now = until
    assert second.acquire(Quota.CREATE).granted


def test_backing_off_is_for_every_process(processes, clock):
    first, second, third = processes
    third.reserve(Quota.DELETE, has_reservation=True)

    first.back_off(Quota.DELETE)

    assert not second.acquire(Quota.DELETE).granted
    assert not third.acquire(Quota.DELETE).granted
    clock.now += timedelta(seconds=1)
    assert third.acquire(Quota.DELETE).granted
