"""Rows, records and runs as JSON or YAML."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import TYPE_CHECKING, assert_never

import yaml

from provisioner import exact_numbers
from provisioner.cli.display import stdout
from provisioner.cli.options import Format
from provisioner.plain_text import cleaned

if TYPE_CHECKING:
    from typing import Literal

    from provisioner.service.apply import AttributeChange

Document = dict[str, object]

_UNBOUNDED_COLUMNS = 1_000_000
_SHORT_CHARACTERS = 80


class _Dumper(yaml.SafeDumper):
    """Writes a number that a float would cut short with all its digits."""


_Dumper.add_representer(
    Decimal,
    lambda dumper, number: dumper.represent_scalar("tag:yaml.org,2002:float", f"{number:f}"),
)


def show(document: object, form: Literal[Format.JSON, Format.YAML]) -> None:
    """Write a result to stdout."""
    match form:
        case Format.JSON:
            text = as_json(_plain(document))
        case Format.YAML:
            text = as_yaml(document)
        case _:
            assert_never(form)
    stdout().print(text, soft_wrap=True)


def as_yaml(document: object) -> str:
    """Return a value as YAML in blocks, to be read as the very same value."""
    text = _dumped(document, allow_unicode=True)
    if cleaned(text) != text:
        text = _dumped(document, allow_unicode=False)
    return text.rstrip("\n")


def _dumped(document: object, *, allow_unicode: bool) -> str:
    text: str = yaml.dump(
        _plain(document),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=allow_unicode,
        width=_UNBOUNDED_COLUMNS,
    )
    return text


def as_json(document: object) -> str:
    """Return a plain value as JSON on several lines, to be read as the very same value."""
    text = exact_numbers.to_json(document, indent=2, ensure_ascii=False)
    return text if cleaned(text) == text else exact_numbers.to_json(document, indent=2)


def of_change(change: AttributeChange) -> str:
    """Return what changes of a row in one line, cut short.

    Of `environment` only the names: values are not for screens.
    """
    before, after = _short(change.name, change.before), _short(change.name, change.after)
    return f"{change.name}: {before} → {after}"


def _short(name: str, value: object) -> str:
    if value is None:
        return "-"
    if name == "environment" and isinstance(value, dict):
        value = sorted(value)
    text = (
        value
        if isinstance(value, str)
        else exact_numbers.to_json(_plain(value), ensure_ascii=False)
    )
    text = " ".join(text.split())
    return text if len(text) <= _SHORT_CHARACTERS else text[: _SHORT_CHARACTERS - 1] + "…"


def one_line(text: str) -> str:
    """Return text that cannot look like lines of ours."""
    return text.replace("\n", r"\n")


def _plain(value: object) -> object:
    match value:
        case bool() | int() | float() | None:
            return value
        case str():
            return str(value)
        case Decimal():
            return exact_numbers.shown(value)
        case dict():
            return {str(name): _plain(part) for name, part in value.items()}
        case list() | tuple():
            return [_plain(part) for part in value]
        case set() | frozenset():
            return sorted((_plain(part) for part in value), key=str)
        case _:
            return base64.b64encode(bytes(value)).decode()  # type: ignore[call-overload]
