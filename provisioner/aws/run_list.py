"""The index of all jobs' runs: pages of it, and the rows of earlier versions, which it lacks."""

from __future__ import annotations

import logging
from math import isqrt
from typing import TYPE_CHECKING, Any

from provisioner.aws.clients import translated
from provisioner.aws.index_backfill import IndexBackfill, key_in
from provisioner.aws.items import to_dynamodb, to_plain
from provisioner.aws.tables import query_index, written
from provisioner.aws.updates import assignments, names, update
from provisioner.errors import DeniedError, PermanentError
from provisioner.runs.keys import BY_TIME, INDEX, RUN_SHARDS, Field, is_trigger_id
from provisioner.runs.listing import (
    EVERY,
    SHARDS,
    ListingPage,
    Position,
    RunsWanted,
    Shard,
    derived_of,
    page_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from provisioner.aws.clients import Clients
    from provisioner.aws.items import Item

_log = logging.getLogger(__name__)

_PAGES = 20
"""Of at most a megabyte: ten rows, if their inputs are large."""

_LOOKED_THROUGH = 10
"""For each run of a page, in each shard: DynamoDB filters, and returns what fits."""

_LOOKED_THROUGH_OF_JOBS = 6
"""The same for jobs alone: all of them are returned, and those of other jobs left out here."""

_NEEDED = "job_name, trigger_id, #status, #error, cause"


class RunList:
    """Lists the runs of all jobs, newest first."""

    def __init__(self, clients: Clients, triggers_table: str) -> None:
        self._clients = clients
        self._name = triggers_table

    def page(self, count: int, before: Position, which: RunsWanted = EVERY) -> ListingPage:
        """Return the next runs, with one query for each shard.

        A page may have fewer than `count` runs although more follow: each shard is asked for half
        of them and some more, as they are spread by chance. If they are not all that came in a span
        of time, it may have none.

        Raises
        ------
        PermanentError
            If the bootstrap has no such index, or DynamoDB is still making it.
        """
        if which.conditions()[0]:
            limit = _LOOKED_THROUGH * count
        elif which.jobs is not None:
            limit = _LOOKED_THROUGH_OF_JOBS * count
        else:
            limit = min(count, count // 2 + isqrt(count) + 1)  # two standard deviations
        shards = {number: self._shard(number, limit, before, which) for number in SHARDS}
        return page_of(shards, count, before)

    def derive(self, row: Mapping[str, Any], derived: Mapping[str, object]) -> bool:
        """Add to a run's row the attributes that lists need; False when there is no such row."""
        request = update(
            self._name,
            {name: row[name] for name in (Field.JOB_NAME, Field.TRIGGER_ID)},
            f"SET {assignments(derived)}",
            "attribute_exists(#status)",
            **derived,
        )
        return written(self._clients, "update_item", **request) is not None

    def backfill(self, limit: int, now: datetime) -> int:
        """Give rows of earlier versions what the index needs; return how many that were.

        It continues where the call before it ended, and does nothing once it is through. A page is
        noted when all its rows are written, so one that was cut off is done again.

        Parameters
        ----------
        limit
            It ends with the page after so many; no page has more rows.
        """
        progress = IndexBackfill(self._clients, self._name, INDEX)
        if progress.is_done() or not progress.may_begin(now):
            return 0
        after, count = progress.after("job_name", "trigger_id"), 0
        for _ in range(_PAGES):
            rows, after = self._scanned(after, limit)
            count += sum(self._add(row) for row in rows)
            progress.note(after, now)
            if not after or count >= limit:
                break
        return count

    def _add(self, row: Mapping[str, Any]) -> bool:
        """Add one row to the index; one that DynamoDB refuses, too large say, stays out of it."""
        try:
            return self.derive(row, derived_of(row))
        except DeniedError:
            raise
        except PermanentError:
            job_name, trigger_id = row[Field.JOB_NAME], row[Field.TRIGGER_ID]
            _log.exception(
                "the run %s %s cannot be added to the index of all runs",
                job_name,
                trigger_id,
                extra={"job_name": job_name},
            )
            return False

    def _shard(self, number: int, limit: int, before: Position, which: RunsWanted) -> Shard:
        first, last = which.bounds()
        at = min(last, before.at)
        if first > at:  # DynamoDB refuses such bounds
            return Shard([], None)
        conditions, more = which.conditions()
        values = {":shard": number, ":since": first, ":at": at, **more}
        request: dict[str, Any] = {"Limit": limit}
        if number in before.after and at == before.at:
            start: dict[str, object] = {
                Field.RUN_SHARD: number,
                Field.TRIGGER_ID: before.at,
                Field.JOB_NAME: before.after[number],
            }
            request["ExclusiveStartKey"] = to_dynamodb(start)
        if conditions:
            request |= {"FilterExpression": " AND ".join(conditions), **names(*conditions)}
        found = self._query(values, request)
        end = to_plain(found.get("LastEvaluatedKey", {}))
        jobs = which.jobs
        wanted = (raw for raw in found["Items"] if jobs is None or raw[Field.JOB_NAME]["S"] in jobs)
        return Shard(
            [to_plain(raw) for raw in wanted],
            (end[Field.TRIGGER_ID], end[Field.JOB_NAME]) if end else None,
        )

    def _query(self, values: Mapping[str, object], request: Mapping[str, Any]) -> dict[str, Any]:
        return query_index(
            self._clients,
            "Triggers",
            TableName=self._name,
            IndexName=BY_TIME,
            KeyConditionExpression=_BETWEEN,
            ExpressionAttributeValues=to_dynamodb(values),
            ScanIndexForward=False,
            **request,
        )

    def _scanned(
        self, after: Mapping[str, str] | None, limit: int
    ) -> tuple[list[Item], dict[str, str] | None]:
        with translated():
            found = self._clients.dynamodb.scan(
                TableName=self._name,
                Limit=limit,
                ProjectionExpression=_NEEDED,
                FilterExpression=_UNLISTED,
                ExpressionAttributeValues=to_dynamodb({":shards": RUN_SHARDS}),
                **names(_NEEDED, _UNLISTED),
                **({"ExclusiveStartKey": to_dynamodb(after)} if after else {}),
            )
        rows = [to_plain(raw) for raw in found["Items"]]
        end = key_in(to_plain(found.get("LastEvaluatedKey", {})), "job_name", "trigger_id")
        return [row for row in rows if is_trigger_id(row[Field.TRIGGER_ID])], end


_UNLISTED = (
    "(attribute_not_exists(run_shard) OR run_shard >= :shards) AND attribute_exists(#status)"
)
_BETWEEN = "run_shard = :shard AND trigger_id BETWEEN :since AND :at"
