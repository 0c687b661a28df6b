"""The part of JSON Schema draft 2020-12 that a row may use: what can be checked in bounded time."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from provisioner.jobs import patterns, schema_engine, schema_places
from provisioner.jobs.errors import InvalidValueError, did_you_mean, shown
from provisioner.jobs.schema_assertions import TYPES
from provisioner.jobs.values import choice

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provisioner.jobs.schema_places import Parts

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_TEXT = {"type": "string"}
_FLAG = {"type": "boolean"}
_NUMBER = {"type": "number"}
_COUNT = {"type": "integer", "minimum": 0}
_NAMES = {"type": "array", "items": _TEXT, "uniqueItems": True}
_MAP = {"type": "object"}
_SOME = {"type": "array", "minItems": 1}

_VALUES: Mapping[str, Mapping[str, object] | bool] = MappingProxyType(
    {
        **dict.fromkeys(("$comment", "$ref", "$schema", "description", "format", "title"), _TEXT),
        **dict.fromkeys(("deprecated", "readOnly", "uniqueItems", "writeOnly"), _FLAG),
        **dict.fromkeys(("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum"), _NUMBER),
        **dict.fromkeys(("maxContains", "maxItems", "maxLength", "maxProperties"), _COUNT),
        **dict.fromkeys(("minContains", "minItems", "minLength", "minProperties"), _COUNT),
        **dict.fromkeys(schema_places.MAPS_OF_SCHEMAS, _MAP),
        **dict.fromkeys(schema_places.LISTS_OF_SCHEMAS, _SOME),
        **dict.fromkeys(schema_places.SCHEMAS, True),
        "const": True,
        "default": True,
        "dependentRequired": {"type": "object", "additionalProperties": _NAMES},
        "enum": {"type": "array"},
        "examples": {"type": "array"},
        "multipleOf": {"type": "number", "exclusiveMinimum": 0},
        "pattern": _TEXT,
        "required": _NAMES,
        "type": {"type": ["string", "array"], "minItems": 1, "uniqueItems": True},
    }
)
"""What the value of each keyword has to be, as a schema (JSON Schema 2020-12, its vocabularies)."""

KEYWORDS = frozenset(_VALUES)
UNSUPPORTED = {
    **dict.fromkeys(("$anchor", "$dynamicAnchor", "$dynamicRef", "$id"), 'use "$defs" and "$ref"'),
    "patternProperties": 'use "propertyNames" and "additionalProperties"',
    **dict.fromkeys(("unevaluatedItems", "unevaluatedProperties"), 'use "additionalProperties"'),
}


def problems(schema: dict[str, object]) -> Iterator[tuple[Parts, str]]:
    """Yield what is wrong with a schema, or would have more done than we want."""
    if schema.get("type") != "object":
        yield ("type",), 'must be "object" at the top: a payload is a map'
    places = tuple(schema_places.places(schema))
    schemas = {at: part for at, part in places if isinstance(part, dict)}
    if problem := _too_much(
        {str(part["pattern"]) for part in schemas.values() if "pattern" in part}
    ):
        yield (), problem
        return
    for at, part in places:
        if not isinstance(part, dict | bool):
            yield at, f"must be a map or true or false, not {shown(part)}"
    targets = schema_places.targets(schema)
    for at, part in schemas.items():
        for keyword, value in part.items():
            if problem := _problem(keyword, value, targets):
                yield (*at, keyword), problem
            elif not isinstance(found := _VALUES[keyword], bool):
                for inner, message in schema_engine.violations(found, value):
                    yield (*at, keyword, *inner), message


def _too_much(expressions: set[str]) -> str:
    if len(expressions) > patterns.MAX_PATTERNS:
        return f"has {len(expressions)} patterns; at most {patterns.MAX_PATTERNS} are allowed"
    short = [text for text in expressions if len(text) <= patterns.MAX_CHARACTERS]
    if sum(patterns.size(text).work for text in short) > patterns.MAX_WORK:
        return "has patterns that repeat too much: count less, or name fewer characters"
    return ""


def _problem(keyword: str, value: object, targets: Mapping[str, object]) -> str:
    match keyword, value:
        case _ if keyword in UNSUPPORTED:
            return f"is not supported; {UNSUPPORTED[keyword]}"
        case _ if keyword not in KEYWORDS:
            return f"is not a keyword of JSON Schema{did_you_mean(keyword, KEYWORDS)}"
        case "$schema", str() if value != DIALECT:
            return f'must be "{DIALECT}", or left out'
        case "$ref", str() if schema_places.pointer_of(value) not in targets:
            return f'must name a part of this schema, like "#/$defs/day", not {shown(value)}'
        case "type", str() | list():
            return _type_problem(value)
        case "pattern", str() if len(value) > patterns.MAX_CHARACTERS:
            return f"has {len(value)} characters; the most is {patterns.MAX_CHARACTERS}"
        case "pattern", str():
            return patterns.problem(value)
        case _:
            return ""


def _type_problem(value: str | list[object]) -> str:
    try:
        for name in [value] if isinstance(value, str) else value:
            choice(TYPES)(name)
    except InvalidValueError as error:
        return str(error)
    return ""
