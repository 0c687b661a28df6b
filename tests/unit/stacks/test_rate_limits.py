"""Rate limits: which call is made when, whoever asks."""

from __future__ import annotations

import heapq
import math
import random
from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import given

from provisioner.stacks.rate_limits import (
    LONGEST_WAIT,
    PER_SECOND,
    Quota,
    RateLimit,
    Reservation,
    Suspension,
    acquire,
    back_off,
    reserve,
    suspend,
)

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def newcomers(limit, quota, count, now=NOW):
    permits = []
    for _ in range(count):
        limit, permit = reserve(limit, quota, now, has_reservation=False)
        if permit.granted:
            limit, permit = acquire(limit, quota, now)
        permits.append(permit)
    return limit, permits


@pytest.mark.parametrize("quota", Quota)
def test_an_idle_quota_lets_the_first_go_and_reserves_times_for_the_rest(quota):
    _, permits = newcomers(RateLimit(), quota, 40)

    assert permits[0].granted
    waiting = [permit for permit in permits if not permit.granted]
    assert all(permit.kept for permit in waiting)
    times = [permit.at for permit in waiting]
    assert times == sorted(set(times))
    seconds = len(waiting) / PER_SECOND[quota]
    assert seconds * 0.95 <= (times[-1] - NOW) / SECOND <= seconds * 1.06 + 1


@given(
    quota=st.sampled_from(list(Quota)),
    pauses_ms=st.lists(st.integers(0, 2_000), min_size=1, max_size=100),
)
def test_never_more_than_the_quota_goes(quota, pauses_ms):
    limit, now, gone = RateLimit(), NOW, []
    for pause in pauses_ms:
        now += timedelta(milliseconds=pause)
        limit, permit = acquire(limit, quota, now)
        if permit.granted:
            gone.append(now)
        else:
            assert permit.at > now
    for index, start in enumerate(gone):
        for count, end in enumerate(gone[index:], start=1):
            allowed = (end - start) / SECOND * PER_SECOND[quota] + max(PER_SECOND[quota], 1)
            assert count <= allowed + 1e-6


def test_a_newcomer_comes_after_all_reservations():
    limit, _ = newcomers(RateLimit(), Quota.CREATE, 10)
    later = NOW + 2 * SECOND

    _, newcomer = reserve(limit, Quota.CREATE, later, has_reservation=False)
    _, due = reserve(limit, Quota.CREATE, later, has_reservation=True)

    assert not newcomer.granted
    assert newcomer.kept
    assert due.granted


def test_a_time_that_no_message_can_be_delayed_until_is_not_reserved():
    limit = RateLimit(next_reservation_at=NOW + LONGEST_WAIT + SECOND)

    same, permit = reserve(limit, Quota.CREATE, NOW, has_reservation=False)

    assert not permit.granted
    assert not permit.kept
    assert same == limit


def test_a_suspended_quota_grants_nothing_and_says_why():
    limit = suspend(RateLimit(), Suspension(NOW + 300 * SECOND, "the limit of stacks"))

    for permit in (
        reserve(limit, Quota.CREATE, NOW, has_reservation=True)[1],
        acquire(limit, Quota.CREATE, NOW)[1],
    ):
        assert (permit.granted, permit.kept, permit.reason) == (False, False, "the limit of stacks")
    assert acquire(limit, Quota.CREATE, NOW + 301 * SECOND)[1].granted


def test_after_a_throttled_call_nothing_is_granted_for_a_second():
    limit = back_off(RateLimit(), NOW)

    assert not acquire(limit, Quota.CREATE, NOW + 0.9 * SECOND)[1].granted
    assert acquire(limit, Quota.CREATE, NOW + 1.1 * SECOND)[1].granted


@pytest.mark.parametrize(
    ("late_seconds", "ahead", "valid"),
    [
        (-961, False, False),
        (-960, True, False),
        (-10, True, False),
        (-0.6, True, False),
        (-0.5, False, True),
        (0, False, True),
        (60, False, True),
        (60.1, False, False),
    ],
)
def test_a_reservation_is_valid_for_a_minute(late_seconds, ahead, valid):
    reservation = Reservation(Quota.CREATE, NOW)
    now = NOW + late_seconds * SECOND

    assert (reservation.is_ahead(now), reservation.is_valid(now)) == (ahead, valid)


def test_a_time_that_is_not_kept_is_not_valid():
    assert not Reservation(Quota.CREATE, NOW, kept=False).is_valid(NOW)


def test_rates_are_those_that_cloudformation_has():
    rates = {"create": 2, "update": 2, "delete": 2, "continue": 2, "describe": 6}

    assert rates | {"detect_drift": 0.5} == PER_SECOND
    assert {str(quota) for quota in PER_SECOND} == {*rates, "detect_drift"}


def test_a_message_can_be_delayed_by_fifteen_minutes():
    longest = timedelta(minutes=15)

    for wait, kept in ((longest, True), (longest + SECOND, False)):
        limit = RateLimit(next_reservation_at=NOW + wait)
        permit = reserve(limit, Quota.CREATE, NOW, has_reservation=False)[1]
        assert (permit.at, permit.kept) == (NOW + longest, kept)


def test_what_is_free_from_now_on_is_granted_now():
    free = RateLimit(free_at=NOW, next_reservation_at=NOW, suspension=Suspension(NOW, "over"))

    assert reserve(free, Quota.CREATE, NOW, has_reservation=False)[1].granted
    assert acquire(free, Quota.CREATE, NOW)[1].granted


def test_a_reservation_that_meets_a_busy_quota_is_kept():
    busy = back_off(RateLimit(), NOW)

    for permit in (
        reserve(busy, Quota.CREATE, NOW, has_reservation=True)[1],
        acquire(busy, Quota.CREATE, NOW)[1],
    ):
        assert (permit.granted, permit.kept, permit.at) == (False, True, NOW + SECOND)


def drain(rows, latency_seconds, seed):
    """Return the times of the calls of a burst whose messages come late and in clumps, in seconds.

    Messages are delayed by whole seconds, as SQS does, and a reconcile takes time until it calls.
    """
    rng = random.Random(seed)
    limit, calls = RateLimit(), []
    events = [(number / 100, number, None, False) for number in range(rows)]
    heapq.heapify(events)
    while events:
        seconds, number, reservation, looked = heapq.heappop(events)
        now = NOW + seconds * SECOND
        has_reservation = reservation is not None and reservation.is_valid(now)
        if looked:
            limit, permit = acquire(limit, Quota.CREATE, now)
        else:
            limit, permit = reserve(limit, Quota.CREATE, now, has_reservation=has_reservation)
        if permit.granted and looked:
            calls.append(seconds)
        elif permit.granted:
            called = seconds + rng.uniform(0.03, 0.03 + latency_seconds)
            heapq.heappush(events, (called, number, reservation, True))
        else:
            delay = max(1, math.ceil((permit.at - now) / SECOND))
            woken = Reservation(Quota.CREATE, now + delay * SECOND)
            arrival = seconds + delay + rng.uniform(0.01, latency_seconds)
            heapq.heappush(events, (arrival, number, woken, False))
    return calls


@pytest.mark.parametrize("latency_seconds", [0.05, 0.3, 1.0])
def test_a_burst_drains_at_the_quota(latency_seconds):
    calls = drain(1000, latency_seconds, seed=1)

    assert len(calls) == 1000
    assert calls[-1] <= 1000 / PER_SECOND[Quota.CREATE] * 1.05
