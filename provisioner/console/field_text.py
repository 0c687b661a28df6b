"""The text of a form's field, and the value that it stands for. Pure."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from provisioner import exact_numbers
from provisioner.errors import InvalidRequestError
from provisioner.json_objects import distinct
from provisioner.plain_text import cleaned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ABSENT: Any = object()
"""The value of a field that is left empty."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
BREAKS = re.compile("[\n\ufffe\uffff]")
"""What a line of a form cannot hold."""


class FieldType(StrEnum):
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


def read(kind: FieldType, text: str) -> Any:  # noqa: ANN401
    """Return the value of a field's text, `ABSENT` for an empty one.

    Raises
    ------
    ValueError
        Which says what is wrong with the text.
    """
    return _READERS[kind](text)


def written(kind: FieldType, value: object) -> str:
    """Return the text of a value in a field of a kind; "" if it cannot have one."""
    if kind in (FieldType.TEXT, FieldType.LINES, FieldType.DATE):
        return value if isinstance(value, str) else ""
    return to_json(value, indent=2 if kind is FieldType.JSON else None)


def gives_back(kind: FieldType, text: str, value: object) -> bool:
    """Tell whether a browser's field of this kind, and reading it, keep a value as it is."""
    if kind is FieldType.JSON:
        return True
    if kind is FieldType.DATE and not _DATE.fullmatch(text):
        return False
    if cleaned(text) != text or (BREAKS.search(text) and kind is not FieldType.LINES):
        return False
    try:
        found = read(kind, text)
    except ValueError:
        return False
    return type(found) is type(value) and bool(found == value)


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
        return json.loads(
            text,
            parse_float=exact_numbers.read,
            parse_constant=_no_constant,
            object_pairs_hook=distinct,
        )
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


def _text(text: str) -> Any:  # noqa: ANN401
    return text.replace("\r\n", "\n") or ABSENT


def _json(text: str) -> Any:  # noqa: ANN401
    return from_json(text) if text.strip() else ABSENT


def _number(text: str) -> Any:  # noqa: ANN401
    if not text.strip():
        return ABSENT
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
        case value if value is ABSENT:
            return {}
    message = "must be a JSON object"
    raise ValueError(message)


_READERS: Mapping[FieldType, Callable[[str], Any]] = {
    FieldType.TEXT: _text,
    FieldType.LINES: _text,
    FieldType.DATE: _text,
    FieldType.INTEGER: _number,
    FieldType.NUMBER: _number,
    FieldType.FLAG: _json,
    FieldType.CHOICE: _json,
    FieldType.JSON: _json,
    FieldType.REST: _object,
}
