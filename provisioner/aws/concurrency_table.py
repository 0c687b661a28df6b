"""The concurrency slots of a job's queue: the item `#queue` beside the runs of the job."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from provisioner.aws.clients import translated
from provisioner.aws.items import Item, is_text_set, to_dynamodb, to_plain
from provisioner.aws.tables import pages, written
from provisioner.aws.updates import update
from provisioner.runs.keys import BY_STATUS, QUEUE, Field, QueueStatus
from provisioner.runs.messages import RETENTION_SECONDS, Slots
from provisioner.runs.model import iso

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from provisioner.aws.clients import Clients

_KEPT = timedelta(seconds=2 * RETENTION_SECONDS)


class ConcurrencyTable:
    """Acquires and releases slots. Each step is one conditional write, and can be repeated."""

    def __init__(self, clients: Clients, name: str) -> None:
        self._clients = clients
        self._name = name

    def acquire(self, job_name: str, run: str, max_concurrency: int, now: datetime) -> bool:
        """Acquire a slot for a run if fewer than `max_concurrency` are in use. Idempotent per run.

        False when none is free.
        """
        acquired = self._update(
            job_name,
            f"ADD {Field.ACQUIRED} :run SET {Field.ACQUIRED_AT} = :now, expires_at = :expires",
            f"attribute_not_exists({Field.ACQUIRED}) OR contains({Field.ACQUIRED}, :name)"
            f" OR attribute_type({Field.ACQUIRED}, :set) AND size({Field.ACQUIRED}) < :max",
            set="SS",
            run={run},
            name=run,
            max=max_concurrency,
            now=iso(now),
            expires=_expiry(now),
        )
        return acquired is not None

    def release(self, job_name: str, run: str) -> Slots | None:
        """Release a run's slot and return what is in use then; None when the run had none."""
        return self._update(
            job_name,
            f"DELETE {Field.ACQUIRED} :run",
            f"contains({Field.ACQUIRED}, :name)",
            run={run},
            name=run,
        )

    def mark_parked(self, job_name: str, now: datetime) -> Slots:
        """Note that messages are parked; return the slots in use at that moment."""
        found = self._update(
            job_name,
            "SET #status = :waiting, started_at = if_not_exists(started_at, :now), "
            f"{Field.PARKED_AT} = :now, expires_at = :expires",
            "attribute_exists(job_name)",
            waiting=QueueStatus.WAITING,
            now=iso(now),
            expires=_expiry(now),
        )
        return found or Slots()

    def clear_parked(self, job_name: str, parked_at: str) -> None:
        """Note that no message is parked, unless one was parked after `parked_at`."""
        self._update(
            job_name,
            f"REMOVE #status, started_at, {Field.PARKED_AT}",
            f"{Field.PARKED_AT} = :parked_at",
            parked_at=parked_at,
        )

    def get(self, job_name: str) -> Slots:
        """Read a job's slots consistently."""
        with translated():
            found = self._clients.dynamodb.get_item(
                TableName=self._name, Key=to_dynamodb(_key(job_name)), ConsistentRead=True
            )
        return self._read(job_name, to_plain(found.get("Item", {})))

    def jobs_with_parked_messages(self, until: datetime) -> Iterator[str]:
        """Yield the jobs of which messages have been parked since before `until`."""
        found = pages(
            self._clients,
            "query",
            TableName=self._name,
            IndexName=BY_STATUS,
            KeyConditionExpression="#status = :status AND started_at <= :until",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues=to_dynamodb(
                {":status": QueueStatus.WAITING, ":until": iso(until)}
            ),
        )
        return (str(item[Field.JOB_NAME]) for item in found)

    def _update(
        self, job_name: str, expression: str, condition: str, **values: object
    ) -> Slots | None:
        request = update(self._name, _key(job_name), expression, condition, **values)
        found = written(self._clients, "update_item", **request, ReturnValues="ALL_NEW")
        return None if found is None else self._read(job_name, to_plain(found["Attributes"]))

    def _read(self, job_name: str, item: Item) -> Slots:
        """Return what an item says; `taken` is removed if it has the wrong type."""
        taken = item.get(Field.ACQUIRED, set())
        if not is_text_set(taken):
            self._update(
                job_name,
                f"REMOVE {Field.ACQUIRED}",
                f"NOT attribute_type({Field.ACQUIRED}, :set)",
                set="SS",
            )
            taken = ()
        acquired_at, parked_at = item.get(Field.ACQUIRED_AT), item.get(Field.PARKED_AT)
        return Slots(
            in_use=frozenset(taken),
            acquired_at=acquired_at if isinstance(acquired_at, str) else "",
            parked_at=parked_at if parked_at is None or isinstance(parked_at, str) else "",
        )


def _key(job_name: str) -> dict[str, str]:
    return {Field.JOB_NAME: job_name, Field.TRIGGER_ID: QUEUE}


def _expiry(now: datetime) -> int:
    return int((now + _KEPT).timestamp())
