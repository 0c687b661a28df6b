"""Which attributes a row may have, by its type, and which of them it has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provisioner.jobs.errors import MAX_ERRORS, FieldError, did_you_mean, one_of
from provisioner.jobs.meanings import MEANT, WITHIN
from provisioner.jobs.rows import UNUSABLE, plain
from provisioner.jobs.size_limits import excess
from provisioner.jobs.types import BatchJob, Ec2Job, EcsJob, Job, LambdaJob
from provisioner.plain_text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

MODELS: dict[str, type[Job]] = {
    "lambda": LambdaJob,
    "ecs": EcsJob,
    "batch": BatchJob,
    "ec2": Ec2Job,
}

ALIASES = {"language": "runtime", "memory": "memory_mb"}

_NEVER_IN_A_WORKFLOW = frozenset({"environment"})
"""Attributes whose texts no Step Functions expression can come of: they are in the function or
the task definition only."""

_ATTRIBUTES = {kind: frozenset(model.model_fields) for kind, model in MODELS.items()}
_ALL = frozenset[str]().union(*_ATTRIBUTES.values())
NAMES = _ALL | ALIASES.keys()
"""Every name that an attribute of some row may have."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row's attributes under their own names, and what is wrong with them so far."""

    values: dict[str, object] = field(default_factory=dict)
    errors: list[FieldError] = field(default_factory=list)
    written: dict[str, str] = field(default_factory=dict)
    """The name that the author used, for attributes given by an alias."""


def read(item: Mapping[str, object]) -> Row:
    """Read an item, unless it has too many errors; a NULL attribute counts as absent."""
    row = Row()
    job_type = item.get("type")
    kind = job_type if isinstance(job_type, str) and job_type in MODELS else None
    for written, value in item.items():
        if len(row.errors) > MAX_ERRORS:
            break
        name = ALIASES.get(written, written)
        if problem := _misplaced(written, name, kind):
            row.errors.append(FieldError(printable(written), problem))
        elif value is None:
            continue
        elif name != written and item.get(name) is not None:
            problem = f'is another name for "{name}"; give one of them'
            row.errors.append(FieldError(written, problem))
        else:
            _take(row, name, written, value)
    return row


def _take(row: Row, name: str, written: str, value: object) -> None:
    if name != written:
        row.written[name] = written
    if problem := excess(name, value):
        row.errors.append(FieldError(written, problem))
        row.values[name] = UNUSABLE
    else:
        expressions = name in _NEVER_IN_A_WORKFLOW
        row.values[name] = plain(value, written, row.errors, expressions=expressions)


def _misplaced(written: str, name: str, kind: str | None) -> str | None:
    """Return why a row of this type may not have an attribute (None: the type is unknown)."""
    own = _ATTRIBUTES[kind] if kind else _ALL
    if name in own:
        return None
    if name in _ALL:
        owners = [other for other, names in _ATTRIBUTES.items() if name in names]
        return f'is for {one_of(owners)} jobs; this one is "{kind}"'
    return _unknown(written, own)


def _unknown(written: str, own: frozenset[str]) -> str:
    """Say what a name may stand for: by its meaning first, and then by its letters."""
    word = written.lower()
    if word in WITHIN:
        return f'is not an attribute of a job; did you mean "{WITHIN[word].format(word)}"?'
    if (meant := MEANT.get(word)) in own:
        return f'is not an attribute of a job; did you mean "{meant}"?'
    return f"is not an attribute of a job{did_you_mean(printable(written), own | ALIASES.keys())}"
