"""`timeout_seconds` is the whole run's: its attempts, the intervals between them, its items."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import templates
from tests.functional.step_functions import StepFunctions, TaskError
from tests.golden.update import workflow
from tests.support.generated_rows import job_of
from tests.support.platforms import PLATFORM

LAMBDA = {
    "job_name": "nightly",
    "type": "lambda",
    "runtime": "python3.14",
    "handler": "app.handler",
    "bundle": "s3://bundles/app.zip",
}
REFUSED = TaskError("Lambda.TooManyRequestsException")
BROKEN = TaskError("ValueError", json.dumps({"errorMessage": "no good"}))
ROUNDING = timedelta(seconds=2)
"""Timeouts are whole seconds; a state takes some milliseconds."""


@dataclass
class Attempt:
    start: float
    cut: bool = True


@dataclass
class Unrecorded(StepFunctions):
    """A run whose table and bucket take all: what was written is kept here."""

    outcome: dict[str, Any] = field(default_factory=dict)
    stored: dict[str, Any] = field(default_factory=dict)

    def _call(self, resource, arguments):
        if "dynamodb" in resource:
            update = arguments["TransactItems"][0].get("Update", {})
            values = update.get("ExpressionAttributeValues", {})
            if ":status" in values:
                self.outcome = {name: next(iter(value.values())) for name, value in values.items()}
            return {}
        if resource.endswith(":putObject"):
            self.stored[arguments["Key"]] = arguments["Body"]
            return {}
        if resource.endswith(":getObject"):
            raise TaskError("S3.NoSuchKeyException")
        return super()._call(resource, arguments)


@cache
def definition(row):
    template = json.loads(templates.to_json(templates.build(job_of(json.loads(row)), PLATFORM)))
    return workflow(template)


class Run:
    """A run of a function whose attempts take and end as the test says, the last one again."""

    def __init__(self, ends, **row):
        self.ends = list(ends)
        self.attempts = []
        self.steps = Unrecorded(definition(json.dumps(LAMBDA | row)), self.work)
        self.start = self.steps.now

    def work(self, _arguments):
        seconds, end = self.ends.pop(0) if len(self.ends) > 1 else self.ends[0]
        self.attempts.append(Attempt(self.elapsed))
        self.steps.now += timedelta(seconds=seconds)
        if isinstance(end, TaskError):
            raise end
        return end

    @property
    def elapsed(self):
        return (self.steps.now - self.start).total_seconds()

    def go(self, given=None):
        self.execution = self.steps.run("first", given or {})
        return self

    @property
    def status(self):
        return self.steps.outcome[":status"]


SECONDS = st.sampled_from([0, 1, 5, 29, 31, 60, 200, 800])
ENDS = st.lists(st.tuples(SECONDS, st.sampled_from([1, BROKEN, BROKEN, REFUSED])), min_size=1)
RULES = st.sampled_from(
    [
        [],
        [{"errors": ["ValueError"], "action": "retry"}],
        [{"errors": ["States.Timeout"], "action": "ignore"}],
        [{"errors": ["*"], "action": "fail"}],
    ]
)


@given(
    ends=ENDS,
    timeout=st.sampled_from([1, 30, 60, 600]),
    limit=st.sampled_from([1, 20, 600]),
    retries=st.sampled_from([0, 1, 3, 10]),
    interval=st.sampled_from([1, 20, 86_400]),
    backoff=st.sampled_from([1, 2.5, 10]),
    rules=RULES,
)
@example(
    ends=[(0, REFUSED)], timeout=30, limit=1, retries=0, interval=1, backoff=1, rules=[]
)  # what was refused waited beyond the run's time
@settings(max_examples=60, deadline=None)
def test_no_run_takes_longer_and_none_that_does_succeeds(
    ends, timeout, limit, retries, interval, backoff, rules
):
    run = Run(
        ends,
        timeout_seconds=timeout,
        attempt_timeout_seconds=min(limit, timeout),
        retries=retries,
        retry_interval_seconds=interval,
        retry_backoff=backoff,
        failure_rules=rules,
    ).go()

    assert timedelta(seconds=run.elapsed) <= timedelta(seconds=timeout) + ROUNDING
    assert all(attempt.start < timeout for attempt in run.attempts)
    assert run.execution.status == ("SUCCEEDED" if run.status == "SUCCEEDED" else "FAILED")
    assert int(run.steps.outcome[":attempts"]) >= len(run.attempts)
    if run.elapsed >= timeout + 1:
        assert run.status == "TIMED_OUT"


CASES = {
    "in time": ([(50, 1)], {}, "SUCCEEDED", 51),
    "cut off": ([(200, 1)], {}, "TIMED_OUT", 61),
    "the second attempt gets what is left": (
        [(40, BROKEN), (40, 1)], {"retries": 3, "retry_interval_seconds": 5}, "TIMED_OUT", 61),
    "no attempt that would begin too late": (
        [(1, BROKEN)], {"retries": 3, "retry_interval_seconds": 59}, "TIMED_OUT", 2),
    "intervals count": (
        [(0, BROKEN)], {"retries": 9, "retry_interval_seconds": 10, "retry_backoff": 1},
        "TIMED_OUT", 61),
    "what was refused counts": ([(15, REFUSED)], {}, "TIMED_OUT", 61),
    "no more attempts, in time": ([(10, BROKEN)], {"retries": 1}, "FAILED", 31),
    "a rule ignores no end of the whole run": (
        [(200, 1)], {"failure_rules": [{"errors": ["*"], "action": "ignore"}]}, "TIMED_OUT", 61),
}  # fmt: skip


@pytest.mark.parametrize(("ends", "row", "status", "most"), CASES.values(), ids=CASES)
def test_a_run_of_a_minute(ends, row, status, most):
    run = Run(ends, timeout_seconds=60, **row).go()

    assert run.status == status
    assert run.elapsed <= most


def test_the_last_attempt_s_end_is_reported():
    run = Run([(1, BROKEN)], timeout_seconds=60, retries=1, retry_interval_seconds=60).go()

    assert run.steps.outcome[":error"] == "States.Timeout"
    assert run.steps.outcome[":cause"] == (
        "The run's 60 seconds leave no time for another attempt. Last attempt: ValueError: no good"
    )
    assert run.steps.outcome[":attempts"] == "1"


@pytest.mark.parametrize(
    ("refusals", "status", "attempts"), [(6, "SUCCEEDED", "7"), (7, "FAILED", "7")], ids=str
)
def test_what_was_refused_is_tried_six_times_again(refusals, status, attempts):
    run = Run([(0, REFUSED)] * refusals + [(0, 1)]).go()

    assert (run.status, run.steps.outcome[":attempts"]) == (status, attempts)
    assert run.elapsed < 6 * 31


def test_no_refusal_is_waited_out_beyond_the_run_s_time():
    run = Run([(0, REFUSED)], timeout_seconds=30).go()

    assert (run.status, run.steps.outcome[":attempts"]) == ("TIMED_OUT", "5")
    assert run.elapsed < 30
    assert run.steps.outcome[":cause"] == (
        "The run's 30 seconds leave no time for another attempt. "
        "Last attempt: Lambda.TooManyRequestsException"
    )


def test_a_refusal_takes_no_retry_away():
    run = Run([(0, REFUSED), (0, BROKEN), (0, REFUSED), (0, 1)], retries=1).go()

    assert run.status == "SUCCEEDED"


class TestAFanOut:
    def run(self, seconds, **row):
        fan_out = {"tolerated_failure_percent": 100}
        run = Run([(seconds, 1)], timeout_seconds=60, fan_out=fan_out, **row)
        return run.go({"items": [*range(10)]})

    def test_starts_no_item_after_its_time(self):
        run = self.run(25)

        assert [round(attempt.start) for attempt in run.attempts] == [0, 25, 50]
        assert run.elapsed < 62
        assert run.status == "TIMED_OUT"
        cause = json.loads(run.steps.outcome[":cause"])
        assert (cause["succeeded"], cause["failed_items"]) == (2, "2-9")
        ends = {body["index"]: body["status"] for body in run.steps.stored.values()}
        assert ends == dict.fromkeys(range(2), "SUCCEEDED") | dict.fromkeys(
            range(2, 10), "TIMED_OUT"
        )

    def test_whose_items_all_ended_well_is_a_success(self):
        run = self.run(5)

        assert run.status == "SUCCEEDED"
        assert len(run.attempts) == 10
