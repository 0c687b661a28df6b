"""DynamoDB items to plain values and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provisioner.aws.attribute_values import deserialize, serialize

if TYPE_CHECKING:
    from collections.abc import Mapping

Item = dict[str, Any]
"""A plain item: str, Decimal, bool, None, list, dict, bytes, set."""


def to_plain(item: Mapping[str, Any]) -> Item:
    """Return `{"n": {"N": "1"}}` as `{"n": Decimal(1)}`."""
    return {name: deserialize(value) for name, value in item.items()}


def typed(value: object) -> dict[str, Any]:
    """Return `1` as `{"N": "1"}`, and None as DynamoDB's NULL."""
    return serialize(value)


def to_dynamodb(item: Mapping[str, Any]) -> Item:
    """Return `{"n": 1}` as `{"n": {"N": "1"}}`; None values are left out."""
    return {name: serialize(value) for name, value in item.items() if value is not None}


def is_text_set(value: object) -> bool:
    """Tell whether a plain value was a set of texts, DynamoDB's SS."""
    return isinstance(value, set | frozenset) and all(isinstance(one, str) for one in value)
