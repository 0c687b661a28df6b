"""One row as a person edits it: read with an ETag, checked, planned, written over what was seen."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from provisioner.aws.items import to_dynamodb, to_plain
from provisioner.errors import ConflictError, InvalidRequestError, StaleError
from provisioner.exact_numbers import LongNumber
from provisioner.jobs import FieldError, InvalidRow, guarded
from provisioner.jobs.row_content import content_digest
from provisioner.service.apply import ApplyOutcome, RowStep
from provisioner.service.audit import Rows, recorded
from provisioner.service.problems import FieldProblem, problem_of
from provisioner.service.rights import Action

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provisioner.aws.items import Item
    from provisioner.service.apply import AttributeChange
    from provisioner.service.context import Service

ANY = "*"
"""The ETag that stands for every row that exists (RFC 9110, If-Match)."""


@dataclass(frozen=True, slots=True)
class Versioned:
    """A row, and the digest of what it says, which another write changes."""

    row: Item
    etag: str


@dataclass(frozen=True, slots=True)
class Edited:
    """A row that was written; `before` is the one that it replaced, None when it is new."""

    row: Item
    etag: str
    before: Item | None


@dataclass(frozen=True, slots=True)
class Intent:
    """Why a row is written, when it is not simply because its author wants it so: for the audit."""

    action: Action
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What writing a row would do; it writes nothing.

    Attributes
    ----------
    before
        The row as it is, None when there is none.
    outcome
        CREATED, UPDATED or UNCHANGED.
    changes
        Each attribute that changes, with its values before and after.
    """

    before: Versioned | None
    outcome: ApplyOutcome
    changes: Sequence[AttributeChange]


class InvalidRowError(InvalidRequestError):
    """A row describes no job; `problems` are all that is wrong with it."""

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n  ".join(f"{each.pointer} {each.detail}" for each in problems))


def row_of(service: Service, job_name: str) -> Versioned:
    """Return a job's row.

    Raises
    ------
    NotFoundError
        If it has none.
    """
    return versioned(service.existing_row(job_name))


def versioned(row: Item) -> Versioned:
    """Return a row with its ETag."""
    return Versioned(row, etag_of(row))


def etag_of(row: Mapping[str, object]) -> str:
    """Return the digest of what a row says; the same for every way to write the same values.

    A caller who may not see all values must not get their digest either: they could be
    guessed until it fits. So it is the digest of what is shown.
    """
    return content_digest(row)


def check(service: Service, row: Mapping[str, object]) -> tuple[FieldProblem, ...]:
    """Return all that is wrong with a row; nothing when it can be written."""
    try:
        _checked(service, row)
    except InvalidRowError as error:
        return error.problems
    return ()


def plan(service: Service, row: Mapping[str, object]) -> Plan:
    """Return what writing a row would do.

    Raises
    ------
    InvalidRowError
        If it describes no job.
    """
    item = _checked(service, row)
    before = service.row(str(item["job_name"]))
    step = RowStep(item, before, None)
    return Plan(versioned(before) if before else None, step.outcome, tuple(step.changes))


def put(
    service: Service,
    row: Mapping[str, object],
    *,
    if_match: str | None = None,
    if_none_match: bool = False,
    intent: Intent | None = None,
) -> Edited:
    """Write a row whole.

    Parameters
    ----------
    if_match
        The ETag of the row that its author has seen and wants to replace, or several with commas
        between them; `ANY` for whichever is there.
    if_none_match
        Whether a row of that name must not exist yet.
    intent
        What it is written for, if that is something of its own.

    Raises
    ------
    InvalidRowError
        If it describes no job.
    StaleError
        If the row is not what its author has seen.
    """
    item = _checked(service, row)
    before = service.row(str(item["job_name"]))
    if if_none_match and before is not None:
        message = f"there is a job {item['job_name']} already"
        raise StaleError(message)
    if if_match is not None:
        _require(str(item["job_name"]), before, if_match)
    return _replace(service, item, before, intent)


def patch(
    service: Service,
    job_name: str,
    merge_patch: Mapping[str, object],
    if_match: str,
    *,
    intent: Intent | None = None,
) -> Edited:
    """Change some attributes of a row, by a merge patch (RFC 7396): null removes one.

    Parameters
    ----------
    intent
        What it is changed for, if that is something of its own.

    Raises
    ------
    NotFoundError
        If the job has no row.
    InvalidRowError
        If the row that comes of it describes no job.
    StaleError
        If the row is not what its author has seen.
    """
    before = service.existing_row(job_name)
    _require(job_name, before, if_match)
    return _replace(service, _checked(service, patched(before, merge_patch)), before, intent)


def patched(row: Mapping[str, object], merge_patch: Mapping[str, object]) -> dict[str, object]:
    """Return a row with a merge patch (RFC 7396) applied.

    Raises
    ------
    InvalidRowError
        If it would change the row's name.
    """
    merged: dict[str, object] = _merged(row, merge_patch)
    if merged.get("job_name") != row["job_name"]:
        raise InvalidRowError([FieldProblem("/job_name", "cannot change: it is the row's key")])
    return merged


def delete(service: Service, job_name: str, if_match: str) -> Item:
    """Remove a row and return it; its stack follows, unless its `deletion_policy` is `retain`.

    Raises
    ------
    NotFoundError
        If there is none.
    StaleError
        If the row is not what the caller has seen.
    """
    before = service.existing_row(job_name)
    _require(job_name, before, if_match)
    with recorded(service, Action.DELETE_ROW, job_name, rows=Rows(before, None)):
        try:
            service.jobs.remove(before)
        except ConflictError as error:
            raise _stale(job_name) from error
    return before


def _checked(service: Service, row: Mapping[str, object]) -> Item:
    """Return a row as DynamoDB will hold it."""
    try:
        exact: dict[str, Any] = {name: _exact(value) for name, value in row.items()}
    except RecursionError:
        raise InvalidRowError([FieldProblem("", "is nested too deeply")]) from None
    job = service.permitted(guarded.parse(exact))
    if isinstance(job, InvalidRow):
        raise InvalidRowError([problem_of(error, exact) for error in job.errors])
    try:
        return to_plain(to_dynamodb(exact))
    except ArithmeticError as error:
        problem = problem_of(FieldError("", "holds a number of more than 38 digits"), exact)
        raise InvalidRowError([problem]) from error


def _require(job_name: str, before: Item | None, etag: str) -> None:
    if before is None or (etag != ANY and etag_of(before) not in etag.split(",")):
        raise _stale(job_name)


def _stale(job_name: str) -> StaleError:
    return StaleError(f"the row of {job_name} has changed since it was read: read it again")


def _replace(
    service: Service, item: Item, before: Item | None, intent: Intent | None = None
) -> Edited:
    if item != before:
        action = Action.UPDATE_ROW if before else Action.CREATE_ROW
        detail = None
        if intent is not None:
            action, detail = intent.action, intent.detail
        with recorded(
            service, action, str(item["job_name"]), detail=detail, rows=Rows(before, item)
        ):
            try:
                service.jobs.replace(item, before)
            except ConflictError as error:
                raise _stale(str(item["job_name"])) from error
    return Edited(item, etag_of(item), before)


def _merged(target: object, patch: object) -> Any:  # noqa: ANN401  (any JSON value)
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged


def _exact(value: object) -> object:
    """Return a value whose numbers DynamoDB can hold as they were written."""
    match value:
        case LongNumber():
            return Decimal(value.text)
        case float():
            return Decimal(repr(value))
        case list():
            return [_exact(part) for part in value]
        case dict():
            return {name: _exact(part) for name, part in value.items()}
        case _:
            return value
