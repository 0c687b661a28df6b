"""A form made from a job's `payload_schema`, and the payload that a filled one stands for. Pure.

Every field says in its name how its text is to be read, `integer:limit`, so a form is read without
anything else. A value that the field for its schema could not give back exactly is edited as JSON.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from provisioner import exact_numbers
from provisioner.errors import InvalidRequestError
from provisioner.jobs import schema_engine
from provisioner.jobs.schema_places import pointer_of, targets
from provisioner.plain_text import cleaned
from provisioner.service.problems import pointer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_ABSENT: Any = object()
_MAX_REFERENCES = 20
_SHORT_TEXT = 200
"""A longer text gets a box of several lines."""


class Kind(StrEnum):
    """How a field's text is read."""

    TEXT = "text"
    LINES = "lines"
    DATE = "date"
    INTEGER = "integer"
    NUMBER = "number"
    FLAG = "flag"
    CHOICE = "choice"
    JSON = "json"
    REST = "rest"
    """All members that have no field of their own, as one JSON object."""


@dataclass(frozen=True, slots=True)
class Option:
    """One of a field's possible values, as JSON text, and what a person reads."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form.

    Attributes
    ----------
    text
        What stands in it: a value, never a mere hint of one.
    hint
        What is asked for, in words.
    pointer
        The value's place in the payload (RFC 6901).
    """

    kind: Kind
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
        """Where the value stands in the payload."""
        return "" if self.kind is Kind.REST else pointer((self.member,))


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
) -> tuple[Field, ...]:
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
        _field(name, part, payload.get(name, _ABSENT), required=name in required)
        for name, part in parts.items()
    ]
    rest = {name: value for name, value in payload.items() if name not in parts}
    if rest or not parts or _is_open(schema):
        label = "Other members" if parts else "Payload"
        made.append(Field(Kind.REST, "", to_json(rest), label, "A JSON object"))
    return tuple(_with_errors(field, wrong, parts) for field in made)


def filled(form: Mapping[str, str]) -> Filled:
    """Read a form; a field that is left empty is left out of the payload."""
    payload: dict[str, object] = {}
    errors: dict[str, tuple[str, ...]] = {}
    for name, text in form.items():
        kind, colon, member = name.partition(":")
        if not colon or kind not in _READERS:
            continue
        try:
            value = _READERS[Kind(kind)](text)
        except ValueError as error:
            errors["" if kind == Kind.REST else pointer((member,))] = (str(error),)
            continue
        if kind == Kind.REST:
            payload = {**(value or {}), **payload}
        elif value is not _ABSENT:
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


def to_json(value: object, indent: int | None = 2) -> str:
    """Return a value as JSON for people, which reads back as the same value.

    What is not for eyes is written as an escape of JSON, so that no page has to change it.
    """
    text = exact_numbers.to_json(value, indent=indent, ensure_ascii=False, default=_plain)
    return "".join(each if cleaned(each) == each else json.dumps(each)[1:-1] for each in text)


def _plain(value: object) -> object:
    match value:
        case set() | frozenset():
            return sorted(value)
        case _:
            message = f"a {type(value).__name__} cannot be edited here"
            raise InvalidRequestError(message)


def from_json(text: str) -> Any:  # noqa: ANN401
    """Read JSON text.

    Raises
    ------
    ValueError
        Which says where the mistake is.
    """
    try:
        return json.loads(text, parse_float=exact_numbers.read, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        message = f"is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})"
        raise ValueError(message) from error
    except ValueError as error:
        message = f"is not valid JSON: {error}"
        raise ValueError(message) from error
    except RecursionError:
        message = "is not valid JSON: it is nested too deeply"
        raise ValueError(message) from None


def _no_constant(name: str) -> object:
    message = f"{name} is not a number there"
    raise ValueError(message)


def _properties(schema: Mapping[str, Any] | None) -> dict[str, Mapping[str, Any]]:
    """Return the schema of each member that is described, its `$ref` followed."""
    known = targets(schema or {})
    parts = (schema or {}).get("properties", {})
    return {
        name: _resolved(part, known)
        for name, part in parts.items()
        if cleaned(name) == name and not _BREAKS.search(name)
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


def _field(name: str, part: Mapping[str, Any], value: object, *, required: bool) -> Field:
    kind = _kind(part, value)
    text = "" if value is _ABSENT else _written(kind, value)
    options = _options(kind, part)
    if value is not _ABSENT and not _gives_back(kind, text, value, options):
        kind, text, options = Kind.JSON, to_json(value), ()
    return Field(
        kind,
        name,
        text,
        label=str(part.get("title") or name),
        hint=" ".join(filter(None, (str(part.get("description", "")), _limits(part)))),
        required=required,
        options=options,
    )


def _kind(part: Mapping[str, Any], value: object) -> Kind:
    if isinstance(part.get("enum"), list) or "const" in part:
        return Kind.CHOICE
    match part.get("type"), part.get("format"):
        case "string", "date":
            return Kind.DATE
        case "string", _:
            long = isinstance(value, str) and ("\n" in value or len(value) > _SHORT_TEXT)
            return Kind.LINES if long else Kind.TEXT
        case "integer", _:
            return Kind.INTEGER
        case "number", _:
            return Kind.NUMBER
        case "boolean", _:
            return Kind.FLAG
        case _:
            return Kind.JSON


def _written(kind: Kind, value: object) -> str:
    if kind in (Kind.TEXT, Kind.LINES, Kind.DATE):
        return value if isinstance(value, str) else ""
    return to_json(value, indent=2 if kind is Kind.JSON else None)


def _gives_back(kind: Kind, text: str, value: object, options: tuple[Option, ...]) -> bool:
    """Tell whether a browser's field of this kind, and reading it, keep a value as it is."""
    if kind is Kind.JSON:
        return True
    if options and text not in {option.value for option in options}:
        return False
    if kind is Kind.DATE and not _DATE.fullmatch(text):
        return False
    if cleaned(text) != text or (_BREAKS.search(text) and kind is not Kind.LINES):
        return False
    try:
        read = _READERS[kind](text)
    except ValueError:
        return False
    return type(read) is type(value) and bool(read == value)


_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_BREAKS = re.compile("[\n\ufffe\uffff]")
"""What a line of a form cannot hold."""


def _options(kind: Kind, part: Mapping[str, Any]) -> tuple[Option, ...]:
    if kind is Kind.FLAG:
        return Option("true", "true"), Option("false", "false")
    if kind is not Kind.CHOICE:
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
    field: Field, errors: Mapping[str, tuple[str, ...]], parts: Mapping[str, object]
) -> Field:
    return replace(field, errors=tuple(_of(field, errors, parts)))


def _of(
    field: Field, errors: Mapping[str, tuple[str, ...]], parts: Mapping[str, object]
) -> Iterator[str]:
    """Yield a field's errors; what is inside its value, with the place there."""
    for at, messages in errors.items():
        member, _, inside = at.removeprefix("/").partition("/")
        member = member.replace("~1", "/").replace("~0", "~")
        if field.kind is Kind.REST and (not at or member not in parts):
            yield from (f"{at} {message}".strip() for message in messages)
        elif at and field.kind is not Kind.REST and member == field.member:
            yield from (f"/{inside} {message}" if inside else message for message in messages)


def _text(text: str) -> Any:  # noqa: ANN401
    return text.replace("\r\n", "\n") or _ABSENT


def _json(text: str) -> Any:  # noqa: ANN401
    return from_json(text) if text.strip() else _ABSENT


def _number(text: str) -> Any:  # noqa: ANN401
    if not text.strip():
        return _ABSENT
    with suppress(ValueError):
        match from_json(text):
            case bool():
                pass
            case int() | float() as value:
                return value
    message = "is not a number"
    raise ValueError(message)


def _object(text: str) -> Any:  # noqa: ANN401
    match _json(text):
        case dict() as value:
            return value
        case value if value is _ABSENT:
            return {}
    message = "must be a JSON object"
    raise ValueError(message)


_READERS: Mapping[Kind, Callable[[str], Any]] = {
    Kind.TEXT: _text,
    Kind.LINES: _text,
    Kind.DATE: _text,
    Kind.INTEGER: _number,
    Kind.NUMBER: _number,
    Kind.FLAG: _json,
    Kind.CHOICE: _json,
    Kind.JSON: _json,
    Kind.REST: _object,
}
