"""DynamoDB's attribute values and Python's, as boto3 maps them.

Importing boto3's own (`boto3.dynamodb.types`) loads all of boto3 and its transfers to S3, which is
a twentieth of a cold start. Binary values are plain bytes here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from decimal import Clamped, Context, Decimal, Inexact, Overflow, Rounded, Underflow
from typing import Any, TypeAlias

_CONTEXT = Context(
    Emin=-128, Emax=126, prec=38, traps=[Clamped, Overflow, Inexact, Rounded, Underflow]
)
"""DynamoDB, number: up to 38 digits of precision, 1E-130 to 9.99E+125."""

_NUMBER: TypeAlias = int | Decimal
_BINARY: TypeAlias = bytes | bytearray


def serialize(value: object) -> dict[str, Any]:
    """Return ``{"N": "1"}`` for 1, and so on; None is DynamoDB's NULL.

    Raises
    ------
    TypeError
        If DynamoDB has no type for it; a float is one of those.
    decimal.Inexact, decimal.Rounded, decimal.Overflow, decimal.Underflow
        If a number has more digits, or is larger or smaller, than DynamoDB takes.
    """
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case int() | Decimal():
            return {"N": _number(value)}
        case str():
            return {"S": value}
        case bytes() | bytearray():
            return {"B": value}
        case AbstractSet():
            return _set(value)
        case Mapping():
            return {"M": {name: serialize(each) for name, each in value.items()}}
        case list() | tuple():
            return {"L": [serialize(each) for each in value]}
        case _:
            raise TypeError(f"DynamoDB has no type for {type(value).__name__}: {value!r}")


def _number(value: int | Decimal) -> str:
    number = _CONTEXT.create_decimal(value)
    if not number.is_finite():
        raise TypeError(f"DynamoDB has no number {number}")
    return str(number)


def _set(values: AbstractSet[Any]) -> dict[str, Any]:
    if all(isinstance(each, _NUMBER) for each in values):
        return {"NS": [_number(each) for each in values]}
    if all(isinstance(each, str) for each in values):
        return {"SS": list(values)}
    if all(isinstance(each, _BINARY) for each in values):
        return {"BS": list(values)}
    raise TypeError(f"DynamoDB has no type for this set: {values!r}")


def _binary(content: object) -> bytes | bytearray:
    if not isinstance(content, _BINARY):  # the text of an event is not decoded
        raise TypeError(f"{content!r} is not binary")
    return content


def deserialize(value: Mapping[str, Any]) -> Any:  # noqa: ANN401  (whatever an item has)
    """Return 1 for ``{"N": "1"}``, and so on. A number may have any number of digits.

    Raises
    ------
    TypeError
        If it is not an attribute value.
    """
    kind = next(iter(value), "")
    content = value.get(kind, ())
    if kind == "M":
        return {name: deserialize(each) for name, each in content.items()}
    if kind == "L":
        return [deserialize(each) for each in content]
    read = _READ.get(kind)
    if read is None:
        raise TypeError(f"{value!r} is not an attribute value of DynamoDB")
    return read(content)


_READ: dict[str, Callable[[Any], Any]] = {
    "S": lambda text: text,
    "N": Decimal,
    "BOOL": lambda flag: flag,
    "NULL": lambda _: None,
    "SS": set,
    "NS": lambda numbers: set(map(Decimal, numbers)),
    "B": _binary,
    "BS": lambda contents: set(map(_binary, contents)),
}
