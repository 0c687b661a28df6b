"""A form made from a job's `payload_schema`, and the payload that a filled one stands for. Pure.

Every field says in its name how its text is to be read, `integer:limit`, so a form is read without
anything else. A value that the field for its schema could not give back exactly is edited as JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from provisioner.console.field_text import (
    ABSENT,
    BREAKS,
    FieldType,
    gives_back,
    read,
    to_json,
    written,
)
from provisioner.jobs import schema_engine
from provisioner.jobs.schema_places import pointer_of, targets
from provisioner.plain_text import cleaned
from provisioner.service.problems import pointer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MAX_REFERENCES = 20
_SHORT_TEXT = 200
"""A longer text gets a box of several lines."""


@dataclass(frozen=True, slots=True)
class Option:
    """One of a field's possible values, as JSON text, and what a person reads."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of a form.

    Attributes
    ----------
    text
        What it contains: a value, never a mere hint of one.
    hint
        What is asked for, in words.
    pointer
        The value's place in the payload (RFC 6901).
    """

    kind: FieldType
    member: str
    text: str = ""
    label: str = ""
    hint: str = ""
    required: bool = False
    options: tuple[Option, ...] = ()
    errors: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The field's name in the form."""
        return f"{self.kind}:{self.member}"

    @property
    def pointer(self) -> str:
        """Where the value is in the payload."""
        return "" if self.kind is FieldType.REST else pointer((self.member,))


@dataclass(frozen=True, slots=True)
class Filled:
    """What a person has filled in: the payload as far as it can be read, and what cannot be."""

    payload: Mapping[str, object]
    errors: Mapping[str, tuple[str, ...]]


def initial(schema: Mapping[str, Any] | None, payload: Mapping[str, object]) -> dict[str, object]:
    """Return what a new run's form begins with: the row's payload over the schema's defaults."""
    parts = _properties(schema)
    defaults = {name: part["default"] for name, part in parts.items() if "default" in part}
    return {**defaults, **payload}


def fields(
    schema: Mapping[str, Any] | None,
    payload: Mapping[str, object],
    errors: Mapping[str, tuple[str, ...]] | None = None,
) -> tuple[FormField, ...]:
    """Return the form that shows a payload; reading it gives that payload again.

    Parameters
    ----------
    errors
        By the pointer of a value; each stands at the field that the value is in.
    """
    wrong = errors or {}
    parts = _properties(schema)
    required = (schema or {}).get("required", ())
    made = [
        _field(name, part, payload.get(name, ABSENT), required=name in required)
        for name, part in parts.items()
    ]
    rest = {name: value for name, value in payload.items() if name not in parts}
    if rest or not parts or _is_open(schema):
        label = "Other members" if parts else "Payload"
        made.append(FormField(FieldType.REST, "", to_json(rest), label, "A JSON object"))
    return tuple(_with_errors(field, wrong, parts) for field in made)


def filled(form: Mapping[str, str]) -> Filled:
    """Read a form; a field that is left empty is left out of the payload."""
    payload: dict[str, object] = {}
    errors: dict[str, tuple[str, ...]] = {}
    for name, text in form.items():
        kind, colon, member = name.partition(":")
        if not colon or kind not in set(FieldType):
            continue
        try:
            value = read(FieldType(kind), text)
        except ValueError as error:
            errors["" if kind == FieldType.REST else pointer((member,))] = (str(error),)
            continue
        if kind == FieldType.REST:
            payload = {**(value or {}), **payload}
        elif value is not ABSENT:
            payload[member] = value
    return Filled(payload, errors)


def violations(
    schema: Mapping[str, Any] | None, payload: Mapping[str, object]
) -> dict[str, tuple[str, ...]]:
    """Return what is wrong with a payload, by the pointer of each value."""
    found: dict[str, tuple[str, ...]] = {}
    for parts, message in schema_engine.violations(schema or {}, payload):
        at = pointer(parts)
        found[at] = (*found.get(at, ()), message)
    return found


def _properties(schema: Mapping[str, Any] | None) -> dict[str, Mapping[str, Any]]:
    """Return the schema of each member that is described, its `$ref` followed."""
    known = targets(schema or {})
    parts = (schema or {}).get("properties", {})
    return {
        name: _resolved(part, known)
        for name, part in parts.items()
        if cleaned(name) == name and not BREAKS.search(name)
    }


def _resolved(part: object, known: Mapping[str, Any]) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(_MAX_REFERENCES):
        if not isinstance(part, dict):
            break
        found = {**part, **found}
        part = known.get(pointer_of(part.get("$ref", "")) or "")
    return found


def _is_open(schema: Mapping[str, Any] | None) -> bool:
    return (schema or {}).get("additionalProperties", True) is not False


def _field(name: str, part: Mapping[str, Any], value: object, *, required: bool) -> FormField:
    kind = _kind(part, value)
    text = "" if value is ABSENT else written(kind, value)
    options = _options(kind, part)
    if value is not ABSENT and not (_is_offered(text, options) and gives_back(kind, text, value)):
        kind, text, options = FieldType.JSON, to_json(value), ()
    return FormField(
        kind,
        name,
        text,
        label=str(part.get("title") or name),
        hint=" ".join(filter(None, (str(part.get("description", "")), _limits(part)))),
        required=required,
        options=options,
    )


def _kind(part: Mapping[str, Any], value: object) -> FieldType:
    if isinstance(part.get("enum"), list) or "const" in part:
        return FieldType.CHOICE
    match part.get("type"), part.get("format"):
        case "string", "date":
            return FieldType.DATE
        case "string", _:
            long = isinstance(value, str) and ("\n" in value or len(value) > _SHORT_TEXT)
            return FieldType.LINES if long else FieldType.TEXT
        case "integer", _:
            return FieldType.INTEGER
        case "number", _:
            return FieldType.NUMBER
        case "boolean", _:
            return FieldType.FLAG
        case _:
            return FieldType.JSON


def _is_offered(text: str, options: tuple[Option, ...]) -> bool:
    return not options or text in {option.value for option in options}


def _options(kind: FieldType, part: Mapping[str, Any]) -> tuple[Option, ...]:
    if kind is FieldType.FLAG:
        return Option("true", "true"), Option("false", "false")
    if kind is not FieldType.CHOICE:
        return ()
    values = [part["const"]] if "const" in part else part["enum"]
    return tuple(Option(to_json(value, indent=None), _label(value)) for value in values)


def _label(value: object) -> str:
    return value if isinstance(value, str) and value else to_json(value, indent=None)


def _limits(part: Mapping[str, Any]) -> str:
    said = (
        f"{word} {part[keyword]}{unit}"
        for keyword, word, unit in _LIMITS
        if isinstance(part.get(keyword), str | int | float)
    )
    return f"({', '.join(found)})" if (found := list(said)) else ""


_LIMITS = (
    ("minimum", "from", ""),
    ("exclusiveMinimum", "more than", ""),
    ("maximum", "at most", ""),
    ("exclusiveMaximum", "less than", ""),
    ("multipleOf", "a multiple of", ""),
    ("minLength", "at least", " characters"),
    ("maxLength", "at most", " characters"),
    ("format", "a", ""),
    ("pattern", "matches", ""),
)


def _with_errors(
    field: FormField, errors: Mapping[str, tuple[str, ...]], parts: Mapping[str, object]
) -> FormField:
    return replace(field, errors=tuple(_of(field, errors, parts)))


def _of(
    field: FormField, errors: Mapping[str, tuple[str, ...]], parts: Mapping[str, object]
) -> Iterator[str]:
    """Yield a field's errors; what is inside its value, with the place there."""
    for at, messages in errors.items():
        member, _, inside = at.removeprefix("/").partition("/")
        member = member.replace("~1", "/").replace("~0", "~")
        if field.kind is FieldType.REST and (not at or member not in parts):
            yield from (f"{at} {message}".strip() for message in messages)
        elif at and field.kind is not FieldType.REST and member == field.member:
            yield from (f"/{inside} {message}" if inside else message for message in messages)
