"""From files to rows that can be written, or to everything that is wrong with them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.aws.items import to_dynamodb, to_plain
from provisioner.cli import rows
from provisioner.jobs import FieldError, InvalidRow, guarded, placeholders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from provisioner.jobs import Job


@dataclass(frozen=True, slots=True)
class Problem:
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
    """The good rows of all files, and what is wrong with the others."""

    rows: tuple[CheckedRow, ...]
    problems: tuple[Problem, ...]


def check(
    paths: Iterable[str],
    outputs: Mapping[str, str],
    permitted: Callable[[Job | InvalidRow], Job | InvalidRow],
) -> Checked:
    """Read files and check every row in them.

    Parameters
    ----------
    paths
        Files, `-` for stdin.
    outputs
        What placeholders in rows stand for.
    permitted
        Holds a job to what the bootstrap's parameters allow rows.
    """
    sourced: list[rows.SourcedRow] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            sourced.extend(rows.read(path))
        except rows.UnreadableError as error:
            problems.append(Problem(path, "", "", str(error)))
    good: dict[str, CheckedRow] = {}
    for row in sourced:
        checked = _check(row, outputs, permitted)
        if isinstance(checked, CheckedRow):
            earlier = good.setdefault(checked.job_name, checked)
            if earlier is checked:
                continue
            errors: tuple[FieldError, ...] = (
                FieldError("job_name", f"stands in {earlier.source} already"),
            )
        else:
            errors = checked
        problems.extend(Problem(row.source, row.label, e.field, e.message) for e in errors)
    return Checked(tuple(good.values()), tuple(problems))


def _check(
    row: rows.SourcedRow,
    outputs: Mapping[str, str],
    permitted: Callable[[Job | InvalidRow], Job | InvalidRow],
) -> CheckedRow | tuple[FieldError, ...]:
    try:
        values, unknown = placeholders.filled(row.values, outputs)
    except RecursionError:  # YAML can hold a list that holds itself
        return (FieldError("", "is nested too deeply"),)
    job = permitted(guarded.parse(values))
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
