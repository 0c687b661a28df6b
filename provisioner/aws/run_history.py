"""The Triggers table as notifications need it: how long runs took, and which have waited long."""

from __future__ import annotations

from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING

from provisioner.aws.items import Item, to_dynamodb
from provisioner.aws.tables import pages, written
from provisioner.aws.updates import update
from provisioner.runs.keys import BY_STATUS, FIRST_RUN, Field
from provisioner.runs.model import RunStatus, iso

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from provisioner.aws.clients import Clients

SEARCHED_ROWS = 100
"""Rows of a job that are searched for succeeded runs: skipped ones may be many."""


class RunHistory:
    """Reads durations and waiting runs, and marks the runs that were published as waiting."""

    def __init__(self, clients: Clients, triggers_table: str) -> None:
        self._clients = clients
        self._name = triggers_table

    def durations_ms(self, job_name: str, before: str, count: int) -> list[int]:
        """Return how long the last succeeded runs took that began before the run `before`."""
        rows = pages(
            self._clients,
            "query",
            TableName=self._name,
            KeyConditionExpression="job_name = :job AND trigger_id BETWEEN :first AND :before",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues=to_dynamodb(
                {":job": job_name, ":first": FIRST_RUN, ":before": before}
            ),
            ProjectionExpression="trigger_id, #status, duration_ms",
            ScanIndexForward=False,
            PaginationConfig={"PageSize": 25, "MaxItems": SEARCHED_ROWS},
        )
        took = (
            int(row[Field.DURATION_MS])
            for row in rows
            if row[Field.TRIGGER_ID] != before
            and row.get(Field.STATUS) == RunStatus.SUCCEEDED
            and isinstance(row.get(Field.DURATION_MS), Decimal)
        )
        return list(islice(took, count))

    def queued(self, *, until: datetime) -> Iterator[Item]:
        """Yield the runs, of all jobs, that have been QUEUED since before `until` without an alert.

        Their inputs are left out: each may have 100 KB.
        """
        return pages(
            self._clients,
            "query",
            TableName=self._name,
            IndexName=BY_STATUS,
            KeyConditionExpression="#status = :queued AND started_at <= :until",
            FilterExpression="attribute_not_exists(alerted_at)",
            ProjectionExpression="job_name, trigger_id, #status, #source, started_at, queued_at, "
            "scheduled_for, execution_arn, log_url",
            ExpressionAttributeNames={"#status": "status", "#source": "source"},
            ExpressionAttributeValues=to_dynamodb(
                {":queued": RunStatus.QUEUED, ":until": iso(until)}
            ),
        )

    def mark_alerted(self, job_name: str, trigger_id: str, at: datetime) -> bool:
        """Note the alert about a waiting run; False when it no longer waits, or has an alert."""
        request = update(
            self._name,
            {Field.JOB_NAME: job_name, Field.TRIGGER_ID: trigger_id},
            "SET alerted_at = :at",
            "#status = :queued AND attribute_not_exists(alerted_at)",
            at=iso(at),
            queued=RunStatus.QUEUED,
        )
        return written(self._clients, "update_item", **request) is not None
