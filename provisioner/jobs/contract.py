"""What a job's payload has to look like: the JSON Schema of its row.

Anybody who may write a row writes one, and it is evaluated wherever runs are started. So it is held
to a part of draft 2020-12 that can be checked in bounded time and reads nothing from elsewhere.
"""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import unquote

from provisioner.jobs.errors import (
    MAX_ERRORS,
    FieldError,
    InvalidValueError,
    did_you_mean,
    invalid,
    shown,
)
from provisioner.jobs.fan_out import TAKEN, taken_keys
from provisioner.jobs.payload import RESERVED, json_object
from provisioner.jobs.rows import printable
from provisioner.jobs.values import choice

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provisioner.jobs.model import Job

MAX_BYTES = 8_192
"""Ours, as JSON: what checks a payload grows with both."""

MAX_PATTERN_CHARACTERS = 200
"""Ours: the time that a pattern takes grows with its length."""

MAX_PATTERNS = 20
"""Ours: to compile one made to be slow takes a tenth of a second, and 10 MB."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
_MAPS_OF_SCHEMAS = frozenset({"$defs", "dependentSchemas", "properties"})
_LISTS_OF_SCHEMAS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_SCHEMAS = frozenset(
    {
        *("additionalProperties", "contains", "else", "if", "items", "not"),
        *("propertyNames", "then"),
    }
)
_VALUES = frozenset(
    {
        *("$comment", "$ref", "$schema", "const", "default", "dependentRequired", "deprecated"),
        *("description", "enum", "examples", "exclusiveMaximum", "exclusiveMinimum", "format"),
        *("maxContains", "maxItems", "maxLength", "maxProperties", "maximum", "minContains"),
        *("minItems", "minLength", "minProperties", "minimum", "multipleOf", "pattern"),
        *("readOnly", "required", "title", "type", "uniqueItems", "writeOnly"),
    }
)
KEYWORDS = _MAPS_OF_SCHEMAS | _LISTS_OF_SCHEMAS | _SCHEMAS | _VALUES
UNSUPPORTED = {
    **dict.fromkeys(("$anchor", "$dynamicAnchor", "$dynamicRef", "$id"), 'use "$defs" and "$ref"'),
    "patternProperties": 'use "propertyNames" and "additionalProperties"',
    **dict.fromkeys(("unevaluatedItems", "unevaluatedProperties"), 'use "additionalProperties"'),
}

Parts = tuple[str | int, ...]


def contract(value: object) -> dict[str, object]:
    """Check a JSON Schema, given as a map or as JSON text."""
    schema = json_object(value)
    try:
        size = len(json.dumps(schema, separators=(",", ":"), ensure_ascii=False).encode())
    except TypeError as error:  # UNUSABLE stands somewhere in it
        raise InvalidValueError from error
    if size > MAX_BYTES:
        raise invalid(f"has {size} bytes; the most is {MAX_BYTES}")
    from provisioner.jobs import json_schema  # noqa: PLC0415  (slow to import; few rows need it)

    problems = tuple(islice(_problems(schema), MAX_ERRORS)) or json_schema.faults(schema)
    if problems:
        raise InvalidValueError(*((_path(at), message) for at, message in problems))
    return schema


def default_fits(payload: Mapping[str, object], schema: Mapping[str, object] | None) -> None:
    """Check a row's own payload, which a run's input may complete."""
    if problems := _misfits(schema, payload, partial=True):
        raise InvalidValueError(*problems)


def payload_errors(job: Job, payload: Mapping[str, object]) -> tuple[FieldError, ...]:
    """Return what is wrong with the input of a run, merged over the row's payload.

    Every front door asks this before it starts a run.
    """
    given = {name: value for name, value in payload.items() if name != RESERVED}
    taken = taken_keys(job.fan_out, given)
    return tuple(FieldError(f"payload.{key}", TAKEN) for key in taken) + tuple(
        FieldError(f"payload{path}", message)
        for path, message in _misfits(job.payload_schema, {**job.payload, **given}, partial=False)
    )


def _misfits(
    schema: Mapping[str, object] | None, payload: Mapping[str, object], *, partial: bool
) -> tuple[tuple[str, str], ...]:
    if schema is None:
        return ()
    from provisioner.jobs import json_schema  # noqa: PLC0415  (slow to import; few rows need it)

    found = json_schema.misfits(schema, payload, partial=partial)
    return tuple((_path(at), message) for at, message in found)


def _path(parts: Parts) -> str:
    """Return a place as errors name it: `.options[0].day`."""
    return "".join(
        f"[{part}]" if isinstance(part, int) else f".{printable(part)}" for part in parts
    )


def _problems(schema: dict[str, object]) -> Iterator[tuple[Parts, str]]:
    """Yield what jsonschema would pass over in silence, or do more of than we want."""
    if schema.get("type") != "object":
        yield ("type",), 'must be "object" at the top: a payload is a map'
    if schema.get("$schema", DIALECT) != DIALECT:
        yield ("$schema",), f'must be "{DIALECT}", or left out'
    places = {at: part for at, part in _places(schema, ()) if isinstance(part, dict | bool)}
    schemas = {at: part for at, part in places.items() if isinstance(part, dict)}
    targets = {_pointer(at) for at in places}
    patterns = {str(place["pattern"]) for place in schemas.values() if "pattern" in place}
    if len(patterns) > MAX_PATTERNS:
        yield (), f"has {len(patterns)} patterns; at most {MAX_PATTERNS} are allowed"
        return
    for at, place in schemas.items():
        for keyword, value in place.items():
            if problem := _problem(keyword, value, targets):
                yield (*at, keyword), problem


def _problem(keyword: str, value: object, targets: set[str]) -> str:
    match keyword, value:
        case _ if keyword in UNSUPPORTED:
            return f"is not supported; {UNSUPPORTED[keyword]}"
        case _ if keyword not in KEYWORDS:
            return f"is no keyword of JSON Schema{did_you_mean(keyword, KEYWORDS)}"
        case "$ref", str() if unquote(value) not in targets:
            return f'must name a part of this schema, like "#/$defs/day", not {shown(value)}'
        case "type", str() | list():
            return _type_problem(value)
        case "pattern", str() if len(value) > MAX_PATTERN_CHARACTERS:
            return f"has {len(value)} characters; the most is {MAX_PATTERN_CHARACTERS}"
        case "pattern", str():
            from provisioner.jobs import json_schema  # noqa: PLC0415  (slow to import; few rows need it)

            return json_schema.pattern_problem(value)
        case _:
            return ""


def _type_problem(value: str | list[object]) -> str:
    try:
        for name in [value] if isinstance(value, str) else value:
            choice(_TYPES)(name)
    except InvalidValueError as error:
        return str(error)
    return ""


def _places(schema: object, at: Parts) -> Iterator[tuple[Parts, object]]:
    """Yield a schema and all schemas in it, each with its place."""
    yield at, schema
    if not isinstance(schema, dict):
        return
    for keyword, value in schema.items():
        inner: list[tuple[Parts, object]] = []
        if keyword in _SCHEMAS:
            inner = [((keyword,), value)]
        elif keyword in _MAPS_OF_SCHEMAS and isinstance(value, dict):
            inner = [((keyword, name), part) for name, part in value.items()]
        elif keyword in _LISTS_OF_SCHEMAS and isinstance(value, list):
            inner = [((keyword, index), part) for index, part in enumerate(value)]
        for parts, part in inner:
            yield from _places(part, (*at, *parts))


def _pointer(parts: Parts) -> str:
    return "#" + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)
