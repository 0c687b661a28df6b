"""Requests of conditional updates, with names and values as DynamoDB's expressions have them.

An attribute is written `#status` where its name is a reserved word of DynamoDB. `#` does no harm to
any other name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from provisioner.aws.items import to_dynamodb

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"#(\w+)")


def update(
    table: str, key: Mapping[str, str], expression: str, condition: str = "", **values: object
) -> dict[str, Any]:
    """Return the request of an update, for UpdateItem or as a part of TransactWriteItems.

    Parameters
    ----------
    values
        Each stands for `:name` in the expressions.
    """
    request: dict[str, Any] = {
        "TableName": table,
        "Key": to_dynamodb(key),
        "UpdateExpression": expression,
        **({"ConditionExpression": condition} if condition else {}),
        **names(expression, condition),
    }
    if values:
        request["ExpressionAttributeValues"] = to_dynamodb(
            {f":{name}": value for name, value in values.items()}
        )
    return request


def assignments(values: Mapping[str, object]) -> str:
    """Return what sets each attribute to the value of its name."""
    return ", ".join(f"#{name} = :{name}" for name in values)


def names(*expressions: str) -> dict[str, dict[str, str]]:
    """Return ExpressionAttributeNames of the names in expressions, nothing when there are none."""
    found = {name for expression in expressions for name in _NAME.findall(expression)}
    return (
        {"ExpressionAttributeNames": {f"#{name}": name for name in sorted(found)}} if found else {}
    )
