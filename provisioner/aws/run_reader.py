"""Runs as they are read: one, the last ones of a job, those of all jobs that are open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from provisioner.aws.clients import translated
from provisioner.aws.items import Item, to_dynamodb, to_plain
from provisioner.aws.run_items import found_run_of
from provisioner.aws.tables import pages
from provisioner.aws.updates import names
from provisioner.runs.keys import (
    BY_STATUS,
    FIRST_RUN,
    LIST_FIELDS,
    Field,
    execution_name_of,
    is_trigger_id,
)
from provisioner.runs.listing import EVERY, RunsWanted
from provisioner.runs.model import RunStatus, Source, iso

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from provisioner.aws.clients import Clients
    from provisioner.runs.model import FoundRun

# Step Functions' event and the execution's own context may round its start differently.
_START_TOLERANCE = timedelta(seconds=2)

SEARCHED_RUNS = 1000
"""How many of a job's last runs are searched for those by schedule."""

SEARCHED_MEGABYTES = 3
"""Answers of DynamoDB that a search for a run's name reads: each ends after a megabyte."""


_LISTED = ", ".join(f"#{name}" for name in (Field.JOB_NAME, Field.TRIGGER_ID, *LIST_FIELDS))


@dataclass(frozen=True, slots=True)
class OpenRuns:
    """Runs that are RUNNING or QUEUED; there may be more unless `complete`."""

    runs: list[Item]
    complete: bool


class RunReader:
    """Reads the runs in the Triggers table."""

    def __init__(self, clients: Clients, name: str) -> None:
        self._clients = clients
        self._name = name

    def find(self, job_name: str, execution_name: str, started_at: datetime) -> Item | None:
        """Return the row of an execution, None when it has none."""
        values = {
            ":job": job_name,
            ":first": iso(started_at - _START_TOLERANCE),
            ":last": iso(started_at + _START_TOLERANCE) + "~",
        }
        runs = pages(
            self._clients,
            "query",
            TableName=self._name,
            KeyConditionExpression="job_name = :job AND trigger_id BETWEEN :first AND :last",
            ExpressionAttributeValues=to_dynamodb(values),
            ConsistentRead=True,
        )
        for run in runs:
            if run[Field.TRIGGER_ID].endswith(f"#{execution_name}"):
                return run
        return None

    def named(self, job_name: str, execution_name: str) -> Item | None:
        """Return the row of a run by its name alone, None when it is not among the last ones.

        For a run whose execution Step Functions does not know. DynamoDB reads whole rows, so the
        search ends after so many megabytes, whatever inputs the job's runs have.
        """
        start: dict[str, Any] = {}
        for _ in range(SEARCHED_MEGABYTES):
            with translated():
                found = self._clients.dynamodb.query(
                    TableName=self._name,
                    KeyConditionExpression="job_name = :job AND trigger_id > :first",
                    ExpressionAttributeValues=to_dynamodb({":job": job_name, ":first": FIRST_RUN}),
                    ProjectionExpression="trigger_id",
                    ScanIndexForward=False,
                    Limit=SEARCHED_RUNS,
                    **start,
                )
            for key in map(to_plain, found["Items"]):
                if execution_name_of(key[Field.TRIGGER_ID]) == execution_name:
                    return self._get(job_name, key[Field.TRIGGER_ID])
            if "LastEvaluatedKey" not in found:
                return None
            start = {"ExclusiveStartKey": found["LastEvaluatedKey"]}
        return None

    def run(self, job_name: str, trigger_id: str) -> Item | None:
        """Read a run's row whole and consistently, None when there is none."""
        return self._get(job_name, trigger_id) if is_trigger_id(trigger_id) else None

    def latest(self, job_name: str, count: int, which: RunsWanted = EVERY) -> list[Item]:
        """Return a job's last runs whole, newest first: for people, few at a time."""
        first, last = which.bounds()
        if first > last:  # DynamoDB refuses such bounds
            return []
        request = _within(job_name, first, last, which, count)
        found = pages(
            self._clients,
            "query",
            TableName=self._name,
            ScanIndexForward=False,
            **names(request.get("FilterExpression", "")),
            **request,
        )
        return list(islice(found, count))

    def page(
        self,
        job_name: str,
        count: int,
        which: RunsWanted = EVERY,
        *,
        before: str = "",
    ) -> tuple[list[Item], str | None]:
        """Return a job's next runs as a list shows them, and the key before which more follow.

        It is one query. With a filter there may be fewer than `count`, or none, although more
        follow.

        Parameters
        ----------
        before
            The key that the page before this one returned; "" for the newest.
        """
        first, last = which.bounds()
        if first > last or (before and before <= first):  # DynamoDB refuses such bounds
            return [], None
        request = _within(job_name, first, last, which, count)
        if before and before <= last:
            request["ExclusiveStartKey"] = to_dynamodb(item_key(job_name, before))
        with translated():
            found = self._clients.dynamodb.query(
                TableName=self._name,
                ProjectionExpression=_LISTED,
                ScanIndexForward=False,
                **names(_LISTED),
                **request,
            )
        runs = [to_plain(raw) for raw in found["Items"]]
        if len(runs) > count:
            return runs[:count], str(runs[count - 1][Field.TRIGGER_ID])
        end = to_plain(found.get("LastEvaluatedKey", {}))
        return runs, end.get(Field.TRIGGER_ID)

    def begun_before(self, job_name: str, moment: str, count: int) -> list[Item]:
        """Return the last runs of a job that came before a time, consistently: when each ran.

        Parameters
        ----------
        moment
            ISO 8601.
        """
        attributes = "trigger_id, #status, started_at, ended_at"
        found = pages(
            self._clients,
            "query",
            TableName=self._name,
            KeyConditionExpression="job_name = :job AND trigger_id BETWEEN :first AND :moment",
            ExpressionAttributeValues=to_dynamodb(
                {":job": job_name, ":first": FIRST_RUN, ":moment": moment}
            ),
            ProjectionExpression=attributes,
            **names(attributes),
            ScanIndexForward=False,
            ConsistentRead=True,
            Limit=count,
        )
        return list(islice(found, count))

    def begun_since(self, job_name: str, moment: str, count: int) -> Iterator[Item]:
        """Yield a job's first runs after a time, oldest first, consistently: how each has ended.

        Parameters
        ----------
        moment
            ISO 8601.
        """
        attributes = "trigger_id, #status, ended_at, #error"
        runs = self._runs(
            job_name, attributes, moment, ScanIndexForward=True, ConsistentRead=True, Limit=count
        )
        return islice(runs, count)

    def scheduled(self, job_name: str, count: int) -> list[Item]:
        """Return the last runs by schedule among a job's last runs, as `last` gives them."""
        searched = self.last(job_name, SEARCHED_RUNS)
        return list(
            islice((run for run in searched if run.get(Field.SOURCE) == Source.SCHEDULE), count)
        )

    def last(self, job_name: str, count: int) -> Iterator[Item]:
        """Yield a job's last runs, newest first, without what may be large: input and output."""
        runs = self._runs(
            job_name,
            "trigger_id, #status, #source, scheduled_for, started_at, ended_at, duration_ms, "
            "#error, cause",
        )
        return islice(runs, count)

    def open(self, status: RunStatus, *, until: datetime) -> Iterator[FoundRun]:
        """Yield the runs, of all jobs, that have been RUNNING or QUEUED since before `until`."""
        found = pages(
            self._clients,
            "query",
            TableName=self._name,
            IndexName=BY_STATUS,
            KeyConditionExpression="#status = :status AND started_at <= :until",
            ProjectionExpression="job_name, trigger_id, execution_arn, started_at",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues=to_dynamodb({":status": status, ":until": iso(until)}),
        )
        return (found_run_of(item) for item in found if is_trigger_id(item[Field.TRIGGER_ID]))

    def open_runs(self, status: RunStatus, count: int, *, newest_first: bool = True) -> OpenRuns:
        """Return runs, of all jobs, that are RUNNING or QUEUED, as a list shows them.

        The index has whole rows, so the search ends after so many megabytes, whatever inputs runs
        have.
        """
        runs: list[Item] = []
        start: dict[str, Any] = {}
        for _ in range(SEARCHED_MEGABYTES):
            with translated():
                found = self._clients.dynamodb.query(
                    TableName=self._name,
                    IndexName=BY_STATUS,
                    KeyConditionExpression="#status = :status",
                    ExpressionAttributeValues=to_dynamodb({":status": status}),
                    ProjectionExpression=_LISTED,
                    ScanIndexForward=not newest_first,
                    Limit=count + 1,
                    **names(_LISTED),
                    **start,
                )
            listed = map(to_plain, found["Items"])
            runs += [run for run in listed if is_trigger_id(run[Field.TRIGGER_ID])]
            if "LastEvaluatedKey" not in found or len(runs) > count:
                return OpenRuns(runs[:count], complete=len(runs) <= count)
            start = {"ExclusiveStartKey": found["LastEvaluatedKey"]}
        return OpenRuns(runs, complete=False)

    def _get(self, job_name: str, trigger_id: str) -> Item | None:
        with translated():
            found = self._clients.dynamodb.get_item(
                TableName=self._name,
                Key=to_dynamodb(item_key(job_name, trigger_id)),
                ConsistentRead=True,
            )
        return to_plain(found["Item"]) if "Item" in found else None

    def _runs(
        self,
        job_name: str,
        attributes: str = "",
        since: str = "",
        **request: Any,  # noqa: ANN401
    ) -> Iterator[Item]:
        """Yield a job's runs, newest first unless asked otherwise, whole or as some attributes."""
        values = {":job": job_name, ":first": since or FIRST_RUN}
        return pages(
            self._clients,
            "query",
            TableName=self._name,
            KeyConditionExpression="job_name = :job AND trigger_id > :first",
            ExpressionAttributeValues=to_dynamodb(values),
            **({"ProjectionExpression": attributes} if attributes else {}),
            **names(attributes),
            **{"ScanIndexForward": False, **request},
        )


def _within(job_name: str, first: str, last: str, which: RunsWanted, count: int) -> dict[str, Any]:
    """Return what asks for a job's runs between two keys."""
    conditions, values = which.conditions()
    values |= {":job": job_name, ":first": first, ":last": last}
    request: dict[str, Any] = {
        "KeyConditionExpression": "job_name = :job AND trigger_id BETWEEN :first AND :last",
        "ExpressionAttributeValues": to_dynamodb(values),
    }
    # A limit would count what a filter leaves out: of a long history, a request for each few.
    return request | (
        {"FilterExpression": " AND ".join(conditions)} if conditions else {"Limit": count}
    )


def item_key(job_name: str, trigger_id: str) -> dict[str, str]:
    """Return the key of an item of the Triggers table."""
    return {Field.JOB_NAME: job_name, Field.TRIGGER_ID: trigger_id}
