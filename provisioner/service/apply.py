"""Rows into the Jobs table: first what would be done, then each step of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from provisioner.errors import ConflictError
from provisioner.service.audit import Rows, recorded
from provisioner.service.following import Expected, expect
from provisioner.service.rights import Action

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from provisioner.aws.items import Item
    from provisioner.service.context import Service
    from provisioner.service.rows import CheckedRow


class ApplyOutcome(StrEnum):
    """What becomes of a row."""

    CREATED = "created"
    UPDATED = "updated"
    QUEUED = "queued"
    """The row stays, but its stack is out of date: the job is queued for reconcile."""
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    """Written or removed by somebody else since it was read: it stays as it is."""


@dataclass(frozen=True, slots=True)
class AttributeChange:
    """An attribute of a row before and after; None when it was, or will be, absent."""

    name: str
    before: object
    after: object


@dataclass(frozen=True, slots=True)
class RowStep:
    """What is to be done about one row, where `before` is the row when it was read.

    `expected` is None when no one waits for the answer and the row is to be written anyway.
    """

    item: Item
    before: Item | None
    expected: Expected | None

    @property
    def job_name(self) -> str:
        """The row's key."""
        return str(self.item["job_name"])

    @property
    def outcome(self) -> ApplyOutcome:
        """What becomes of the row if nobody else writes it first."""
        if self.before is None:
            return ApplyOutcome.CREATED
        if self.before != self.item:
            return ApplyOutcome.UPDATED
        out_of_date = self.expected is not None and self.expected.out_of_date
        return ApplyOutcome.QUEUED if out_of_date else ApplyOutcome.UNCHANGED

    @property
    def changes(self) -> Iterator[AttributeChange]:
        """The attributes that change, by name."""
        return changes_between(self.before or {}, self.item)


def changes_between(
    old: Mapping[str, object], new: Mapping[str, object]
) -> Iterator[AttributeChange]:
    """Yield the attributes that differ, by name."""
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield AttributeChange(name, old.get(name), new.get(name))


def plan(service: Service, rows: Sequence[CheckedRow], *, expect_all: bool) -> list[RowStep]:
    """Return a step for each row; this writes nothing.

    Parameters
    ----------
    expect_all
        Whether to find out what to wait for of rows that change, too: it takes a request each.
    """
    before = service.jobs.get_many(row.job_name for row in rows)
    looked_up = [row for row in rows if expect_all or before.get(row.job_name) == row.item]
    records = service.stacks.get_many(row.job_name for row in looked_up)
    expected = {
        row.job_name: expect(
            service,
            row.job,
            records.get(row.job_name),
            changed=before.get(row.job_name) != row.item,
        )
        for row in looked_up
    }
    return [RowStep(row.item, before.get(row.job_name), expected.get(row.job_name)) for row in rows]


def carry_out(service: Service, step: RowStep) -> ApplyOutcome:
    """Do what a step says; REFUSED when somebody else has written the row since the plan."""
    try:
        match step.outcome:
            case ApplyOutcome.CREATED | ApplyOutcome.UPDATED:
                action = Action.UPDATE_ROW if step.before else Action.CREATE_ROW
                rows = Rows(step.before, step.item)
                with recorded(service, action, step.job_name, rows=rows):
                    service.jobs.replace(step.item, step.before)
            case ApplyOutcome.QUEUED:
                with recorded(service, Action.RETRY_JOB, step.job_name):
                    service.reconcile_queue.send(step.job_name, retry=True)
    except ConflictError:
        return ApplyOutcome.REFUSED
    return step.outcome
