"""The Jobs table: rows that people write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provisioner.aws.clients import translated
from provisioner.aws.items import Item, to_dynamodb, typed
from provisioner.aws.tables import get_many, pages
from provisioner.jobs.attributes import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from provisioner.aws.clients import Clients


_MOST_COMPARED = 120
"""DynamoDB, expressions: 4,096 bytes. A row of more attributes is INVALID, whatever they are."""


class JobsTable:
    """Rows as their authors wrote them: plain, unchecked values."""

    def __init__(self, clients: Clients, name: str) -> None:
        self._clients = clients
        self._name = name

    def get_many(self, job_names: Iterable[str]) -> dict[str, Item]:
        """Read rows consistently, by job name; a job without a row is left out."""
        return get_many(self._clients, self._name, job_names)

    def replace(self, row: Mapping[str, object], before: Mapping[str, object] | None) -> None:
        """Write a row whole, if the one that was read is still there; None: if there is none.

        Raises
        ------
        ConflictError
            If somebody else has written or removed it in the meantime.
        """
        with translated():
            self._clients.dynamodb.put_item(
                TableName=self._name, Item=to_dynamodb(row), **_still(before)
            )

    def put(self, row: Mapping[str, object]) -> None:
        """Write a row whole."""
        with translated():
            self._clients.dynamodb.put_item(TableName=self._name, Item=to_dynamodb(row))

    def remove(self, before: Mapping[str, object]) -> None:
        """Remove the row that was read, if it is still there.

        Raises
        ------
        ConflictError
            If somebody else has written or removed it in the meantime.
        """
        with translated():
            self._clients.dynamodb.delete_item(
                TableName=self._name,
                Key={"job_name": typed(before["job_name"])},
                **_still(before),
            )

    def delete(self, job_name: str) -> bool:
        """Remove a row; False when there was none."""
        with translated():
            response = self._clients.dynamodb.delete_item(
                TableName=self._name, Key={"job_name": {"S": job_name}}, ReturnValues="ALL_OLD"
            )
        return "Attributes" in response

    def all(self) -> Iterator[Item]:
        """Yield every row: for people's listings, and for the daily check."""
        return pages(self._clients, "scan", TableName=self._name)


def _still(before: Mapping[str, object] | None) -> dict[str, Any]:
    """Return the condition that a row is what was read, and has no attribute more."""
    if before is None:
        return {"ConditionExpression": "attribute_not_exists(job_name)"}
    names = [*before, *sorted(NAMES - before.keys())][:_MOST_COMPARED]
    parts = [
        f"#{index}=:{index}" if name in before else f"attribute_not_exists(#{index})"
        for index, name in enumerate(names)
    ]
    return {
        "ConditionExpression": " AND ".join(parts),
        "ExpressionAttributeNames": {f"#{index}": name for index, name in enumerate(names)},
        "ExpressionAttributeValues": {
            f":{index}": typed(before[name]) for index, name in enumerate(names) if name in before
        },
    }
