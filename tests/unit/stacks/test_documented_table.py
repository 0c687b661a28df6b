"""decide() is held to the table in docs/internals/architecture.md, read literally.

The table names every status itself, so a status that stands in a wrong set of the code shows here.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from provisioner.jobs import FieldError, InvalidRow, parse, spec_digest
from provisioner.stacks import actions
from provisioner.stacks.actions import ValidRow
from provisioner.stacks.model import (
    Drift,
    DriftStatus,
    Failure,
    JobStatus,
    StackRecord,
    StackState,
    UpgradeMark,
)
from provisioner.stacks.plan import decide
from provisioner.stacks.stack_status import IN_PROGRESS, NEVER_CREATED, SETTLED, StackStatus

PAGE = Path(__file__).parents[3] / "docs" / "internals" / "architecture.md"
HEADING = "## What decide knows"

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
JOB = parse(
    {
        "job_name": "report",
        "type": "lambda",
        "runtime": "python3.13",
        "handler": "app.handler",
        "bundle": "s3://bundles/report.zip",
    }
)
WANTED, OTHER = spec_digest(JOB), "0" * 64
TEMPLATES = "templates-b"
MARK = UpgradeMark("upgrade-1", TEMPLATES, 0, NOW)
STACK = StackState("arn:stack", StackStatus.CREATE_COMPLETE, ours=True)

# A column's name, what is wanted, and the digest that the stack carries.
COLUMNS = {
    "valid, same digest": (ValidRow(JOB, WANTED, TEMPLATES), WANTED),
    "valid, other digest": (ValidRow(JOB, WANTED, TEMPLATES), OTHER),
    "no row": (None, WANTED),
    "invalid": (InvalidRow("report", (FieldError("type", "is missing"),)), WANTED),
    "paused": (ValidRow(JOB.model_copy(update={"paused": True}), WANTED), OTHER),
}

NO_STACK = "no stack"
IMPOSSIBLE = "cannot be"
FOREIGN = "any, of a stack that is not ours"
DAMAGED = ", with resources deleted by hand"
ROLLED_BACK = ", after a failed update to the wanted digest"
CHOSEN = ", chosen by an upgrade"


def table():
    """Return the cells of the table by row and column, each a set of actions."""
    section = PAGE.read_text().split(HEADING)[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    header, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    assert header[1:] == [*COLUMNS]
    return {
        (row[0], column): {getattr(actions, name) for name in cell.split(" or ")}
        for row in rows
        for column, cell in zip(header[1:], row[1:], strict=True)
        if cell != IMPOSSIBLE
    }


TABLE = table()


def stacks(row, digest):
    """Return the stacks that a row of the table is about."""
    state = replace(STACK, digest=digest)
    if row == FOREIGN:
        statuses = set(StackStatus) - {StackStatus.DELETE_COMPLETE, StackStatus.REVIEW_IN_PROGRESS}
        return [replace(state, status=status, ours=False) for status in statuses]
    carried = digest
    if row.endswith(DAMAGED):
        state = replace(state, drift=Drift(DriftStatus.DRIFTED, NOW, ("Function",)))
    if row.endswith(ROLLED_BACK):
        carried = WANTED
    names = row.removesuffix(DAMAGED).removesuffix(ROLLED_BACK).removesuffix(CHOSEN).split(", ")
    return [
        replace(state, status=StackStatus(name), failure=failure)
        for name in names
        if name != NO_STACK
        for failure in failures(carried)
    ] + [None] * (NO_STACK in names)


def failures(digest):
    """Return why an operation that carried a digest may have failed; None is not at all."""
    return [
        None,
        Failure("Properties validation failed", NOW, "Function", digest, ("Function",)),
        Failure("Rate exceeded", NOW, "Function", digest, ("Function",)),
    ]


def records():
    """Return what a Stacks row may remember of the attempts of a digest."""
    due = {JobStatus.RETRYING: (NOW, NOW + timedelta(minutes=1))}
    for status in (JobStatus.READY, JobStatus.UPDATING, JobStatus.RETRYING, JobStatus.FAILED):
        for at, digest, attempts, recoveries in itertools.product(
            due.get(status, (None,)), (WANTED, OTHER), (0, 4), range(6)
        ):
            yield StackRecord(
                "report",
                status=status,
                spec_digest=digest,
                attempts=attempts,
                recoveries=recoveries,
                next_attempt_at=at,
                version=3,
            )


@pytest.mark.parametrize(("row", "column"), TABLE, ids=": ".join)
def test_what_may_be_decided_is_what_the_page_says(row, column):
    desired, digest = COLUMNS[column]
    by_status = {}
    for observed, known in itertools.product(stacks(row, digest), records()):
        record = replace(known, upgrade=MARK) if row.endswith(CHOSEN) else known
        decided = by_status.setdefault(observed and observed.status, set())
        decided.add(type(decide(desired, record, observed, NOW)))

    assert by_status == dict.fromkeys(by_status, TABLE[row, column])


def test_every_status_is_in_the_table_once():
    named = [
        name
        for row in dict.fromkeys(row for row, _ in TABLE)
        if row != FOREIGN and not row.endswith((DAMAGED, ROLLED_BACK, CHOSEN))
        for name in row.split(", ")
    ]

    assert sorted(named) == sorted([NO_STACK, *StackStatus])


def test_the_sets_of_statuses_are_rows_of_the_table():
    rows = {frozenset(row.split(", ")) for row, _ in TABLE}

    assert SETTLED in rows
    assert IN_PROGRESS in rows
    # The shell of a change set has a row of its own, because it is ours whatever its tags say.
    assert NEVER_CREATED - {StackStatus.REVIEW_IN_PROGRESS} in rows
    assert StackStatus.REVIEW_IN_PROGRESS in NEVER_CREATED
