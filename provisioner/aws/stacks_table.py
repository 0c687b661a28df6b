"""The Stacks table: what is known of each job's stack."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from provisioner.aws.clients import translated
from provisioner.aws.items import Item, to_dynamodb, to_plain
from provisioner.aws.stack_items import UPGRADE_MARK, from_item, to_item
from provisioner.aws.tables import get_many, pages, unchanged_since, version_of, written
from provisioner.aws.updates import assignments, update
from provisioner.errors import ConflictError
from provisioner.runs.messages import Limits
from provisioner.runs.model import iso
from provisioner.stacks.model import Failure, JobStatus, StackRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from provisioner.aws.clients import Clients
    from provisioner.stacks.model import UpgradeMark


_log = logging.getLogger(__name__)

_LIST_ATTRIBUTES = ("listed", "ready_message", "row")
"""What the index of all jobs needs that rows of earlier versions lack."""


class StacksTable:
    """Reads and writes StackRecords.

    A row that cannot be read, because a person wrote into it, reads as FAILED with that reason and
    nothing else: the next reconcile makes it again from the job's row and its stack.
    """

    def __init__(self, clients: Clients, name: str) -> None:
        self._clients = clients
        self._name = name

    def get_many(self, job_names: Iterable[str]) -> dict[str, StackRecord]:
        """Read records consistently; a job without a row is left out."""
        return {
            name: record_of(item)
            for name, item in get_many(self._clients, self._name, job_names).items()
        }

    def save(self, record: StackRecord) -> None:
        """Write the record as the successor of `record.version`.

        Raises
        ------
        ConflictError
            If the row was written since `record` was read.
        """
        item = to_item(record)
        item["version"] = record.version + 1
        condition = unchanged_since(record.version)
        done = written(
            self._clients, "put_item", TableName=self._name, Item=to_dynamodb(item), **condition
        )
        if done is None:
            message = f"the Stacks row of {record.job_name} was written by another reconcile"
            raise ConflictError(message)

    def queue_limits(self, job_name: str) -> Limits | None:
        """Return what a job's stack says of its queue, None while it is not known to have one."""
        record = self.get_many([job_name]).get(job_name)
        if record is None or "QueueUrl" not in record.outputs:
            return None
        return Limits(
            batch_size=int(record.outputs["QueueBatchSize"]),
            max_concurrency=int(record.outputs["QueueMaxConcurrency"]),
        )

    def by_status(self, status: JobStatus, *, until: datetime) -> Iterator[StackRecord]:
        """Yield the records of a status that have not been written since `until`."""
        request = {
            "TableName": self._name,
            "IndexName": "by_status",
            "KeyConditionExpression": "#status = :status AND updated_at <= :until",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": to_dynamodb({":status": status, ":until": iso(until)}),
        }
        return (record_of(item) for item in pages(self._clients, "query", **request))

    def unlisted(
        self, after: Mapping[str, str] | None, limit: int
    ) -> tuple[list[StackRecord], dict[str, str] | None]:
        """Look at so many rows at most after a key; return those of earlier versions, and the end.

        Only they are not in the index of all jobs, deleted ones apart. The end is None when there
        are no more rows.
        """
        with translated():
            found = self._clients.dynamodb.scan(
                TableName=self._name,
                Limit=limit,
                FilterExpression="attribute_not_exists(listed) AND #status <> :deleted",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=to_dynamodb({":deleted": JobStatus.DELETED}),
                **({"ExclusiveStartKey": to_dynamodb(after)} if after else {}),
            )
        end = to_plain(found.get("LastEvaluatedKey", {}))
        return [record_of(to_plain(item)) for item in found["Items"]], end or None

    def add_to_list(self, record: StackRecord) -> bool:
        """Add a row of an earlier version to the index of all jobs; False if it was written since.

        Nothing else of the row changes.
        """
        item = to_item(record)
        values = {name: item[name] for name in _LIST_ATTRIBUTES if item[name] is not None}
        unchanged = unchanged_since(record.version)
        request = update(
            self._name,
            {"job_name": record.job_name},
            f"SET {assignments(values)}",
            f"attribute_exists(job_name) AND ({unchanged['ConditionExpression']})",
            **values,
        )
        request["ExpressionAttributeValues"] |= unchanged["ExpressionAttributeValues"]
        return written(self._clients, "update_item", **request) is not None

    def set_upgrade(self, record: StackRecord, mark: UpgradeMark | None) -> bool:
        """Mark a job for an upgrade, or take its mark away; False if its row was written since.

        Nothing else of the row changes.
        """
        values = {"upgrade": UPGRADE_MARK.write(mark)} if mark else {}
        unchanged = unchanged_since(record.version)
        request = update(
            self._name,
            {"job_name": record.job_name},
            "SET version = :next, #upgrade = :upgrade"
            if mark
            else "SET version = :next REMOVE #upgrade",
            f"attribute_exists(job_name) AND ({unchanged['ConditionExpression']})",
            **values,
        )
        request.setdefault("ExpressionAttributeValues", {}).update(
            unchanged["ExpressionAttributeValues"]
        )
        return written(self._clients, "update_item", **request) is not None

    def all(self) -> Iterator[StackRecord]:
        """Yield every record: for people's listings, and for the daily check."""
        return (record_of(item) for item in pages(self._clients, "scan", TableName=self._name))


def record_of(item: Item) -> StackRecord:
    """Return the record that a Stacks row describes; FAILED if the row cannot be read."""
    try:
        return from_item(item)
    except Exception as error:  # noqa: BLE001  (whatever a person may have written there)
        job_name = item["job_name"]
        reason = f"the Stacks row cannot be read ({error!r}); the next reconcile makes it again"
        _log.warning("%s: %s; it was %s", job_name, reason, item, extra={"job_name": job_name})
        return StackRecord(
            job_name,
            status=JobStatus.FAILED,
            failure=Failure(reason=reason, at=datetime.now(UTC)),
            version=version_of(item),
        )
