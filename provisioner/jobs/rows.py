"""The values of a DynamoDB item as plain JSON values.

Numbers become int or float. What a job cannot use (sets, binary) and what must never reach a
template (CloudFormation's dynamic references, Step Functions' expressions, control characters) is
found here, wherever in the row it stands.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from provisioner.exact_numbers import LongNumber, is_kept, is_vanishing
from provisioner.jobs.errors import MAX_ERRORS, FieldError
from provisioner.plain_text import printable

MAX_DEPTH = 20
"""Levels of lists and maps; DynamoDB's own limit is 32."""

LARGEST_NUMBER = 10**126
"""DynamoDB's own limit, checked again since rows also come from files."""


UNUSABLE: Final = object()
"""Stands for a value whose fault is already among the row's errors."""

_SUSPICIOUS = re.compile(r"[{%\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_FORBIDDEN = re.compile(
    r"(?P<reference>\{\{\s*resolve)|(?P<expression>\{%|%\})"
    r"|(?P<control>[\x00-\x08\x0b\x0c\x0e-\x1f\x7f])|(?P<surrogate>[\ud800-\udfff])"
)
_WHY_FORBIDDEN = {
    "reference": 'may not hold "{{resolve:", which would read a secret into the job\'s stack',
    "expression": 'may not hold "{%" or "%}", which would be a Step Functions expression',
    "control": "holds a control character",
    "surrogate": "holds text that is not valid Unicode",
}


def forbidden(text: str, *, expressions: bool = False) -> str | None:
    """Return why a row may not have a text, None when it may.

    `expressions` tells that it can never come to a workflow, so that those are only text.
    """
    if not _SUSPICIOUS.search(text):
        return None
    for found in _FORBIDDEN.finditer(text):
        if found.lastgroup != "expression" or not expressions:
            return _WHY_FORBIDDEN[str(found.lastgroup)]
    return None


def plain(
    value: object,
    path: str,
    errors: list[FieldError],
    depth: int = 0,
    *,
    expressions: bool = False,
) -> object:
    """Return a value with its numbers as int or float, and add to `errors` what is wrong in it.

    UNUSABLE takes the place of each wrong part, so that the others can still be checked. What
    is wrong beyond the number of errors that are shown is not found.
    """
    if len(errors) > MAX_ERRORS:
        return UNUSABLE
    match value:
        case str():
            if problem := forbidden(value, expressions=expressions):
                errors.append(FieldError(path, problem))
                return UNUSABLE
            return value
        case bool() | None:
            return value
        case Decimal() | int() | float():
            return _number(value, path, errors)
        case list() | tuple() | dict() if depth >= MAX_DEPTH:
            errors.append(FieldError(path, f"is nested more than {MAX_DEPTH} levels deep"))
            return UNUSABLE
        case list() | tuple():
            return [
                plain(part, f"{path}[{index}]", errors, depth + 1, expressions=expressions)
                for index, part in enumerate(value)
            ]
        case dict():
            return {
                name: plain(
                    part, f"{path}.{printable(name)}", errors, depth + 1, expressions=expressions
                )
                for name, part in value.items()
                if _is_name(name, path, errors)
            }
        case _:
            errors.append(FieldError(path, _why_unusable(value)))
            return UNUSABLE


def _is_name(name: object, path: str, errors: list[FieldError]) -> bool:
    problem = forbidden(name) if isinstance(name, str) else "is not text"
    if problem:
        errors.append(FieldError(f"{path}.{printable(name)}", f"has a name that {problem}"))
    return not problem


def _number(value: Decimal | float, path: str, errors: list[FieldError]) -> object:
    if isinstance(value, Decimal) and value.is_nan():
        value = float("nan")
    is_within = -LARGEST_NUMBER < value < LARGEST_NUMBER  # not for NaN
    if not is_within or (isinstance(value, Decimal) and is_vanishing(value)):
        errors.append(FieldError(path, "is not a number that a row can hold"))
        return UNUSABLE
    if value == int(value):
        return int(value)
    if not isinstance(value, Decimal):
        return value
    return float(value) if is_kept(value) else LongNumber(value)


def _why_unusable(value: object) -> str:
    kind = type(value).__name__
    match value:
        case set() | frozenset():
            return "is a set; use a list"
        case bytes() | bytearray() | memoryview():
            return "is binary; use text"
        case _:
            return "is binary; use text" if kind == "Binary" else f"is a {kind}; use text"
