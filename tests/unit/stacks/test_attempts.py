"""What was tried for a digest, and when it may be tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from provisioner.stacks.attempts import Attempts, Exhausted, TryLater, TryNow, backoff
from provisioner.stacks.model import Failure, JobStatus, StackRecord

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
DIGEST = "d" * 64
PASSING = Failure("Rate exceeded (Service: Lambda, Status Code: 429)", NOW, "Function", DIGEST)
SOON = NOW + timedelta(seconds=30)


def record(status, **more):
    return StackRecord("report", status=status, spec_digest=DIGEST, failure=PASSING, **more)


@pytest.mark.parametrize(
    ("status", "is_known"),
    [("RETRYING", True), ("FAILED", True), ("INVALID", False), ("UPDATING", False)],
)
def test_a_failure_is_remembered_while_the_job_retries_or_has_failed(status, is_known):
    attempts = Attempts.of(record(JobStatus(status), attempts=2), DIGEST)

    assert (attempts.failure == PASSING) is is_known
    assert attempts.count == 2


@pytest.mark.parametrize(
    ("at", "verdict"),
    [
        (SOON, TryLater(SOON, PASSING)),
        (NOW, TryNow()),
        (NOW + timedelta(days=2), TryNow()),
    ],
    ids=["it is not time yet", "it is time", "a wrong clock wrote the time"],
)
def test_an_attempt_waits_for_its_time(at, verdict):
    retrying = record(JobStatus.RETRYING, attempts=1, next_attempt_at=at)

    assert Attempts.of(retrying, DIGEST).verdict(PASSING, NOW) == verdict


@pytest.mark.parametrize("attempts", [0, 1, 4])
def test_a_job_that_has_failed_stays_so(attempts):
    failed = record(JobStatus.FAILED, attempts=attempts)

    assert Attempts.of(failed, DIGEST).verdict(PASSING, NOW) == Exhausted(PASSING)


def test_there_are_five_attempts():
    counts = range(6)

    verdicts = [Attempts(DIGEST, count).verdict(PASSING, NOW) for count in counts]

    assert [isinstance(verdict, TryLater) for verdict in verdicts] == [True] * 4 + [False] * 2


def drawn(attempts):
    return [
        backoff(Failure("Throttled", NOW, digest=f"{number:064x}"), attempts).total_seconds()
        for number in range(500)
    ]


def test_no_delay_is_shorter_than_a_second():
    assert min(drawn(0)) == 1


@pytest.mark.parametrize(
    ("attempts", "ceiling"), [(0, 30), (1, 60), (2, 120), (3, 240), (10, 900), (20, 900)]
)
def test_the_delay_is_drawn_from_below_a_ceiling_that_doubles(attempts, ceiling):
    delays = drawn(attempts)

    assert ceiling * 0.98 < max(delays) <= ceiling
    assert ceiling * 0.4 < sum(delays) / len(delays) < ceiling * 0.6
