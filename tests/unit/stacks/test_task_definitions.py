from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.runs.model import FoundRun
from provisioner.stacks.model import Condition, JobStatus, StackRecord
from provisioner.stacks.task_definitions import SETTLES_AFTER, not_needed, revision_of

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
LONG = timedelta(days=30)


def arn(number, family="jobs-report"):
    return f"arn:aws:ecs:eu-west-1:123456789012:task-definition/{family}:{number}"


def batch_arn(number):
    return f"arn:aws:batch:eu-west-1:123456789012:job-definition/jobs-report:{number}"


def active(*numbers):
    found = (revision_of(arn(number), "jobs") for number in numbers)
    return [revision for revision in found if revision]


def record(number, ready_at=NOW - LONG, **changes):
    ready = Condition("Ready", "True", "Ready", "", ready_at)
    made = StackRecord(
        "report",
        status=JobStatus.READY,
        outputs={"TaskDefinitionArn": arn(number)},
        conditions=(ready,),
        updated_at=ready_at,
    )
    return replace(made, **changes)


def run(started_at):
    return FoundRun("report", "2026-11-20T09:00:00.000Z#x", "arn", started_at)


def gone(revisions, found, *runs, now=NOW):
    records = {} if found is None else {found.job_name: found}
    return [r.number for r in not_needed(revisions, records, runs, now, "jobs")]


OLD = run(NOW - 2 * LONG)
CASES = {
    "older than what is deployed": (record(3), (), [1, 2]),
    "nothing is older": (record(1), (), []),
    "a run from before the deployment": (record(3), (OLD,), []),
    "a run from just after it": (record(3), (run(NOW - LONG + timedelta(minutes=1)),), []),
    "a run from long after it": (record(3), (run(NOW - timedelta(days=1)),), [1, 2]),
    "the oldest run counts": (record(3), (run(NOW), OLD, run(NOW)), []),
    "a run of which nobody knows since when": (record(3), (run(None),), []),
    "a run of another job": (record(3), (replace(OLD, job_name="other"),), [1, 2]),
    "deployed just now": (record(3, NOW - timedelta(minutes=9)), (), []),
    "being updated": (record(3, status=JobStatus.UPDATING), (), []),
    "failed": (record(3, status=JobStatus.FAILED), (), []),
    "outputs are not known": (record(3, outputs={"RoleArn": "x"}), (), []),
    "a function now": (record(3, outputs={"LambdaArn": "x"}), (), [1, 2, 3, 4]),
    "a machine now": (record(3, outputs={"LaunchTemplateId": "x"}), (), [1, 2, 3, 4]),
    "in Batch now": (record(3, outputs={"BatchJobDefinitionArn": "x"}), (), [1, 2, 3, 4]),
    "a function now, and a run goes on": (record(3, outputs={"LambdaArn": "x"}), (OLD,), []),
    "a function just now": (record(3, NOW, outputs={"LambdaArn": "x"}), (), []),
    "becoming a function": (
        record(3, status=JobStatus.UPDATING, outputs={"LambdaArn": "x"}),
        (),
        [],
    ),
    "deployed is what is none": (record(3, outputs={"TaskDefinitionArn": "x"}), (), []),
    "deployed is a number": (record(3, outputs={"TaskDefinitionArn": 7}), (), []),
    "without conditions": (record(3, conditions=()), (), []),
    "deleted": (record(3, status=JobStatus.DELETED, outputs={}), (), [1, 2, 3, 4]),
    "deleted just now": (record(3, NOW, status=JobStatus.DELETED), (), []),
    "deleted, and a run goes on": (record(3, status=JobStatus.DELETED), (OLD,), []),
    "no job of ours": (None, (), []),
}


@pytest.mark.parametrize(("found", "runs", "expected"), CASES.values(), ids=CASES)
def test_what_is_not_needed(found, runs, expected):
    assert gone(active(1, 2, 3, 4), found, *runs) == expected


@pytest.mark.parametrize(
    "text", ["", "x", arn(1, "other-report"), arn(1, "jobs-Nested"), arn(1) + ":2", arn("x")]
)
def test_what_is_not_a_revision_of_a_job(text):
    assert revision_of(text, "jobs") is None


minutes = st.integers(0, 10_000)


@given(
    deployments=st.lists(st.tuples(minutes, st.integers(0, 60)), min_size=1, max_size=6),
    runs=st.lists(st.tuples(minutes, minutes, st.booleans()), max_size=6),
    at=minutes,
)
def test_no_run_ever_loses_its_revision(deployments, runs, at):
    """A deployment takes its minutes, within which runs may start by either definition."""
    starts = sorted({start for start, _ in deployments})
    ends = [
        min([start + deployments[0][1], *starts[n + 1 : n + 2]]) for n, start in enumerate(starts)
    ]

    def used(start, *, late):
        known = [n for n in range(len(starts)) if (starts[n] if late else ends[n]) <= start]
        return known[-1] if known else None

    deployed = used(at, late=False)
    if deployed is None or used(at, late=True) != deployed:
        return
    going = [(start, used(start, late=late)) for start, end, late in runs if start <= at < end]
    found = record(deployed + 1, NOW + timedelta(minutes=ends[deployed]))

    lost = gone(
        active(*range(1, deployed + 2)),
        found,
        *(run(NOW + timedelta(minutes=start)) for start, _ in going),
        now=NOW + timedelta(minutes=at),
    )

    assert not {number - 1 for number in lost} & {revision for _, revision in going}
    assert deployed + 1 not in lost
    if not going and timedelta(minutes=at - ends[deployed]) > SETTLES_AFTER:
        assert lost == list(range(1, deployed + 1))


def test_job_definitions_of_batch_are_held_to_what_is_deployed_there():
    found = [revision_of(batch_arn(number), "jobs") for number in (1, 2, 3)]
    deployed = record(7, outputs={"BatchJobDefinitionArn": batch_arn(3)})

    assert gone(found, deployed) == [1, 2]
    assert gone(found, deployed, OLD) == []
    assert gone(active(1, 2), deployed) == [1, 2]  # the job ran on ECS before
    assert gone(active(1, 2), deployed, OLD) == []
