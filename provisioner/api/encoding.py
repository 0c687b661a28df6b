"""What the service returns as JSON."""

from __future__ import annotations

import base64
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from provisioner import exact_numbers


def jsonable(value: object) -> Any:  # noqa: ANN401  (any JSON value; a case each)
    """Return a value of JSON: numbers of DynamoDB as numbers, times in UTC, sets as lists."""
    match value:
        case None | bool() | int() | float():
            return value
        case Enum():
            return value.value
        case str():
            return value.encode("utf-8", "replace").decode()
        case Decimal():
            return exact_numbers.shown(value)
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case dict():
            return {str(jsonable(str(name))): jsonable(part) for name, part in value.items()}
        case list() | tuple():
            return [jsonable(part) for part in value]
        case set() | frozenset():
            return sorted((jsonable(part) for part in value), key=str)
        case _ if is_dataclass(value):
            return {each.name: jsonable(getattr(value, each.name)) for each in fields(value)}
        case _:
            return base64.b64encode(bytes(value)).decode()  # type: ignore[call-overload]


def body_of(value: object) -> str:
    """Return a JSON text, short and in the order in which its values are."""
    return exact_numbers.to_json(value, separators=(",", ":"), ensure_ascii=False)
