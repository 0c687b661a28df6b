"""The lines in DynamoDB, over moto: several processes, one line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import boto3
import pytest

from provisioner.aws.rate_limits_table import PaceTable
from provisioner.stacks.rate_limits import HELD_FOR, PER_SECOND, Quota

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
    return [PaceTable("jobs-Pace", clock) for _ in range(3)]


TIME = {"S": (NOW + timedelta(seconds=5)).isoformat()}
TIMES = {"free_at": TIME, "next_place_at": TIME}
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
    "a text for a hold": TIMES | {"version": {"N": "7"}, "hold": {"S": "no"}},
    "a hold of a day": TIMES
    | {
        "version": {"N": "7"},
        "hold": {
            "M": {"until": {"S": (NOW + timedelta(days=1)).isoformat()}, "reason": {"S": "no"}}
        },
    },
}


@pytest.mark.parametrize("item", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_line_is_made_again(processes, clock, item):
    key = {"quota": {"S": "create"}}
    boto3.client("dynamodb").put_item(TableName="jobs-Pace", Item=key | item)
    clock.now += timedelta(seconds=6)
    first, second, _ = processes

    assert first.enter(Quota.CREATE, admitted=False).go
    assert first.take(Quota.CREATE).go

    stored = boto3.client("dynamodb").get_item(TableName="jobs-Pace", Key=key)["Item"]
    assert int(stored["version"]["N"]) >= 1
    while second.take(Quota.CREATE).go:
        pass
    assert not second.enter(Quota.CREATE, admitted=False).go


def test_processes_share_a_line(processes):
    gone = [pace.take(Quota.DESCRIBE).go for _ in range(10) for pace in processes]

    assert gone.count(True) in {int(PER_SECOND[Quota.DESCRIBE]) - 1, PER_SECOND[Quota.DESCRIBE]}


def test_no_two_get_the_same_place(processes):
    places = [pace.enter(Quota.CREATE, admitted=False) for pace in processes]
    assert all(place.go for place in places)
    for pace in processes:
        pace.take(Quota.CREATE)

    places = [pace.enter(Quota.CREATE, admitted=False).at for pace in processes for _ in range(3)]

    assert len(set(places)) == 9


def test_who_is_admitted_goes_when_the_gate_is_open(processes, clock):
    first, second, _ = processes
    while first.take(Quota.UPDATE).go:
        pass
    assert not second.enter(Quota.UPDATE, admitted=True).go

    clock.now += timedelta(seconds=1)

    assert second.enter(Quota.UPDATE, admitted=True).go
    assert second.take(Quota.UPDATE).go


def test_a_hold_is_everybodys_and_of_its_quota_only(processes, clock):
    first, second, _ = processes

    until = first.hold(Quota.CREATE, "no room")

    assert until == NOW + HELD_FOR
    place = second.enter(Quota.CREATE, admitted=False)
    assert (place.go, place.reason) == (False, "no room")
    assert second.take(Quota.UPDATE).go
    clock.now = until
    assert second.take(Quota.CREATE).go


def test_backing_off_is_everybodys(processes, clock):
    first, second, third = processes
    third.enter(Quota.DELETE, admitted=True)

    first.back_off(Quota.DELETE)

    assert not second.take(Quota.DELETE).go
    assert not third.take(Quota.DELETE).go
    clock.now += timedelta(seconds=1)
    assert third.take(Quota.DELETE).go
