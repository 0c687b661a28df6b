"""Missed schedules: a row of the Triggers table each, and a count on the Stacks row."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from provisioner.aws.items import to_dynamodb
from provisioner.aws.tables import written
from provisioner.aws.updates import update
from provisioner.runs import keys
from provisioner.runs.keys import Field
from provisioner.runs.model import MISSED, RunStatus, Source, iso

if TYPE_CHECKING:
    from datetime import datetime

    from provisioner.aws.clients import Clients
    from provisioner.events import MissedSchedule


class MissedSchedules:
    """Writes the row of each missed schedule, once."""

    def __init__(self, clients: Clients, triggers_table: str, stacks_table: str) -> None:
        self._clients = clients
        self._triggers = triggers_table
        self._stacks = stacks_table

    def record(self, missed: MissedSchedule, now: datetime) -> bool:
        """Write a missed schedule, so that its scheduled time can no longer start a run.

        False when it had its run after all, was written before, or its job is gone.
        """
        count = update(
            self._stacks,
            {"job_name": missed.job_name},
            "ADD missed_schedules :one, version :one",
            "attribute_exists(job_name)",
            one=1,
        )
        items = [
            {"Put": self._new(_scheduled_time(missed, now))},
            {"Put": self._new(_run(missed, now))},
            {"Update": count},
        ]
        return written(self._clients, "transact_write_items", TransactItems=items) is not None

    def _new(self, item: dict[str, object]) -> dict[str, Any]:
        return {
            "TableName": self._triggers,
            "Item": to_dynamodb(item),
            "ConditionExpression": "attribute_not_exists(job_name)",
        }


def _scheduled_time(missed: MissedSchedule, now: datetime) -> dict[str, object]:
    return {
        Field.JOB_NAME: missed.job_name,
        Field.TRIGGER_ID: keys.scheduled_time(missed.schedule, missed.scheduled_for),
        Field.OWNER: MISSED,
        Field.EXPIRES_AT: _after(now, keys.SCHEDULED_TIME_RETENTION_SECONDS),
    }


def _run(missed: MissedSchedule, now: datetime) -> dict[str, object]:
    index = missed.schedule.rpartition("-")[2]
    stamp = re.sub("[-:]", "", missed.scheduled_for)
    trigger_id = keys.trigger_id(iso(now), f"missed-{index}-{stamp}")
    return {
        Field.JOB_NAME: missed.job_name,
        Field.TRIGGER_ID: trigger_id,
        Field.RUN_SHARD: keys.run_shard(trigger_id),
        Field.STATUS: RunStatus.SKIPPED,
        Field.SOURCE: Source.SCHEDULE,
        Field.SCHEDULED_FOR: missed.scheduled_for,
        Field.STARTED_AT: iso(now),
        Field.ENDED_AT: iso(now),
        Field.ERROR: MISSED,
        Field.CAUSE: missed.cause,
        Field.EXPIRES_AT: _after(now, keys.RUN_RETENTION_SECONDS),
    }


def _after(now: datetime, seconds: int) -> int:
    return int((now + timedelta(seconds=seconds)).timestamp())
