"""Numbers of JSON with all of their digits, where a float would drop some.

Rows hold up to 38 digits, as DynamoDB does. What a run gets goes through its workflow, which counts
in IEEE 754 doubles: a number that would change there is refused at the door, never rounded.
"""

from __future__ import annotations

import json
import math
import secrets
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST_DIGITS = 17
"""Significant digits of a fraction: as many tell any two doubles apart."""

_SHORT = 15
"""A double keeps every number of so many digits."""

_MARK = secrets.token_hex(16)
"""Nobody who writes a text of a row or a payload can know it."""


class LongNumber(float):
    """A number with more digits than a float keeps, which remembers how it was written."""

    __slots__ = ("text",)

    def __new__(cls, value: Decimal) -> Self:
        """Take the number itself as a float does, and its digits as they are."""
        number = super().__new__(cls, value)
        number.text = format(value, "f")
        return number

    text: str


def read(text: str) -> float:
    """Return a number of JSON that has a fraction or an exponent, for `parse_float`.

    Raises
    ------
    ValueError
        If it is too large for a float, or too small.
    """
    number = float(text)
    if not math.isfinite(number):
        message = f"{text[:60]} is out of range"
        raise ValueError(message)
    if len(text) <= _SHORT and number:
        return number
    value = Decimal(text)
    if is_vanishing(value):
        message = f"{text[:60]} is out of range"
        raise ValueError(message)
    return number if is_kept(value) else LongNumber(value)


def is_vanishing(value: Decimal) -> bool:
    """Tell whether a float has only 0 for a number; its digits may be a billion."""
    return bool(value) and not float(value)


def is_kept(value: Decimal) -> bool:
    """Tell whether a float keeps a number, digit for digit."""
    return Decimal(repr(float(value))) == value


def shown(value: Decimal) -> int | float | Decimal:
    """Return a number as `to_json` writes it with all its digits."""
    if value == value.to_integral_value():
        return int(value)
    return float(value) if is_kept(value) else value


def to_json(
    value: object,
    default: Callable[[Any], object] | None = None,
    **options: Any,  # noqa: ANN401  (as json.dumps takes them)
) -> str:
    """Return JSON text in which each Decimal stands with all of its digits.

    Parameters
    ----------
    default
        As `json.dumps` takes it. It gets everything else that JSON does not know.
    """
    marked = False

    def written(part: object) -> object:
        nonlocal marked
        if not isinstance(part, Decimal):
            if default is None:
                message = f"a {type(part).__name__} cannot be written as JSON"
                raise TypeError(message)
            return default(part)
        number = shown(part)
        if isinstance(number, Decimal):
            marked = True
            return f"{_MARK}{number:f}{_MARK}"
        return number

    text = json.dumps(value, default=written, **options)
    return text.replace(f'"{_MARK}', "").replace(f'{_MARK}"', "") if marked else text


def changed(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield what a workflow would change in a value of JSON: each place, and what to write there.

    Parameters
    ----------
    value
        As `json.loads` reads it with `parse_float=read`, or as a row has it (`jobs.rows.plain`).
    """
    parts = [(path, value)]
    while parts:
        at, part = parts.pop()
        match part:
            case bool():
                continue
            case int() if not _is_double(part):
                yield at, _advice(str(part) if abs(part) < 10**60 else "such a number")
            case LongNumber() if _digits(part.text) > MOST_DIGITS:
                yield at, _advice(part.text[:60])
            case dict():
                parts += [(f"{at}.{str(name)[:60]}", each) for name, each in part.items()]
            case list() | tuple():
                parts += [(f"{at}[{index}]", each) for index, each in enumerate(part)]


def _advice(number: str) -> str:
    return (
        f"is {number}, of which a workflow would drop digits: write it as text, in quotation "
        f"marks, or with at most {_SHORT} digits"
    )


def _is_double(number: int) -> bool:
    if abs(number) <= 2**53:
        return True
    try:
        return int(Decimal(repr(float(number)))) == number
    except OverflowError:
        return False


def _digits(text: str) -> int:
    return len(text.lstrip("-").replace(".", "").lstrip("0").rstrip("0"))
