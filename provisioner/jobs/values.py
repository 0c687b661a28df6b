"""Checks of single values, each returning the value in the one form that jobs keep it in.

A check takes a plain value (:mod:`provisioner.jobs.rows`) and raises `InvalidValueError`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from types import MappingProxyType
from typing import TypeVar

from provisioner.exact_numbers import LongNumber
from provisioner.jobs.errors import (
    MAX_ERRORS,
    InvalidValueError,
    did_you_mean,
    invalid,
    kind_of,
    one_of,
    shown,
)
from provisioner.jobs.rows import UNUSABLE
from provisioner.plain_text import printable

T = TypeVar("T")
V = TypeVar("V")
Check = Callable[[object], T]

_NUMBER = re.compile(r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,2})?", re.ASCII)
_FLAGS = {"true": True, "false": False}


def known(value: V) -> V:
    """Return a value, unless its fault is among the row's errors already."""
    if value is UNUSABLE:
        raise InvalidValueError
    return value


def number_in(value: object) -> int | float | None:
    """Return the number that a value is or spells, None if it is none."""
    match value:
        case bool():
            return None
        case int() | float():
            return value
        case str() if _NUMBER.fullmatch(text := value.strip()):
            number = float(text)
            return int(text) if text.lstrip("+-").isdecimal() else number
        case _:
            return None


def whole(minimum: int, maximum: int, unit: str = "") -> Check[int]:
    """Return the check for a whole number, given as a number or as text."""
    wanted = f"a whole number from {minimum} to {maximum}{f' ({unit})' if unit else ''}"

    def check(value: object) -> int:
        number = number_in(value)
        if number is None:
            raise invalid(f"must be {wanted}, not {shown(value)}")
        if not minimum <= number <= maximum or number != int(number):
            raise invalid(f"must be {wanted}, not {number}")
        return int(number)

    return check


def decimal(minimum: float, maximum: float) -> Check[float]:
    """Return the check for a number that may have a fraction."""

    def check(value: object) -> float:
        number = number_in(value)
        if number is None or not math.isfinite(number):
            raise invalid(f"must be a number from {minimum:g} to {maximum:g}, not {shown(value)}")
        if not minimum <= number <= maximum:
            raise invalid(f"must be a number from {minimum:g} to {maximum:g}, not {number}")
        return float(number)

    return check


def flag(value: object) -> bool:
    """Check a boolean, which may be spelled as text."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and (found := _FLAGS.get(value.strip().lower())) is not None:
        return found
    raise invalid(f"must be true or false, not {shown(value)}")


def choice(choices: tuple[str, ...]) -> Check[str]:
    """Return the check for one word of a few."""

    def check(value: object) -> str:
        if value in choices:
            return str(value)
        hint = did_you_mean(value, choices) if isinstance(value, str) else ""
        raise invalid(f"must be {one_of(choices)}, not {shown(value)}{hint}")

    return check


def words(choices: tuple[str, ...]) -> Check[tuple[str, ...]]:
    """Return the check for a list of words of a few; they come in the order of `choices`."""
    check_word = choice(choices)

    def check(value: object) -> tuple[str, ...]:
        parts = ((f"[{index}]", word) for index, word in enumerate(text_list(value)))
        named = each(parts, check_word)
        return tuple(word for word in choices if word in named)

    return check


def line(characters: int) -> Check[str]:
    """Return the check for one line of text."""

    def check(value: object) -> str:
        if not isinstance(value, str):
            raise invalid(f"must be text, not {kind_of(value)}")
        if len(value) > characters:
            raise invalid(f"has {len(value)} characters; at most {characters} are allowed")
        if "\n" in value or "\r" in value:
            raise invalid("must be a single line")
        return value

    return check


def text_list(value: object) -> tuple[str, ...]:
    """Check a list of texts; numbers in it become text, and a lone text is a list of one."""
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list):
        raise invalid(f"must be a list of texts, not {kind_of(value)}")
    return tuple(each(((f"[{index}]", item) for index, item in enumerate(value)), as_text))


def text_map(
    value: object,
    name_problem: Callable[[str], str | None],
    check_text: Callable[[str], str] | None = None,
) -> dict[str, str]:
    """Check a map of texts; numbers and booleans in it become text.

    Parameters
    ----------
    value
        The map.
    name_problem
        Returns what is wrong with a name, None when nothing is.
    check_text
        A further check of each text.
    """
    if not isinstance(value, dict):
        raise invalid(f"must be a map of names and texts, not {kind_of(value)}")

    def check(item: tuple[str, object]) -> tuple[str, str]:
        name, text = item
        if problem := name_problem(name):
            raise invalid(problem)
        plain_text = as_text(known(text))
        return name, check_text(plain_text) if check_text else plain_text

    return dict(each(((f".{printable(item[0])}", item) for item in value.items()), check))


def as_text(value: object) -> str:
    """Return a scalar as text, as a shell or a JSON document would show it."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case LongNumber():
            return value.text
        case float():
            return repr(value)
        case _:
            raise invalid(f"must be text, not {kind_of(value)}")


def each(parts: Iterable[tuple[str, V]], check: Callable[[V], T]) -> list[T]:
    """Check every part of a value, and raise all that is wrong with them at once.

    What follows more errors than a person reads is not looked at.

    Parameters
    ----------
    parts
        Pairs of a path (``"[0]"``, ``".KEY"``) and the value there.
    check
        What each must pass.
    """
    checked: list[T] = []
    failed = False
    problems: list[tuple[str, str]] = []
    for path, value in parts:
        try:
            checked.append(check(known(value)))
        except InvalidValueError as error:
            failed = True
            problems += [(path + inner, message) for inner, message in error.problems]
            if len(problems) > MAX_ERRORS:
                break
    if failed:
        raise InvalidValueError(*problems)
    return checked


def keyed(
    value: object,
    checks: Mapping[str, Check[object]],
    what: str,
    required: tuple[str, ...] = (),
    refused: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, object]:
    """Check a map of known keys, and raise all that is wrong with it at once.

    Parameters
    ----------
    value
        The map; a NULL in it counts as absent.
    checks
        The keys it may have, and the check of each one's value.
    what
        What messages call the map: "a statement".
    required
        The keys it must have.
    refused
        Keys that it may not have, and why.
    """
    if not isinstance(value, dict):
        raise invalid(f"must be a map with {', '.join(checks)}, not {kind_of(value)}")
    problems = [
        (
            f".{printable(key)}",
            refused.get(key) or f"is not part of {what}{did_you_mean(printable(key), checks)}",
        )
        for key in islice((key for key in value if key not in checks), MAX_ERRORS)
    ]
    problems += [(f".{key}", "is required") for key in required if value.get(key) is None]
    failed = False
    found: dict[str, object] = {}
    for key, check in checks.items():
        if value.get(key) is not None:
            try:
                found[key] = check(known(value[key]))
            except InvalidValueError as error:
                failed = True
                problems += [(f".{key}{path}", message) for path, message in error.problems]
    if failed or problems:
        raise InvalidValueError(*problems)
    return found
