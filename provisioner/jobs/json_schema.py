"""A value against a JSON Schema of draft 2020-12, in bounded time and in plain words.

Whoever may write a row writes its schema, and whoever may start a run its payload. So there is
nothing here that fetches, that raises, or that goes on for longer than its steps: a schema is a
tree of plain maps (`contract.contract` has seen to that), `$ref` names a place in it, and every
keyword pays for what it looks at.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from provisioner.jobs import patterns
from provisioner.jobs.errors import did_you_mean, shown
from provisioner.jobs.rows import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Parts = tuple[str | int, ...]

MAPS_OF_SCHEMAS = frozenset({"$defs", "dependentSchemas", "properties"})
LISTS_OF_SCHEMAS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
SCHEMAS = frozenset(
    {
        *("additionalProperties", "contains", "else", "if", "items", "not"),
        *("propertyNames", "then"),
    }
)

MAX_STEPS = 25_000
"""Keywords, values of lists and characters of matched texts looked at for one payload: less than a
tenth of a second."""

MAX_DEPTH = 100
"""Schemas within schemas: far below Python's own limit."""

MAX_PROBLEMS = 20
MAX_LISTED_CHARACTERS = 200
MAX_MEANT = 100
"""Keys that a misspelt one is compared with."""

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

_COMPLETED_BY_A_RUN = frozenset(
    {
        *("anyOf", "const", "dependentRequired", "enum", "minProperties", "not", "oneOf"),
        "required",
    }
)
"""What is wrong by these with a default payload as a whole, a run's own input can put right."""


class _TooLongError(Exception):
    """The steps are used up, or go too deep."""


@dataclass(frozen=True, slots=True)
class _Misfit:
    """What is wrong with the value at a place, by a keyword (None: by a schema that is `false`)."""

    at: Parts
    keyword: str | None
    message: str
    inner: Parts = ()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a payload a schema is held against a value, within how many other schemas."""

    schema: Mapping[str, Any]
    at: Parts
    depth: int


def misfits(
    schema: Mapping[str, Any], payload: object, *, partial: bool = False
) -> tuple[tuple[Parts, str], ...]:
    """Return where a payload does not fit a schema, and why.

    A `partial` one may lack what a run's own input will add.
    """
    found = _Run(schema).misfits(schema, payload, (), 0)
    try:
        told = islice(
            (
                (misfit.at + misfit.inner, misfit.message)
                for misfit in found
                if not partial or misfit.at or misfit.keyword not in _COMPLETED_BY_A_RUN
            ),
            MAX_PROBLEMS,
        )
        return tuple(dict.fromkeys(told))
    except _TooLongError:
        return (((), "cannot be checked against payload_schema: that takes too many steps"),)


def places(schema: object, at: Parts = ()) -> Iterator[tuple[Parts, object]]:
    """Yield a schema and all that stands for a schema in it, each with its place."""
    yield at, schema
    if not isinstance(schema, dict):
        return
    for keyword, value in schema.items():
        inner: list[tuple[Parts, object]] = []
        if keyword in SCHEMAS:
            inner = [((keyword,), value)]
        elif keyword in MAPS_OF_SCHEMAS and isinstance(value, dict):
            inner = [((keyword, name), part) for name, part in value.items()]
        elif keyword in LISTS_OF_SCHEMAS and isinstance(value, list):
            inner = [((keyword, index), part) for index, part in enumerate(value)]
        for parts, part in inner:
            yield from places(part, (*at, *parts))


def targets(schema: object) -> dict[str, Any]:
    """Return what a `$ref` may stand for, by its pointer."""
    return {_pointer(at): part for at, part in places(schema) if isinstance(part, dict | bool)}


def pointer_of(reference: str) -> str | None:
    """Return the pointer of a `$ref`, None when it leads out of its schema."""
    if not reference.startswith("#"):
        return None
    pointer = unquote(reference[1:])
    return f"#{pointer}" if reference[1:2] in ("", "/") else None


def _pointer(parts: Parts) -> str:
    return "#" + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


class _Run:
    """One payload, held against one schema with a limited number of steps."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = schema
        self._left = MAX_STEPS * _GLANCES

    @cached_property
    def targets(self) -> Mapping[str, object]:
        """What a `$ref` may stand for."""
        return targets(self._schema)

    def pay(self, steps: int, glances: int = 0) -> None:
        """Take steps off what is left; a glance is a part of one."""
        self._left -= steps * _GLANCES + glances
        if self._left < 0:
            raise _TooLongError

    def misfits(self, schema: object, value: object, at: Parts, depth: int) -> Iterator[_Misfit]:
        """Yield what is wrong with a value."""
        if depth > MAX_DEPTH:
            raise _TooLongError
        if schema is False:
            yield _Misfit(at, None, "holds what its schema does not allow")
        if not schema or not isinstance(schema, dict):
            return
        place = _Place(schema, at, depth + 1)
        for keyword, wanted in schema.items():
            if fits := _ASSERTIONS.get(keyword):
                self.pay(1)
                if not fits(self, wanted, value):
                    yield _Misfit(at, keyword, _fault(keyword, wanted, value))
            elif apply := _APPLICATORS.get(keyword):
                self.pay(1)
                yield from apply(self, wanted, value, place)

    def fits(self, schema: object, value: object, place: _Place) -> bool:
        """Return whether nothing is wrong with a value."""
        return next(self.misfits(schema, value, place.at, place.depth), None) is None

    def key(self, value: object, depth: int = 0) -> object:
        """Return what is the same for values that JSON Schema calls equal: 1 and 1.0, not true."""
        self.pay(0, glances=2)
        if depth > MAX_DEPTH:
            raise _TooLongError
        match value:
            case bool():
                return ("flag", value)
            case dict():
                return frozenset((name, self.key(part, depth + 1)) for name, part in value.items())
            case list():
                return tuple(self.key(part, depth + 1) for part in value)
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


def _type(_run: _Run, wanted: str | list[str], value: object) -> bool:
    return any(_is_of(kind, value) for kind in ([wanted] if isinstance(wanted, str) else wanted))


def _const(run: _Run, wanted: object, value: object) -> bool:
    return run.key(wanted) == run.key(value)


def _enum(run: _Run, wanted: list[object], value: object) -> bool:
    run.pay(len(wanted))
    found = run.key(value)
    return any(run.key(one) == found for one in wanted)


def _unique(run: _Run, wanted: bool, value: object) -> bool:  # noqa: FBT001  (a keyword's value)
    if not wanted or not isinstance(value, list):
        return True
    return len({run.key(item) for item in value}) == len(value)


def _pattern(run: _Run, wanted: str, value: object) -> bool:
    if not isinstance(value, str):
        return True
    run.pay(len(value) * (1 + patterns.size(wanted).places // patterns.PLACES_OF_A_STEP))
    return patterns.matches(wanted, value)


def _multiple(_run: _Run, wanted: float, value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    try:
        return _exact(value) % _exact(wanted) == 0
    except (ValueError, ZeroDivisionError):
        return False  # infinite, or a schema that was not checked


def _exact(number: float) -> Fraction:
    return Fraction(number if isinstance(number, int) else repr(float(number)))


def _of_number(holds: Callable[[Any, Any], bool]) -> Callable[[_Run, Any, object], bool]:
    def check(_run: _Run, wanted: float, value: object) -> bool:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return not is_number or holds(value, wanted)

    return check


def _of_size(
    kind: type[str | list[Any] | dict[str, Any]], holds: Callable[[int, int], bool]
) -> Callable[[_Run, Any, object], bool]:
    return lambda _run, wanted, value: not isinstance(value, kind) or holds(len(value), wanted)


def _at_least(found: float, wanted: float) -> bool:
    return found >= wanted


def _at_most(found: float, wanted: float) -> bool:
    return found <= wanted


_ASSERTIONS: dict[str, Callable[[_Run, Any, object], bool]] = {
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


def _ref(run: _Run, wanted: str, value: object, place: _Place) -> Iterator[_Misfit]:
    target = run.targets.get(pointer_of(wanted) or "", True)
    yield from run.misfits(target, value, place.at, place.depth)


def _all_of(run: _Run, wanted: list[object], value: object, place: _Place) -> Iterator[_Misfit]:
    run.pay(0, glances=len(wanted))
    for schema in wanted:
        yield from run.misfits(schema, value, place.at, place.depth)


def _any_of(run: _Run, wanted: list[object], value: object, place: _Place) -> Iterator[_Misfit]:
    run.pay(len(wanted))
    if not any(run.fits(schema, value, place) for schema in wanted):
        yield _does_not_fit("anyOf", place)


def _one_of(run: _Run, wanted: list[object], value: object, place: _Place) -> Iterator[_Misfit]:
    run.pay(len(wanted))
    if sum(run.fits(schema, value, place) for schema in wanted) != 1:
        yield _does_not_fit("oneOf", place)


def _not(run: _Run, wanted: object, value: object, place: _Place) -> Iterator[_Misfit]:
    if run.fits(wanted, value, place):
        yield _does_not_fit("not", place)


def _if(run: _Run, wanted: object, value: object, place: _Place) -> Iterator[_Misfit]:
    branch = "then" if run.fits(wanted, value, place) else "else"
    yield from run.misfits(place.schema.get(branch, True), value, place.at, place.depth)


def _properties(
    run: _Run, wanted: Mapping[str, object], value: object, place: _Place
) -> Iterator[_Misfit]:
    if not isinstance(value, dict):
        return
    run.pay(0, glances=len(wanted))
    for name, schema in wanted.items():
        if name in value:
            yield from run.misfits(schema, value[name], (*place.at, name), place.depth)


def _additional(run: _Run, wanted: object, value: object, place: _Place) -> Iterator[_Misfit]:
    if not isinstance(value, dict):
        return
    known = place.schema.get("properties", {})
    run.pay(0, glances=len(value))
    for name, part in value.items():
        if name in known:
            continue
        if wanted is False:
            hint = did_you_mean(printable(name), islice(known, MAX_MEANT))
            yield _Misfit(place.at, "additionalProperties", f"is no part of it{hint}", (name,))
        else:
            yield from run.misfits(wanted, part, (*place.at, name), place.depth)


def _names(run: _Run, wanted: object, value: object, place: _Place) -> Iterator[_Misfit]:
    if not isinstance(value, dict):
        return
    run.pay(0, glances=len(value))
    for name in value:
        for misfit in run.misfits(wanted, name, place.at, place.depth):
            message = f"has a name that does not fit: it {misfit.message}"
            yield _Misfit(place.at, misfit.keyword, message, (name,))


def _required(run: _Run, wanted: list[str], value: object, place: _Place) -> Iterator[_Misfit]:
    run.pay(len(wanted))
    if isinstance(value, dict):
        missing = (name for name in wanted if name not in value)
        yield from (_Misfit(place.at, "required", "is required", (name,)) for name in missing)


def _dependent_required(
    run: _Run, wanted: Mapping[str, list[str]], value: object, place: _Place
) -> Iterator[_Misfit]:
    if not isinstance(value, dict):
        return
    for name, others in wanted.items():
        run.pay(1 + len(others))
        for other in others if name in value else ():
            if other not in value:
                message = f"is required beside {shown(name)}"
                yield _Misfit(place.at, "dependentRequired", message, (other,))


def _dependent_schemas(
    run: _Run, wanted: Mapping[str, object], value: object, place: _Place
) -> Iterator[_Misfit]:
    run.pay(0, glances=len(wanted))
    for name, schema in wanted.items():
        if isinstance(value, dict) and name in value:
            yield from run.misfits(schema, value, place.at, place.depth)


def _prefix_items(
    run: _Run, wanted: list[object], value: object, place: _Place
) -> Iterator[_Misfit]:
    run.pay(0, glances=len(wanted))
    if isinstance(value, list):
        for index, (schema, part) in enumerate(zip(wanted, value, strict=False)):
            yield from run.misfits(schema, part, (*place.at, index), place.depth)


def _items(run: _Run, wanted: object, value: object, place: _Place) -> Iterator[_Misfit]:
    if isinstance(value, list):
        run.pay(0, glances=len(value))
        first = len(place.schema.get("prefixItems", ()))
        for index, part in enumerate(value[first:], start=first):
            yield from run.misfits(wanted, part, (*place.at, index), place.depth)


def _contains(run: _Run, wanted: object, value: object, place: _Place) -> Iterator[_Misfit]:
    if isinstance(value, list):
        run.pay(0, glances=len(value))
        found = sum(run.fits(wanted, part, place) for part in value)
        most = place.schema.get("maxContains", found)
        if not place.schema.get("minContains", 1) <= found <= most:
            yield _does_not_fit("contains", place)


_APPLICATORS: dict[str, Callable[[_Run, Any, object, _Place], Iterator[_Misfit]]] = {
    "$ref": _ref,
    "additionalProperties": _additional,
    "allOf": _all_of,
    "anyOf": _any_of,
    "contains": _contains,
    "dependentRequired": _dependent_required,
    "dependentSchemas": _dependent_schemas,
    "if": _if,
    "items": _items,
    "not": _not,
    "oneOf": _one_of,
    "prefixItems": _prefix_items,
    "properties": _properties,
    "propertyNames": _names,
    "required": _required,
}


def _does_not_fit(keyword: str, place: _Place) -> _Misfit:
    return _Misfit(place.at, keyword, f'does not fit "{keyword}" of its schema')


def _fault(keyword: str, wanted: Any, found: object) -> str:  # noqa: ANN401  (any JSON)
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
