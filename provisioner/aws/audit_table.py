"""The Audit table: what was done, by whom. `docs/reference/audit-table.md` has every item."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from provisioner.audit.entries import (
    EVERY,
    Entry,
    EntryFilter,
    from_item,
    repeats,
    subject_of,
    to_item,
)
from provisioner.aws.clients import translated
from provisioner.aws.items import to_dynamodb, to_plain
from provisioner.aws.updates import names
from provisioner.runs.model import iso, time_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from provisioner.aws.clients import Clients

BY_TIME = "entries_by_time"
"""The index of all entries: partition key `feed`, sort key `entry_id`."""

FEED = "all"
AHEAD = timedelta(minutes=1)
"""How far the clock of a command line may be ahead.

A claim says itself when it was, and one of a later time would stand above all that is recorded: it
is listed when its time has come.
"""


@dataclass(frozen=True, slots=True)
class EntryKey:
    """Up to which entry the list of all has been read."""

    entry_id: str
    subject: str


class AuditTable:
    """Writes and lists entries; nothing changes or deletes another one's."""

    def __init__(
        self, clients: Clients, name: str, retention_days: int, clock: Callable[[], datetime]
    ) -> None:
        self._clients = clients
        self._name = name
        self._retention = timedelta(days=retention_days)
        self._clock = clock

    def write(self, entry: Entry) -> None:
        """Write an entry whole: first its intent, then its outcome over that."""
        began = time_of(entry.at)
        assert began is not None, entry.entry_id  # noqa: S101  (`entries.new_id` made it)
        item = to_item(entry) | {
            "feed": FEED,
            "expires_at": int((began + self._retention).timestamp()),
        }
        with translated():
            self._clients.dynamodb.put_item(TableName=self._name, Item=to_dynamodb(item))

    def page(
        self, count: int, after: EntryKey | None, which: EntryFilter = EVERY
    ) -> tuple[list[Entry], EntryKey | None]:
        """Return the next entries of all, newest first, and where to continue; one query.

        A filter that looks inside looks through a megabyte at most: there may be fewer entries than
        `count`, or none, although more follow.
        """
        bounds = self._bounds(which)
        if after is not None and after.entry_id < bounds[0]:
            return [], None
        request: dict[str, Any] = {"IndexName": BY_TIME}
        if after is not None and after.entry_id <= bounds[1]:
            key = {"feed": FEED, "entry_id": after.entry_id, "subject": after.subject}
            request["ExclusiveStartKey"] = to_dynamodb(key)
        found = self._query("feed", FEED, bounds, which, count, request)
        entries = [from_item(to_plain(raw)) for raw in found["Items"]]
        if len(entries) > count:
            end = to_plain(found["Items"][count - 1])
        else:
            end = to_plain(found.get("LastEvaluatedKey", {}))
        return entries[:count], EntryKey(end["entry_id"], end["subject"]) if end else None

    def of_job(
        self, job_name: str, count: int, before: str = "~", which: EntryFilter = EVERY
    ) -> tuple[list[Entry], str | None]:
        """Return a job's next entries, newest first, and before which to continue; two queries.

        A filter that looks inside looks through a megabyte of each kind at most.
        """
        found: list[Entry] = []
        ends: list[str] = []
        first, last = self._bounds(which)
        bounds = first, min(before, last)
        for proven in (True, False):
            subject = subject_of(job_name, proven=proven)
            answer = self._query("subject", subject, bounds, which, count + 1, {})
            found += [from_item(to_plain(raw)) for raw in answer["Items"]]
            if end := to_plain(answer.get("LastEvaluatedKey", {})):
                ends.append(end["entry_id"])
        return _merged(found, count, before, max(ends, default=""))

    def of_run(self, job_name: str, run: str, since: datetime, searched: int) -> list[Entry]:
        """Return a run's entries, oldest first; two queries.

        Parameters
        ----------
        searched
            How many entries of the job since then are looked through, of each kind.
        """
        which = EntryFilter(run=run, since=since)
        request = {"ScanIndexForward": True, "Limit": searched}
        found: list[Entry] = []
        for proven in (True, False):
            subject = subject_of(job_name, proven=proven)
            answer = self._query("subject", subject, self._bounds(which), which, searched, request)
            found += [from_item(to_plain(raw)) for raw in answer["Items"]]
        return sorted(found, key=lambda each: each.entry_id)

    def of_each_kind(self, job_name: str, count: int, *, since: str) -> list[Entry]:
        """Return a job's last entries that are proven, and as many claims; two queries.

        However many claims there are, they do not take the place of what is proven.
        """
        bounds = since, self._bounds(EVERY)[1]
        found: list[Entry] = []
        for proven in (True, False):
            subject = subject_of(job_name, proven=proven)
            answer = self._query("subject", subject, bounds, EVERY, count, {})
            found += [from_item(to_plain(raw)) for raw in answer["Items"]]
        return found

    def _bounds(self, which: EntryFilter) -> tuple[str, str]:
        """Return what sorts before and after every entry that can have been recorded, of a time."""
        now = iso(self._clock() + AHEAD)
        last = min(iso(which.until), now) if which.until else now
        return iso(which.since) if which.since else "0", last

    def _query(
        self,
        name: str,
        key: str,
        bounds: tuple[str, str],
        which: EntryFilter,
        count: int,
        request: Mapping[str, Any],
    ) -> dict[str, Any]:
        first, last = bounds
        if first > last:  # DynamoDB refuses such bounds
            return {"Items": []}
        values, conditions = _conditions(which)
        request = {**(conditions or {"Limit": count}), **request}  # which counts what is left out
        with translated():
            found: dict[str, Any] = self._clients.dynamodb.query(
                TableName=self._name,
                KeyConditionExpression=f"{name} = :key AND entry_id BETWEEN :first AND :last",
                ExpressionAttributeValues=to_dynamodb(
                    {":key": key, ":first": first, ":last": last, **values}
                ),
                **{"ScanIndexForward": False, **request},
            )
        return found


def _conditions(which: EntryFilter) -> tuple[dict[str, str], dict[str, Any]]:
    """Return what a filter that looks inside asks of a query, and the values in that."""
    again = repeats(which.run)
    each = (
        (
            which.run,
            "(#run = :run OR #detail = :again OR begins_with(#detail, :again_and))",
            {":run": which.run, ":again": again, ":again_and": f"{again}; "},
        ),
        (which.action, "#action = :action", {":action": which.action}),
        (which.by, "contains(#caller, :by)", {":by": which.by}),
        (which.outcome, "#outcome = :outcome", {":outcome": which.outcome}),
    )
    asked = [(condition, values) for wanted, condition, values in each if wanted]
    if not asked:
        return {}, {}
    expression = " AND ".join(condition for condition, _ in asked)
    values = {name: str(value) for _, values in asked for name, value in values.items()}
    return values, {"FilterExpression": expression, **names(expression)}


def _merged(
    found: list[Entry], count: int, before: str, horizon: str
) -> tuple[list[Entry], str | None]:
    """Return the newest entries of both partitions, as far as both have been read.

    `before` is the last one of the page before this: BETWEEN has it again.
    """
    known = sorted(
        (each for each in found if each.entry_id != before and each.entry_id >= horizon),
        key=lambda each: each.entry_id,
        reverse=True,
    )
    if len(known) > count:
        return known[:count], known[count - 1].entry_id
    return known, horizon or None
