"""From the values of rows to rows that can be written, or to everything that is wrong with them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.aws.items import to_dynamodb, to_plain
from provisioner.jobs import FieldError, InvalidRow, guarded, placeholders

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from provisioner.jobs import Job
    from provisioner.service.context import Service


@dataclass(frozen=True, slots=True)
class SourcedRow:
    """A row and where it comes from: `number` counts the rows of that source from 1."""

    source: str
    number: int
    values: dict[str, object]

    @property
    def label(self) -> str:
        """What to call the row before it is known to have a proper name."""
        name = self.values.get("job_name")
        return name if isinstance(name, str) and name else f"#{self.number}"


@dataclass(frozen=True, slots=True)
class RowProblem:
    """One thing wrong with one attribute of one row; `row` and `field` are "" for a whole file."""

    source: str
    row: str
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class CheckedRow:
    """A row as DynamoDB will hold it, and the job that it describes."""

    source: str
    item: dict[str, object]
    job: Job

    @property
    def job_name(self) -> str:
        """The row's key."""
        return self.job.job_name


@dataclass(frozen=True, slots=True)
class Checked:
    """The rows that are valid, and what is wrong with the others."""

    rows: tuple[CheckedRow, ...]
    problems: tuple[RowProblem, ...]


def check(service: Service, rows: Iterable[SourcedRow], values: Mapping[str, str]) -> Checked:
    """Check rows; `${Name}` in them is one of `values`, or else an output of the bootstrap."""
    outputs = {**service.outputs, **values}
    good: dict[str, CheckedRow] = {}
    problems: list[RowProblem] = []
    for row in rows:
        checked = _check(service, row, outputs)
        if isinstance(checked, CheckedRow):
            earlier = good.setdefault(checked.job_name, checked)
            if earlier is checked:
                continue
            checked = (FieldError("job_name", f"is in {earlier.source} already"),)
        problems.extend(RowProblem(row.source, row.label, e.field, e.message) for e in checked)
    return Checked(tuple(good.values()), tuple(problems))


def _check(
    service: Service, row: SourcedRow, outputs: Mapping[str, str]
) -> CheckedRow | tuple[FieldError, ...]:
    values, unknown = placeholders.filled(row.values, outputs)
    job = service.permitted(guarded.parse(values))
    if unknown or isinstance(job, InvalidRow):
        named = {_attribute(error) for error in unknown}
        others = job.errors if isinstance(job, InvalidRow) else ()
        return (*unknown, *(error for error in others if _attribute(error) not in named))
    try:
        item = to_plain(to_dynamodb(values))
    except ArithmeticError:
        return (FieldError("", "holds a number of more than 38 digits"),)
    return CheckedRow(row.source, item, job)


def _attribute(error: FieldError) -> str:
    return re.split(r"[.\[]", error.field, maxsplit=1)[0]
