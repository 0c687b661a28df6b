"""A build of a job's code, step by step: what is done for it, and what is known of it then."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from provisioner.stacks.builds import (
    LOOK_AGAIN,
    Ask,
    BuildReport,
    Rest,
    Start,
    failure_of,
    forget_failure,
    is_overtaken,
    next_step,
    reported,
)
from provisioner.stacks.model import BuildAttempt, BuildStatus, StackRecord

NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)
EARLIER, LATER = NOW - timedelta(minutes=5), NOW + timedelta(seconds=1)
RUNNING = BuildAttempt("a", BuildStatus.RUNNING, "jobs:1", started_at=EARLIER, log_url="old")
WAITING = BuildAttempt("a", BuildStatus.WAITING, retry_at=LATER)
FAILED = BuildAttempt("a", BuildStatus.FAILED, "jobs:1", "no", ended_at=EARLIER)
SUCCEEDED = BuildAttempt("a", BuildStatus.SUCCEEDED, "jobs:1")


@pytest.mark.parametrize(
    ("known", "step"),
    [
        (None, Start()),
        (replace(FAILED, digest="b"), Start()),
        (SUCCEEDED, Start()),
        (FAILED, Rest()),
        (RUNNING, Ask("jobs:1")),
        (replace(RUNNING, id=None), Start()),
        (WAITING, Rest()),
        (replace(WAITING, id="jobs:0"), Rest()),
        (replace(WAITING, retry_at=NOW), Start()),
        (replace(WAITING, retry_at=None), Start()),
    ],
    ids=[
        "the first",
        "of another digest",
        "its result is gone",
        "failed",
        "runs",
        "has no id",
        "waits",
        "waits after another one",
        "has waited",
        "waits for no time",
    ],
)
def test_what_is_done_for_a_digest_without_a_result(known, step):
    assert next_step(known, "a", NOW) == step


LOOKS = replace(RUNNING, ended_at=EARLIER, retry_at=NOW + LOOK_AGAIN)


@pytest.mark.parametrize(
    ("known", "report", "status", "reason", "ended_at"),
    [
        (RUNNING, BuildReport(BuildStatus.RUNNING), "RUNNING", None, None),
        (RUNNING, BuildReport(BuildStatus.FAILED, None, LATER, "no"), "FAILED", "no", LATER),
        (RUNNING, BuildReport(BuildStatus.FAILED), "FAILED", "CodeBuild gives no reason", NOW),
        (RUNNING, BuildReport(BuildStatus.SUCCEEDED, None, EARLIER), "RUNNING", None, EARLIER),
        (RUNNING, BuildReport(BuildStatus.SUCCEEDED), "RUNNING", None, NOW),
        (LOOKS, BuildReport(BuildStatus.SUCCEEDED), "RUNNING", None, EARLIER),
    ],
    ids=["runs", "failed", "no reason", "succeeded", "just now", "looked for again"],
)
def test_what_codebuild_says(known, report, status, reason, ended_at):
    found = reported(known, report, NOW)

    assert (found.status, found.reason, found.ended_at) == (status, reason, ended_at)


def test_the_result_is_looked_for_once_more():
    looks = reported(RUNNING, BuildReport(BuildStatus.SUCCEEDED), NOW)

    assert looks.retry_at == NOW + LOOK_AGAIN
    assert reported(looks, BuildReport(BuildStatus.SUCCEEDED), NOW + LOOK_AGAIN).reason == (
        "The build succeeded, but has left no result"
    )


def test_what_a_report_does_not_say_stays_known():
    silent = reported(RUNNING, BuildReport(BuildStatus.RUNNING), NOW)
    other = reported(RUNNING, BuildReport(BuildStatus.RUNNING, NOW, log_url="new"), NOW)

    assert (silent.log_url, silent.started_at) == ("old", EARLIER)
    assert (other.log_url, other.started_at) == ("new", NOW)


@pytest.mark.parametrize(
    ("known", "digest", "overtaken"),
    [
        (RUNNING, "b", True),
        (RUNNING, None, True),
        (RUNNING, "a", False),
        (replace(RUNNING, id=None), "b", False),
        (FAILED, "b", False),
        (None, "b", False),
    ],
    ids=["another", "none wanted", "the same", "not started", "ended", "no build"],
)
def test_a_build_is_overtaken(known, digest, overtaken):
    assert is_overtaken(known, digest) is overtaken


@pytest.mark.parametrize(
    ("known", "left", "former"),
    [
        (None, None, ()),
        (RUNNING, RUNNING, ()),
        (SUCCEEDED, SUCCEEDED, ()),
        (FAILED, None, (FAILED,)),
        (WAITING, None, ()),
    ],
    ids=["no build", "runs", "succeeded", "failed", "was never started"],
)
def test_a_person_asks_for_another_attempt(known, left, former):
    record = forget_failure(StackRecord("report", build=known))

    assert (record.build, record.former_builds) == (left, former)


@pytest.mark.parametrize(
    ("known", "reason"),
    [(FAILED, "Its build failed: no"), (replace(FAILED, ended_at=None), None), (RUNNING, None)],
    ids=["failed", "has not ended", "runs"],
)
def test_a_job_fails_with_its_build(known, reason):
    found = failure_of(known)

    assert (found and found.reason) == reason
