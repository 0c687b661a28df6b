"""How many runs of a job's queue there are: the item `#queue` beside the runs of the job."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from provisioner.aws.clients import client, translated
from provisioner.aws.items import Item, is_text_set, to_dynamodb, to_plain
from provisioner.aws.tables import pages, written
from provisioner.runs.keys import BY_STATUS, QUEUE, QueueStatus
from provisioner.runs.messages import RETENTION_SECONDS, Places
from provisioner.runs.model import iso

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

_KEPT = timedelta(seconds=2 * RETENTION_SECONDS)


class PlacesTable:
    """Takes and frees places. Each step is one conditional write, and can be repeated."""

    def __init__(self, name: str) -> None:
        self._name = name

    def take(self, job_name: str, run: str, most: int, now: datetime) -> bool:
        """Take a place for a run, unless `most` others have one; again is no other place."""
        taken = self._update(
            job_name,
            "ADD taken :run SET taken_at = :now, expires_at = :expires",
            "attribute_not_exists(taken) OR contains(taken, :name)"
            " OR attribute_type(taken, :set) AND size(taken) < :most",
            {
                ":set": "SS",
                ":run": {run},
                ":name": run,
                ":most": most,
                ":now": iso(now),
                ":expires": int((now + _KEPT).timestamp()),
            },
        )
        return taken is not None

    def free(self, job_name: str, run: str) -> Places | None:
        """Give a run's place back; None when it had none."""
        return self._update(
            job_name,
            "DELETE taken :run",
            "contains(taken, :name)",
            {":run": {run}, ":name": run},
        )

    def wait(self, job_name: str, now: datetime) -> Places:
        """Note that messages wait for a place; return what is taken from here on."""
        found = self._update(
            job_name,
            "SET #status = :waiting, started_at = if_not_exists(started_at, :now), "
            "aside_at = :now, expires_at = :expires",
            "attribute_exists(job_name)",
            {
                ":waiting": QueueStatus.WAITING,
                ":now": iso(now),
                ":expires": int((now + _KEPT).timestamp()),
            },
            {"#status": "status"},
        )
        return found or Places()

    def wait_no_more(self, job_name: str, aside_at: str) -> None:
        """Note that no message waits, unless one was put aside after `aside_at`."""
        self._update(
            job_name,
            "REMOVE #status, started_at, aside_at",
            "aside_at = :aside_at",
            {":aside_at": aside_at},
            {"#status": "status"},
        )

    def get(self, job_name: str) -> Places:
        """Read a job's places consistently."""
        with translated():
            found = client("dynamodb").get_item(
                TableName=self._name, Key=_key(job_name), ConsistentRead=True
            )
        return self._read(job_name, to_plain(found.get("Item", {})))

    def waiting(self, until: datetime) -> Iterator[str]:
        """Yield the jobs for which messages wait since before `until`."""
        found = pages(
            "query",
            TableName=self._name,
            IndexName=BY_STATUS,
            KeyConditionExpression="#status = :status AND started_at <= :until",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues=to_dynamodb(
                {":status": QueueStatus.WAITING, ":until": iso(until)}
            ),
        )
        return (str(item["job_name"]) for item in found)

    def _update(
        self,
        job_name: str,
        expression: str,
        condition: str,
        values: Item,
        names: dict[str, str] | None = None,
    ) -> Places | None:
        request: dict[str, Any] = {"ExpressionAttributeNames": names} if names else {}
        found = written(
            "update_item",
            TableName=self._name,
            Key=_key(job_name),
            UpdateExpression=expression,
            ConditionExpression=condition,
            ExpressionAttributeValues=to_dynamodb(values),
            ReturnValues="ALL_NEW",
            **request,
        )
        return None if found is None else self._read(job_name, to_plain(found["Attributes"]))

    def _read(self, job_name: str, item: Item) -> Places:
        """Return what an item says; `taken` of a type that is not its own is removed."""
        taken = item.get("taken", set())
        if not is_text_set(taken):
            self._update(
                job_name, "REMOVE taken", "NOT attribute_type(taken, :set)", {":set": "SS"}
            )
            taken = ()
        taken_at, aside_at = item.get("taken_at"), item.get("aside_at")
        return Places(
            taken=frozenset(taken),
            taken_at=taken_at if isinstance(taken_at, str) else "",
            aside_at=aside_at if aside_at is None or isinstance(aside_at, str) else "",
        )


def _key(job_name: str) -> Item:
    return to_dynamodb({"job_name": job_name, "trigger_id": QUEUE})
