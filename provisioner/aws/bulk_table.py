"""Bulk operations, kept in the Triggers table until they are no longer of interest."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from provisioner.aws.clients import translated
from provisioner.aws.items import Item, to_dynamodb, to_plain
from provisioner.aws.tables import written
from provisioner.aws.updates import names, update
from provisioner.runs import keys
from provisioner.runs.keys import Field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from provisioner.aws.clients import Clients

_KEPT = timedelta(days=30)

_MEGABYTES = 3
"""Answers of DynamoDB that a list reads: 90 operations of 500 runs, or thousands of small ones."""

_LISTED = ", ".join(
    f"#{name}"
    for name in (
        *(Field.TRIGGER_ID, Field.ACTION, Field.REASON, Field.BY, Field.CREATED_AT),
        *(Field.TARGETS, Field.DONE, Field.FAILURES),
    )
)

_KEPT_STILL = f"#{Field.EXPIRES_AT} > :now"


class BulkTable:
    """One item per bulk operation."""

    def __init__(self, clients: Clients, triggers_table: str) -> None:
        self._clients = clients
        self._name = triggers_table

    def get(self, bulk_id: str) -> Item | None:
        """Return what is kept of an operation."""
        with translated():
            response = self._clients.dynamodb.get_item(
                TableName=self._name, Key=to_dynamodb(_key(bulk_id)), ConsistentRead=True
            )
        return to_plain(response["Item"]) if "Item" in response else None

    def all(self, now: datetime) -> tuple[list[Item], bool]:
        """Return what is kept of operations, without the rows to be deleted; whether these are all.

        DynamoDB deletes an item some days after its time has come. An item names all of its
        targets, so the search ends after some megabytes.
        """
        items: list[Item] = []
        start: dict[str, Any] = {}
        values = to_dynamodb({":bulk": keys.BULK, ":now": int(now.timestamp())})
        for _ in range(_MEGABYTES):
            with translated():
                found = self._clients.dynamodb.query(
                    TableName=self._name,
                    KeyConditionExpression="job_name = :bulk",
                    FilterExpression=_KEPT_STILL,
                    ExpressionAttributeValues=values,
                    ProjectionExpression=_LISTED,
                    ScanIndexForward=False,
                    **names(_LISTED, _KEPT_STILL),
                    **start,
                )
            items += map(to_plain, found["Items"])
            if "LastEvaluatedKey" not in found:
                return items, True
            start = {"ExclusiveStartKey": found["LastEvaluatedKey"]}
        return items, False

    def put(self, bulk_id: str, values: Mapping[str, object], now: datetime) -> bool:
        """Keep a new operation; False if there is one with this id."""
        item = {**_key(bulk_id), **values, Field.EXPIRES_AT: int((now + _KEPT).timestamp())}
        request = {
            "TableName": self._name,
            "Item": to_dynamodb(item),
            "ConditionExpression": "attribute_not_exists(trigger_id)",
        }
        return written(self._clients, "put_item", **request) is not None

    def advance(
        self, bulk_id: str, before: int, done: int, failures: Sequence[Mapping[str, Any]]
    ) -> bool:
        """Record a step, unless another caller has recorded it; `failures` are all until now."""
        request = update(
            self._name,
            _key(bulk_id),
            "SET #done = :done, #failures = :failures",
            "#done = :before",
            before=before,
            done=done,
            failures=list(failures),
        )
        return written(self._clients, "update_item", **request) is not None


def _key(bulk_id: str) -> dict[str, str]:
    return {Field.JOB_NAME: keys.BULK, Field.TRIGGER_ID: keys.bulk(bulk_id)}
