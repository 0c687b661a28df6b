"""What the daily comparison finds, and what it does not believe."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import given

from provisioner.stacks.daily_check import (
    DETECTIONS_A_DAY,
    Finding,
    compare,
    due_for_drift,
    withhold_mass_deletions,
)
from provisioner.stacks.model import Deletion, JobStatus, StackRecord, StackSummary
from provisioner.stacks.rate_limits import PER_SECOND, Quota
from provisioner.stacks.stack_status import StackStatus

ROW, OTHER_ROW = "row-digest", "other-row-digest"
READY = StackRecord(
    "report",
    status=JobStatus.READY,
    stack_id="arn:stack",
    row_digest=ROW,
    spec_digest="spec",
    deployed_digest="spec",
    version=3,
)
STACK = StackSummary("report", "arn:stack", StackStatus.CREATE_COMPLETE, "spec")


HELD = replace(READY, status=JobStatus.PENDING, deletion=Deletion.HELD)


def with_status(status):
    return replace(READY, status=JobStatus(status))


CASES = {
    "well": (ROW, READY, STACK, None),
    "updated": (ROW, READY, replace(STACK, status=StackStatus.UPDATE_COMPLETE), None),
    "new row unseen": (ROW, None, None, Finding.ROW_CHANGED),
    "edit unseen": (OTHER_ROW, READY, STACK, Finding.ROW_CHANGED),
    "row returned unseen": (
        ROW,
        replace(READY, status=JobStatus.DELETED, row_digest=None),
        None,
        Finding.ROW_CHANGED,
    ),
    "deletion held": (None, HELD, STACK, None),
    "deletion held, stack gone": (None, HELD, None, None),
    "row back while the deletion is held": (ROW, HELD, STACK, Finding.ROW_CHANGED),
    "deletion confirmed": (
        None,
        replace(HELD, deletion=Deletion.CONFIRMED),
        STACK,
        None,  # the sweep's
    ),
    "removal unseen": (None, READY, STACK, Finding.ROW_DELETED),
    "removal of an invalid row unseen": (None, with_status("INVALID"), None, Finding.ROW_DELETED),
    "stack deleted by hand": (ROW, READY, None, Finding.STACK_DELETED),
    "stack updated by hand": (ROW, READY, replace(STACK, digest="x"), Finding.STACK_CHANGED),
    "stack broken by hand": (
        ROW,
        READY,
        replace(STACK, status=StackStatus.UPDATE_ROLLBACK_FAILED),
        Finding.STACK_CHANGED,
    ),
    "stack is being changed": (
        ROW,
        READY,
        replace(STACK, status=StackStatus.UPDATE_IN_PROGRESS, digest="x"),
        None,
    ),
    "invalid": (ROW, with_status("INVALID"), STACK, Finding.UNSETTLED),
    "failed": (ROW, with_status("FAILED"), None, Finding.UNSETTLED),
    "paused": (ROW, with_status("PAUSED"), replace(STACK, digest="x"), None),
    "creating": (ROW, with_status("CREATING"), STACK, None),
    "pending": (OTHER_ROW, with_status("PENDING"), None, None),
    "deleting": (None, with_status("DELETING"), STACK, None),
    "deleted": (None, with_status("DELETED"), None, None),
    "deleted, but there": (None, with_status("DELETED"), STACK, Finding.NO_ROW),
    "no row, no record": (None, None, STACK, Finding.NO_ROW),
    "retained": (None, with_status("RETAINED"), STACK, None),
    "retained, but gone": (None, with_status("RETAINED"), None, Finding.STACK_DELETED),
    "deletion given up": (None, with_status("FAILED"), STACK, Finding.UNSETTLED),
}


@pytest.mark.parametrize(("row", "record", "stack", "finding"), CASES.values(), ids=CASES)
def test_findings(row, record, stack, finding):
    found = compare(
        {"report": row} if row else {},
        {"report": record} if record else {},
        {"report": stack} if stack else {},
    )

    assert found == ({"report": finding} if finding else {})


NAMES = st.lists(st.integers(0, 999).map("job-{}".format), unique=True, max_size=60)
FLAWS = (Finding.ROW_CHANGED, Finding.STACK_DELETED, Finding.ROW_DELETED, Finding.STACK_CHANGED)


def plant(flaw, rows, records, stacks, name):
    match flaw:
        case Finding.ROW_CHANGED:
            del records[name]
        case Finding.STACK_DELETED:
            del stacks[name]
        case Finding.ROW_DELETED:
            del rows[name]
        case Finding.STACK_CHANGED:
            stacks[name] = replace(STACK, digest="x")


@given(names=NAMES, data=st.data())
def test_every_flaw_is_found_and_nothing_else(names, data):
    rows = dict.fromkeys(names, ROW)
    records = dict.fromkeys(names, READY)
    stacks = dict.fromkeys(names, STACK)
    planted = {}
    for name in data.draw(st.sets(st.sampled_from(names))) if names else ():
        planted[name] = data.draw(st.sampled_from(FLAWS))
        plant(planted[name], rows, records, stacks, name)

    assert compare(rows, records, stacks) == planted


@pytest.mark.parametrize(
    ("vanished", "stacks", "believed"),
    [(1, 1, True), (10, 10, True), (11, 50, False), (11, 200, True), (21, 200, False)],
)
def test_a_table_that_was_emptied_takes_no_stack_along(vanished, stacks, believed):
    found = {f"job-{number}": Finding.ROW_DELETED for number in range(vanished)}
    found |= {"healed": Finding.UNSETTLED}

    kept = withhold_mass_deletions(found, stacks)

    assert "healed" in kept
    assert len(kept) == (vanished + 1 if believed else 1)


def test_drift_is_detected_on_ready_jobs_and_longest_ago_first():
    checked = datetime(2026, 11, 20, tzinfo=UTC)
    names = ("lately", "long-ago", "never", "changed", "busy", "paused", "unknown")
    records = {name: replace(READY, job_name=name) for name in names}
    records["paused"] = replace(READY, job_name="paused", status=JobStatus.PAUSED)
    del records["unknown"]
    stacks = {name: replace(STACK, job_name=name) for name in names}
    stacks["lately"] = replace(stacks["lately"], drift_checked_at=checked + timedelta(days=1))
    stacks["long-ago"] = replace(stacks["long-ago"], drift_checked_at=checked)
    stacks["busy"] = replace(stacks["busy"], status=StackStatus.UPDATE_IN_PROGRESS)
    found = {"changed": Finding.ROW_CHANGED}

    assert due_for_drift(found, records, stacks) == ["never", "long-ago", "lately"]


def test_a_day_has_no_more_drift_detections_than_are_over_when_the_next_one_comes():
    names = [f"job-{number}" for number in range(DETECTIONS_A_DAY + 1)]
    records = dict.fromkeys(names, READY)
    stacks = {name: replace(STACK, job_name=name) for name in names}

    due = due_for_drift({}, records, stacks)

    assert len(due) == DETECTIONS_A_DAY
    assert len(due) / PER_SECOND[Quota.DETECT_DRIFT] < timedelta(days=1).total_seconds()
