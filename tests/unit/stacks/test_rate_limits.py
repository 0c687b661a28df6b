"""The lines before CloudFormation's quotas: what goes when, whoever comes."""

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
    Admission,
    Hold,
    Line,
    Quota,
    back_off,
    enter,
    held,
    take,
)

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def newcomers(line, quota, count, now=NOW):
    places = []
    for _ in range(count):
        line, place = enter(line, quota, now, admitted=False)
        if place.go:
            line, place = take(line, quota, now)
        places.append(place)
    return line, places


@pytest.mark.parametrize("quota", Quota)
def test_an_idle_line_lets_the_first_go_and_gives_the_rest_their_times(quota):
    _, places = newcomers(Line(), quota, 40)

    assert places[0].go
    waiting = [place for place in places if not place.go]
    assert all(place.kept for place in waiting)
    times = [place.at for place in waiting]
    assert times == sorted(set(times))
    seconds = len(waiting) / PER_SECOND[quota]
    assert seconds * 0.95 <= (times[-1] - NOW) / SECOND <= seconds * 1.06 + 1


@given(
    quota=st.sampled_from(list(Quota)),
    pauses_ms=st.lists(st.integers(0, 2_000), min_size=1, max_size=100),
)
def test_never_more_than_the_quota_goes(quota, pauses_ms):
    line, now, gone = Line(), NOW, []
    for pause in pauses_ms:
        now += timedelta(milliseconds=pause)
        line, place = take(line, quota, now)
        if place.go:
            gone.append(now)
        else:
            assert place.at > now
    for index, start in enumerate(gone):
        for count, end in enumerate(gone[index:], start=1):
            allowed = (end - start) / SECOND * PER_SECOND[quota] + max(PER_SECOND[quota], 1)
            assert count <= allowed + 1e-6


def test_a_newcomer_goes_behind_all_who_hold_a_place():
    line, _ = newcomers(Line(), Quota.CREATE, 10)
    later = NOW + 2 * SECOND

    _, newcomer = enter(line, Quota.CREATE, later, admitted=False)
    _, admitted = enter(line, Quota.CREATE, later, admitted=True)

    assert not newcomer.go
    assert newcomer.kept
    assert admitted.go


def test_a_place_that_nobody_could_be_woken_for_is_not_given():
    line = Line(next_place_at=NOW + LONGEST_WAIT + SECOND)

    same, place = enter(line, Quota.CREATE, NOW, admitted=False)

    assert not place.go
    assert not place.kept
    assert same == line


def test_a_held_line_lets_nobody_through_and_says_why():
    line = held(Line(), Hold(NOW + 300 * SECOND, "the limit of stacks"))

    for place in (
        enter(line, Quota.CREATE, NOW, admitted=True)[1],
        take(line, Quota.CREATE, NOW)[1],
    ):
        assert (place.go, place.kept, place.reason) == (False, False, "the limit of stacks")
    assert take(line, Quota.CREATE, NOW + 301 * SECOND)[1].go


def test_a_throttled_call_closes_the_gate_for_a_second():
    line = back_off(Line(), NOW)

    assert not take(line, Quota.CREATE, NOW + 0.9 * SECOND)[1].go
    assert take(line, Quota.CREATE, NOW + 1.1 * SECOND)[1].go


@pytest.mark.parametrize(
    ("late_seconds", "ahead", "valid"),
    [
        (-10, True, False),
        (-0.1, False, True),
        (0, False, True),
        (59, False, True),
        (61, False, False),
    ],
)
def test_a_place_is_valid_for_a_minute(late_seconds, ahead, valid):
    admission = Admission(Quota.CREATE, NOW)
    now = NOW + late_seconds * SECOND

    assert (admission.is_ahead(now), admission.is_valid(now)) == (ahead, valid)


def drain(rows, latency_seconds, seed):
    """Return the times of the calls of a burst whose messages come late and in clumps, in seconds.

    Messages are delayed by whole seconds, as SQS does, and looks take some time before they call.
    """
    rng = random.Random(seed)
    line, calls = Line(), []
    events = [(number / 100, number, None, False) for number in range(rows)]
    heapq.heapify(events)
    while events:
        seconds, number, admission, looked = heapq.heappop(events)
        now = NOW + seconds * SECOND
        admitted = admission is not None and admission.is_valid(now)
        if looked:
            line, place = take(line, Quota.CREATE, now)
        else:
            line, place = enter(line, Quota.CREATE, now, admitted=admitted)
        if place.go and looked:
            calls.append(seconds)
        elif place.go:
            called = seconds + rng.uniform(0.03, 0.03 + latency_seconds)
            heapq.heappush(events, (called, number, admission, True))
        else:
            delay = max(1, math.ceil((place.at - now) / SECOND))
            woken = Admission(Quota.CREATE, now + delay * SECOND)
            arrival = seconds + delay + rng.uniform(0.01, latency_seconds)
            heapq.heappush(events, (arrival, number, woken, False))
    return calls


@pytest.mark.parametrize("latency_seconds", [0.05, 0.3, 1.0])
def test_a_burst_drains_at_the_quota(latency_seconds):
    calls = drain(1000, latency_seconds, seed=1)

    assert len(calls) == 1000
    assert calls[-1] <= 1000 / PER_SECOND[Quota.CREATE] * 1.05
