"""What is said of a canary, whatever its deployments and runs are."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from provisioner.jobs import parse, spec_digest
from provisioner.runs.model import iso
from provisioner.service import canary_state
from provisioner.stacks.model import Cause, Deployment, JobStatus, StackRecord
from tests.support.rows import NOW, ROW

CANARY = ROW | {"deploy": {"canary": {"runs": 2}}}


def deployed(number, digest, cause=Cause.PUSH):
    at = NOW + timedelta(hours=number)
    return Deployment(number, at, cause, digest, spec_digest(parse(ROW)), "content")


FIRST, SECOND = deployed(1, "a", Cause.ROW), deployed(2, "b")
BACK = deployed(3, "a", Cause.ROLLBACK)


def record(*newest_first):
    digest = newest_first[0].digest
    return StackRecord(
        "report",
        status=JobStatus.READY,
        spec_digest=digest,
        deployed_digest=digest,
        deployments=newest_first,
    )


TWO = record(SECOND, FIRST)


def run(name, status, hour=2, **more):
    """Return a run by the deployment in whose hour it began."""
    at = iso(NOW + timedelta(hours=hour, minutes=len(name)))
    return {"trigger_id": f"{at}#{name}", "status": status, "ended_at": at, **more}


class Runs:
    def __init__(self, runs):
        self.runs = sorted(runs, key=lambda each: each["trigger_id"])

    def begun_since(self, _job_name, moment, count):
        return [each for each in self.runs if each["trigger_id"] > moment][:count]


GOOD, BAD, LATER = run("a", "SUCCEEDED"), run("bb", "FAILED"), run("ccc", "SUCCEEDED")
NO_ROOM = run("bb", "FAILED", error="InsufficientCapacity")
ROLLS_BACK = "the first that fails rolls the job back to deployment 1"
CASES = {
    "just deployed": (CANARY, TWO, (), f"0 of 2 runs succeeded; {ROLLS_BACK}"),
    "half way": (CANARY, TWO, (GOOD, NO_ROOM), f"1 of 2 runs succeeded; {ROLLS_BACK}"),
    "passed": (CANARY, TWO, (GOOD, LATER), "passed: 2 runs succeeded"),
    "failed": (
        CANARY, TWO, (GOOD, BAD), "failed: run bb failed; it is rolled back to deployment 1",
    ),
    "failed, and is not to be rolled back": (
        ROW | {"deploy": {"canary": {"runs": 2, "rollback_on_failure": False}}}, TWO, (BAD,),
        "failed: run bb failed; nothing is rolled back",
    ),
    "failed, and the row is paused": (
        CANARY | {"paused": True}, TWO, (BAD,), "failed: run bb failed; nothing is rolled back",
    ),
    "failed, and the row asks for something else": (
        CANARY | {"memory_mb": 512}, TWO, (BAD,), "failed: run bb failed; nothing is rolled back",
    ),
    "failed while an operation goes on": (
        CANARY, replace(TWO, status=JobStatus.UPDATING), (BAD,),
        "failed: run bb failed; nothing is rolled back",
    ),
    "nothing to go back to": (
        CANARY, record(FIRST), (), "0 of 2 runs succeeded; a failure rolls nothing back",
    ),
    "rolled back": (
        CANARY, record(BACK, SECOND, FIRST), (GOOD, BAD, run("d", "SUCCEEDED", 3)),
        "rolled back: run bb failed",
    ),
    "rolled back by a person": (CANARY, record(BACK, SECOND, FIRST), (GOOD,), None),
    "what failed later was another deployment": (
        CANARY, record(BACK, SECOND, FIRST), (GOOD, run("d", "FAILED", 3)), None,
    ),
    "upgraded": (CANARY, record(replace(BACK, cause=Cause.UPGRADE), FIRST), (BAD,), None),
    "no canary": (ROW, TWO, (BAD,), None),
    "an invalid row": (CANARY | {"memory_mb": 1}, TWO, (BAD,), None),
    "no row": (None, TWO, (BAD,), None),
    "never deployed": (CANARY, StackRecord("report"), (BAD,), None),
}  # fmt: skip


@pytest.mark.parametrize(("row", "stacks_row", "runs", "sentence"), CASES.values(), ids=CASES)
def test_it_says_where_it_stands_and_what_comes_next(row, stacks_row, runs, sentence):
    service = SimpleNamespace(triggers=Runs(runs), clock=lambda: NOW + timedelta(days=1))

    found = canary_state.of(service, row, stacks_row)

    assert (found and found.sentence) == sentence
