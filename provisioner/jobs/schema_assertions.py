"""The keywords of a JSON Schema that check one value alone, and their error texts.

Each pays for what it looks at: neither a schema nor a payload decides how long that takes.
"""

from __future__ import annotations

import json
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from provisioner.jobs import patterns
from provisioner.jobs.errors import shown

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_STEPS = 25_000
"""Keywords, values of lists and characters of matched texts looked at for one payload: less than a
tenth of a second."""

MAX_DEPTH = 100
"""Schemas within schemas: far below Python's own limit."""

MAX_LISTED_CHARACTERS = 200

_GLANCES = 8
"""Entries that are passed over, not checked, at the price of a step."""

_KINDS = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "NULL",
    "number": "a number",
    "object": "a map",
    "string": "text",
}
TYPES = tuple(_KINDS)

_WORDS = {
    "exclusiveMaximum": "must be less than {}",
    "exclusiveMinimum": "must be more than {}",
    "maximum": "must be at most {}",
    "maxItems": "must have at most {} entries",
    "maxLength": "must have at most {} characters",
    "maxProperties": "must have at most {} keys",
    "minimum": "must be at least {}",
    "minItems": "must have at least {} entries",
    "minLength": "must have at least {} characters",
    "minProperties": "must have at least {} keys",
    "multipleOf": "must be a multiple of {}",
    "pattern": "must match {}",
    "uniqueItems": "holds the same entry twice",
}


class TooLongError(Exception):
    """The steps are used up, or go too deep."""


class Steps:
    """What is left to spend on one payload."""

    def __init__(self) -> None:
        self._left = MAX_STEPS * _GLANCES

    def pay(self, steps: int, glances: int = 0) -> None:
        """Take steps off what is left; a glance is a part of one."""
        self._left -= steps * _GLANCES + glances
        if self._left < 0:
            raise TooLongError

    def key(self, value: object, depth: int = 0) -> object:
        """Return what is the same for values that JSON Schema calls equal: 1 and 1.0, not true."""
        self.pay(0, glances=2)
        if depth > MAX_DEPTH:
            raise TooLongError
        match value:
            case bool():
                return ("flag", value)
            case dict():
                return frozenset((name, self.key(part, depth + 1)) for name, part in value.items())
            case list():
                return ("list", *(self.key(part, depth + 1) for part in value))
            case _:
                return value


def _is_of(kind: str, value: object) -> bool:
    match value:
        case bool():
            return kind == "boolean"
        case int() | float():
            is_whole = isinstance(value, int) or value.is_integer()
            return kind == "number" or (kind == "integer" and is_whole)
        case str():
            return kind == "string"
        case list():
            return kind == "array"
        case dict():
            return kind == "object"
        case _:
            return kind == "null"


def _type(_steps: Steps, wanted: str | list[str], value: object) -> bool:
    return any(_is_of(kind, value) for kind in ([wanted] if isinstance(wanted, str) else wanted))


def _const(steps: Steps, wanted: object, value: object) -> bool:
    return steps.key(wanted) == steps.key(value)


def _enum(steps: Steps, wanted: list[object], value: object) -> bool:
    steps.pay(len(wanted))
    found = steps.key(value)
    return any(steps.key(one) == found for one in wanted)


def _unique(steps: Steps, wanted: bool, value: object) -> bool:  # noqa: FBT001  (a keyword's value)
    if not wanted or not isinstance(value, list):
        return True
    return len({steps.key(item) for item in value}) == len(value)


def _pattern(steps: Steps, wanted: str, value: object) -> bool:
    if not isinstance(value, str):
        return True
    steps.pay(len(value) * (1 + patterns.size(wanted).places // patterns.PLACES_OF_A_STEP))
    return patterns.matches(wanted, value)


def _multiple(_steps: Steps, wanted: float, value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    try:
        return _exact(value) % _exact(wanted) == 0
    except (ValueError, ZeroDivisionError):
        return False  # infinite, or a schema that was not checked


def _exact(number: float) -> Fraction:
    return Fraction(number if isinstance(number, int) else repr(float(number)))


def _of_number(holds: Callable[[Any, Any], bool]) -> Callable[[Steps, Any, object], bool]:
    def check(_steps: Steps, wanted: float, value: object) -> bool:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return not is_number or holds(value, wanted)

    return check


def _of_size(
    kind: type[str | list[Any] | dict[str, Any]], holds: Callable[[int, int], bool]
) -> Callable[[Steps, Any, object], bool]:
    return lambda _steps, wanted, value: not isinstance(value, kind) or holds(len(value), wanted)


def _at_least(found: float, wanted: float) -> bool:
    return found >= wanted


def _at_most(found: float, wanted: float) -> bool:
    return found <= wanted


ASSERTIONS: dict[str, Callable[[Steps, Any, object], bool]] = {
    "const": _const,
    "enum": _enum,
    "exclusiveMaximum": _of_number(lambda found, wanted: bool(found < wanted)),
    "exclusiveMinimum": _of_number(lambda found, wanted: bool(found > wanted)),
    "maxItems": _of_size(list, _at_most),
    "maxLength": _of_size(str, _at_most),
    "maxProperties": _of_size(dict, _at_most),
    "maximum": _of_number(_at_most),
    "minItems": _of_size(list, _at_least),
    "minLength": _of_size(str, _at_least),
    "minProperties": _of_size(dict, _at_least),
    "minimum": _of_number(_at_least),
    "multipleOf": _multiple,
    "pattern": _pattern,
    "type": _type,
    "uniqueItems": _unique,
}


def fault(keyword: str, wanted: Any, found: object) -> str:  # noqa: ANN401  (any JSON)
    """Return what is wrong with a value that a keyword does not let pass."""
    match keyword:
        case "type":
            kinds = [wanted] if isinstance(wanted, str) else wanted
            return f"must be {' or '.join(_KINDS[kind] for kind in kinds)}, not {shown(found)}"
        case "enum":
            return f"must be {_values(wanted)}"
        case "const":
            return f"must be {_values([wanted])}"
        case _:
            return _WORDS[keyword].format(wanted)


def _values(values: list[object]) -> str:
    texts = [json.dumps(value, ensure_ascii=False) for value in values]
    text = " or ".join(filter(None, [", ".join(texts[:-1]), *texts[-1:]]))
    return text if 0 < len(text) <= MAX_LISTED_CHARACTERS else "one of the values in its schema"
