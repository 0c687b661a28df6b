"""decide() is held to the tables in docs/internals/architecture.md, read literally.

They name every status themselves, so a status that stands in a wrong set of the code shows here.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from provisioner.jobs import FieldError, InvalidRow, parse, spec_digest
from provisioner.stacks import actions
from provisioner.stacks.actions import GiveUp, ValidRow, Wait
from provisioner.stacks.model import (
    Deletion,
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

VALID = ValidRow(JOB, WANTED, TEMPLATES)
PAUSED = ValidRow(JOB.model_copy(update={"paused": True}), WANTED)
INVALID = InvalidRow("report", (FieldError("type", "is missing"),))

# Changes of the record and of the stack, of which none may matter in a column.
OF_AN_EARLIER_STACK = {"retain": True, "stack_id": "arn:earlier"}
OF_THIS_STACK = {"stack_id": STACK.stack_id}
NOT_CHOSEN = [
    {"upgrade": None},
    {"upgrade": replace(MARK, ended_at=NOW)},
    {"upgrade": replace(MARK, to="templates-c")},
]
ANYTHING = [
    ({}, {}),
    ({"retain": True, "deletion": Deletion.HELD}, {"retain": True}),
]
GONE = [
    ({}, {}),
    ({"deletion": Deletion.CONFIRMED} | OF_AN_EARLIER_STACK, {}),
    (OF_THIS_STACK, {"retain": True}),
]
HELD = [({"deletion": Deletion.HELD} | record, stack) for record, stack in GONE[:1] + GONE[2:]]
RETAINED = [
    ({"retain": True}, {}),
    ({"retain": True, "deletion": Deletion.HELD} | OF_THIS_STACK, {}),
    ({}, {"retain": True}),
    ({"deletion": Deletion.CONFIRMED, "stack_id": "arn:earlier"}, {"retain": True}),
]

# A column's name, what is wanted, the digest that the stack carries, and what else is known.
COLUMNS = {
    "valid, same digest": (VALID, WANTED, ANYTHING),
    "valid, other digest": (VALID, OTHER, ANYTHING),
    "no row": (None, WANTED, GONE),
    "no row, deletion held": (None, WANTED, HELD),
    "no row, stack retained": (None, WANTED, RETAINED),
    "invalid": (INVALID, WANTED, ANYTHING),
    "paused": (PAUSED, OTHER, ANYTHING),
}

NO_STACK = "no stack"
NOT_OURS = "not ours"
DAMAGED = ", resources deleted by hand"
CHOSEN = ", chosen by an upgrade"
UNLESS_FAILED = " unless failed"


def tables():
    """Return the rows of both tables of the page: what is decided, and the groups of statuses."""
    section = PAGE.read_text().split(HEADING)[1].split("\n## ")[0]
    blocks = re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE)
    decided, groups = (
        [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()]
        for block in blocks
    )
    header, _, *rows = decided
    assert header[1:] == [*COLUMNS]
    cells = {
        (row[0], column): cell
        for row in rows
        for column, cell in zip(header[1:], row[1:], strict=True)
    }
    return cells, {name: statuses.split(", ") for name, statuses in groups[2:]}


CELLS, GROUPS = tables()


def stacks(row, digest):
    """Return the stacks that a row of the table is about, in each status and after each failure."""
    state = replace(STACK, digest=digest)
    if row.endswith(DAMAGED):
        state = replace(state, drift=Drift(DriftStatus.DRIFTED, NOW, ("Function",)))
    if row == NOT_OURS:
        state = replace(state, ours=False)
        names = set(StackStatus) - {*GROUPS["none"], *GROUPS["empty shell"]}
    else:
        names = GROUPS[row.removesuffix(DAMAGED).removesuffix(CHOSEN)]
    # The last operation failed that carried the digest of the stack, or the one before.
    return [
        replace(state, status=StackStatus(name), failure=failure)
        for name in names
        if name != NO_STACK
        for failure in dict.fromkeys((None, *failures(digest), *failures(WANTED)))
    ] + [None] * (NO_STACK in names)


def failures(*digests):
    """Return why operations that carried these digests may have failed."""
    return [
        Failure(reason, NOW, "Function", digest, ("Function",))
        for reason in ("Properties validation failed", "Rate exceeded")
        for digest in digests
    ]


def records():
    """Return what a Stacks row may remember of the attempts of a digest."""
    due = {JobStatus.RETRYING: (NOW, NOW + timedelta(minutes=1))}
    for status in (JobStatus.READY, JobStatus.UPDATING, JobStatus.RETRYING, JobStatus.FAILED):
        for at, digest, attempts, recoveries, failure in itertools.product(
            due.get(status, (None,)),
            (WANTED, OTHER),
            (0, 4),
            range(6),
            (None, *failures(WANTED, OTHER)),
        ):
            yield StackRecord(
                "report",
                status=status,
                spec_digest=digest,
                failure=failure,
                attempts=attempts,
                recoveries=recoveries,
                next_attempt_at=at,
                version=3,
            )


RECORDS = tuple(records())


def knowledge(row, column):
    """Return all that decide may look at in a cell: pairs of a record and a stack.

    What may not matter changes from record to record.
    """
    _, digest, variants = COLUMNS[column]
    marks = [{"upgrade": MARK}] if row.endswith(CHOSEN) else NOT_CHOSEN
    there = [
        (changes, [each and replace(each, **of_stack) for each in stacks(row, digest)])
        for changes, of_stack in variants
    ]
    also = itertools.cycle(itertools.product(there, marks))
    for record, ((changes, observed), mark) in zip(RECORDS, also, strict=False):
        known = replace(record, **changes, **mark)
        yield from ((known, each) for each in observed)


def has_failed(record, observed):
    """Tell whether a failure of the wanted digest is known."""
    failed = (record.failure, observed and observed.failure)
    return any(failure is not None and failure.digest == WANTED for failure in failed)


@pytest.mark.parametrize(("row", "column"), CELLS, ids=map(": ".join, CELLS))
def test_what_may_be_decided_is_what_the_page_says(row, column):
    desired, cell = COLUMNS[column][0], CELLS[row, column]
    unless_failed = cell.endswith(UNLESS_FAILED)
    decided = {}
    for record, observed in knowledge(row, column):
        failed = unless_failed and has_failed(record, observed)
        of_status = decided.setdefault((observed and observed.status, failed), set())
        of_status.add(type(decide(desired, record, observed, NOW)))

    named = {getattr(actions, name) for name in cell.removesuffix(UNLESS_FAILED).split(" or ")}
    assert decided == {
        (status, failed): named | {Wait, GiveUp} if failed else named for status, failed in decided
    }


def test_every_status_is_in_one_group_and_every_group_in_the_table():
    named = [name for group, names in GROUPS.items() if group != NOT_OURS for name in names]

    assert sorted(named) == sorted([NO_STACK, *StackStatus])
    assert {row for row, _ in CELLS} - {f"settled{DAMAGED}", f"settled{CHOSEN}"} == {*GROUPS}


def test_the_sets_of_statuses_are_groups_of_the_page():
    assert {*GROUPS["settled"]} == SETTLED
    assert {*GROUPS["in progress"]} == IN_PROGRESS
    # The shell of a change set is ours whatever its tags say.
    assert {*GROUPS["never created"], *GROUPS["empty shell"]} == NEVER_CREATED
