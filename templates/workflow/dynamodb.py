"""DynamoDB's attribute values and transactions, as Python data with expressions for leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from templates.workflow.jsonata import Expression, call, merge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from templates.workflow.jsonata import Value

Members: TypeAlias = "Mapping[str, Value] | Expression"
"""An object, or the expression that yields it."""


def string(value: Value) -> dict[str, Value]:
    """Return an attribute value of type S."""
    return {"S": value}


def number(value: int | Expression) -> dict[str, Value]:
    """Return an attribute value of type N, which DynamoDB takes as text."""
    return {"N": call("string", value) if isinstance(value, Expression) else str(value)}


def string_set(*values: Value) -> dict[str, Value]:
    """Return an attribute value of type SS."""
    return {"SS": list(values)}


@dataclass(frozen=True, slots=True)
class ConditionExpression:
    """A condition, or the update with it: DynamoDB's own text and what it refers to."""

    text: Value
    values: Members
    reserved: tuple[str, ...] = ()
    """Attributes whose names are DynamoDB's own words: the text calls them ``#name``."""

    def members(self) -> dict[str, Value]:
        """Return the parameters that every kind of write takes."""
        names: dict[str, Value] = {f"#{name}": name for name in self.reserved}
        return {
            "ConditionExpression": self.text,
            **({"ExpressionAttributeNames": names} if names else {}),
            "ExpressionAttributeValues": self.values,
        }


@dataclass(frozen=True, slots=True)
class Items:
    """The items of one partition, of which a transaction writes some."""

    table: str
    partition: tuple[str, str]
    """The partition key's name and value."""
    sort_key: str

    def put(
        self,
        key: Value,
        attributes: Mapping[str, Value],
        *more: Value,
        condition: ConditionExpression,
    ) -> dict[str, Value]:
        """Return the write of a whole item; `more` are attributes that only some have."""
        whole = {**self._key(key), **attributes}
        item = merge(whole, *more) if more else whole
        return {"Put": {"TableName": self.table, "Item": item, **condition.members()}}

    def update(self, key: Value, update: Value, condition: ConditionExpression) -> dict[str, Value]:
        """Return the change of an item, which is made when it is not there."""
        members = {**self._place(key), "UpdateExpression": update, **condition.members()}
        return {"Update": members}

    def check(self, key: Value, condition: ConditionExpression) -> dict[str, Value]:
        """Return the check of an item that the transaction does not write."""
        return {"ConditionCheck": {**self._place(key), **condition.members()}}

    def _place(self, key: Value) -> dict[str, Value]:
        return {"TableName": self.table, "Key": self._key(key)}

    def _key(self, key: Value) -> dict[str, Value]:
        name, value = self.partition
        return {name: string(value), self.sort_key: string(key)}
