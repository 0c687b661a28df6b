"""DynamoDB items to plain values and back."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

if TYPE_CHECKING:
    from collections.abc import Mapping

Item = dict[str, Any]
"""A plain item: str, Decimal, bool, None, list, dict, bytes, set."""


class _Deserializer(TypeDeserializer):
    """Reads any number: boto3's own raises for one with more than 38 digits, zeros included."""

    def _deserialize_n(self, value: str) -> Decimal:
        return Decimal(value)


_deserialize = _Deserializer().deserialize
_serialize = TypeSerializer().serialize


def to_plain(item: Mapping[str, Any]) -> Item:
    """Return `{"n": {"N": "1"}}` as `{"n": Decimal(1)}`."""
    return {name: _deserialize(value) for name, value in item.items()}


def typed(value: object) -> dict[str, Any]:
    """Return `1` as `{"N": "1"}`, and None as DynamoDB's NULL."""
    return dict(_serialize(value))


def to_dynamodb(item: Mapping[str, Any]) -> Item:
    """Return `{"n": 1}` as `{"n": {"N": "1"}}`; None values are left out."""
    return {name: _serialize(value) for name, value in item.items() if value is not None}


def is_text_set(value: object) -> bool:
    """Tell whether a plain value was a set of texts, DynamoDB's SS."""
    return isinstance(value, set | frozenset) and all(isinstance(one, str) for one in value)
