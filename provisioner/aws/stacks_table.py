"""The Stacks table: what we know of each job's stack."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from provisioner.aws.items import Item, to_dynamodb
from provisioner.aws.tables import get_many, pages, unchanged_since, version_of, written
from provisioner.errors import ConflictError
from provisioner.jobs import FieldError
from provisioner.runs.messages import Limits
from provisioner.runs.model import iso
from provisioner.stacks.model import (
    Condition,
    Deletion,
    Drift,
    DriftStatus,
    Failure,
    JobStatus,
    StackRecord,
    StackStatus,
)
from provisioner.stacks.rate_limits import Quota, Reservation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from provisioner.aws.clients import Clients


_log = logging.getLogger(__name__)


class StacksTable:
    """Reads and writes StackRecords.

    A row that cannot be read, for a person wrote into it, reads as FAILED with that reason and
    nothing else: the next look makes it again from the job's row and its stack.
    """

    def __init__(self, clients: Clients, name: str) -> None:
        self._clients = clients
        self._name = name

    def get_many(self, job_names: Iterable[str]) -> dict[str, StackRecord]:
        """Read records consistently; a job without a row is left out."""
        return {
            name: _record(item)
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
            message = f"the Stacks row of {record.job_name} was written meanwhile"
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
        return (_record(item) for item in pages(self._clients, "query", **request))

    def all(self) -> Iterator[StackRecord]:
        """Yield every record: for people's listings, and for the daily comparison."""
        return (_record(item) for item in pages(self._clients, "scan", TableName=self._name))


_FIELDS = frozenset(
    {
        "job_name", "status", "cloudformation_status", "stack_id", "stack_name", "row_digest",
        "spec_digest", "drift", "deployed_digest", "in_sync", "outputs", "failure", "errors",
        "attempts", "recoveries", "next_attempt_at", "reservation", "retained_resources",
        "conditions", "retain", "deletion", "depends_on", "missed_schedules",
        "updated_at", "expires_at", "version",
    }
)  # fmt: skip


def _record(item: Item) -> StackRecord:
    try:
        return from_item(item)
    except Exception as error:  # noqa: BLE001  (whatever a person may have written there)
        job_name = item["job_name"]
        reason = f"the Stacks row cannot be read ({error!r}); the next look makes it again"
        _log.warning("%s: %s; it was %s", job_name, reason, item)
        return StackRecord(
            job_name,
            status=JobStatus.FAILED,
            failure=Failure(reason=reason, at=datetime.now(UTC)),
            version=version_of(item),
        )


def to_item(record: StackRecord) -> Item:
    """Return the row's attributes, the stack's outputs among them under their own names."""
    failure, drift = record.failure, record.drift
    item: Item = {
        _snake(name): value for name, value in record.outputs.items() if _snake(name) not in _FIELDS
    }
    return item | {
        "job_name": record.job_name,
        "status": record.status,
        "cloudformation_status": record.cloudformation_status,
        "stack_id": record.stack_id,
        "stack_name": record.stack_name,
        "row_digest": record.row_digest,
        "spec_digest": record.spec_digest,
        "deployed_digest": record.deployed_digest,
        "in_sync": record.in_sync,
        "outputs": dict(record.outputs),
        "failure": failure
        and {
            "resource": failure.resource,
            "reason": failure.reason,
            "at": iso(failure.at),
            "digest": failure.digest,
            "resources": list(failure.resources),
        },
        "errors": [{"field": e.field, "message": e.message} for e in record.errors] or None,
        "attempts": record.attempts,
        "recoveries": record.recoveries,
        "next_attempt_at": record.next_attempt_at and iso(record.next_attempt_at),
        "reservation": record.reservation
        and {
            "quota": record.reservation.quota,
            "at": iso(record.reservation.at),
            "kept": record.reservation.kept,
        },
        "drift": drift
        and {
            "status": drift.status,
            "checked_at": iso(drift.checked_at),
            "missing": list(drift.missing),
        },
        "retained_resources": list(record.retained_resources) or None,
        "depends_on": list(record.depends_on) or None,
        "missed_schedules": record.missed_schedules or None,
        "conditions": [
            {
                "type": condition.type,
                "status": condition.status,
                "reason": condition.reason,
                "message": condition.message,
                "last_transition_time": iso(condition.last_transition_time),
            }
            for condition in record.conditions
        ],
        "retain": record.retain,
        "deletion": record.deletion,
        "updated_at": record.updated_at and iso(record.updated_at),
        "expires_at": record.expires_at,
    }


def from_item(item: Item) -> StackRecord:
    """Return the record that `to_item` wrote."""
    failure = item.get("failure")
    reservation = item.get("reservation") or item.get("admission")
    drift = item.get("drift")
    cloudformation_status = item.get("cloudformation_status")
    return StackRecord(
        job_name=item["job_name"],
        status=JobStatus(item["status"]),
        cloudformation_status=cloudformation_status and StackStatus(cloudformation_status),
        stack_id=item.get("stack_id"),
        stack_name=item.get("stack_name"),
        row_digest=item.get("row_digest"),
        spec_digest=item.get("spec_digest"),
        deployed_digest=item.get("deployed_digest"),
        outputs=item.get("outputs", {}),
        failure=failure
        and Failure(
            reason=failure["reason"],
            at=_time(failure["at"]),
            resource=failure.get("resource"),
            digest=failure.get("digest"),
            resources=tuple(failure.get("resources", ())),
        ),
        errors=tuple(FieldError(e["field"], e["message"]) for e in item.get("errors", ())),
        attempts=int(item.get("attempts", 0)),
        recoveries=int(item.get("recoveries", 0)),
        next_attempt_at=_maybe_time(item.get("next_attempt_at")),
        reservation=reservation
        and Reservation(
            Quota(reservation["quota"]), _time(reservation["at"]), kept=reservation["kept"]
        ),
        drift=drift
        and Drift(
            DriftStatus(drift["status"]),
            _time(drift["checked_at"]),
            tuple(drift.get("missing", ())),
        ),
        retained_resources=tuple(item.get("retained_resources") or item.get("orphans") or ()),
        depends_on=tuple(item.get("depends_on", ())),
        missed_schedules=int(item.get("missed_schedules", 0)),
        conditions=tuple(
            Condition(**{**c, "last_transition_time": _time(c["last_transition_time"])})
            for c in item.get("conditions", ())
        ),
        retain=item.get("retain", False),
        deletion=Deletion(item["deletion"]) if "deletion" in item else None,
        updated_at=_maybe_time(item.get("updated_at")),
        expires_at=int(item["expires_at"]) if "expires_at" in item else None,
        version=version_of(item),
    )


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        message = f"{text} has no time zone"
        raise ValueError(message)
    return time


def _maybe_time(text: str | None) -> datetime | None:
    return None if text is None else _time(text)
