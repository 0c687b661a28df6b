"""The Audit table: what was done, by whom. `docs/reference/audit-table.md` has every item."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from provisioner.audit.entries import Entry, from_item, repeats, subject_of, to_item
from provisioner.aws.clients import translated
from provisioner.aws.items import to_dynamodb, to_plain
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
        self, count: int, after: EntryKey | None, *, since: str = "", until: str = "~"
    ) -> tuple[list[Entry], EntryKey | None]:
        """Return the next entries of all, newest first, and where to continue; one query."""
        last = min(until, self._last())
        if after is not None and after.entry_id < since:
            return [], None
        request: dict[str, Any] = {"IndexName": BY_TIME}
        if after is not None and after.entry_id <= last:
            key = {"feed": FEED, "entry_id": after.entry_id, "subject": after.subject}
            request["ExclusiveStartKey"] = to_dynamodb(key)
        values = {":key": FEED, ":since": since or "0", ":last": last}
        found = self._query("feed", values, count, request)
        end = to_plain(found.get("LastEvaluatedKey", {}))
        entries = [from_item(to_plain(raw)) for raw in found["Items"]]
        return entries, EntryKey(end["entry_id"], end["subject"]) if end else None

    def of_job(
        self,
        job_name: str,
        count: int,
        before: str = "~",
        *,
        since: str = "",
        until: str = "~",
        run: str = "",
    ) -> tuple[list[Entry], str | None]:
        """Return a job's next entries, newest first, and before which to continue; two queries.

        Parameters
        ----------
        run
            Only those about this one, of at most a megabyte that is looked through.
        """
        values_of_run, request = _of_run(run) if run else ({}, {})
        found: list[Entry] = []
        ends: list[str] = []
        for proven in (True, False):
            values = {
                ":key": subject_of(job_name, proven=proven),
                ":since": since or "0",
                ":last": min(before, until, self._last()),
                **values_of_run,
            }
            answer = self._query("subject", values, None if run else count + 1, request)
            found += [from_item(to_plain(raw)) for raw in answer["Items"]]
            if end := to_plain(answer.get("LastEvaluatedKey", {})):
                ends.append(end["entry_id"])
        return _merged(found, count, before, max(ends, default=""))

    def of_run(self, job_name: str, run: str, *, since: str, searched: int) -> list[Entry]:
        """Return a run's entries, oldest first; two queries.

        Parameters
        ----------
        searched
            How many entries of the job since then are looked through, of each kind.
        """
        values, request = _of_run(run)
        values |= {":since": since, ":last": self._last()}
        request |= {"ScanIndexForward": True}
        found: list[Entry] = []
        for proven in (True, False):
            key = {":key": subject_of(job_name, proven=proven)}
            answer = self._query("subject", values | key, searched, request)
            found += [from_item(to_plain(raw)) for raw in answer["Items"]]
        return sorted(found, key=lambda each: each.entry_id)

    def of_each_kind(self, job_name: str, count: int, *, since: str) -> list[Entry]:
        """Return a job's last entries that are proven, and as many claims; two queries.

        However many claims there are, they do not take the place of what is proven.
        """
        found: list[Entry] = []
        for proven in (True, False):
            subject = subject_of(job_name, proven=proven)
            values = {":key": subject, ":since": since, ":last": self._last()}
            answer = self._query("subject", values, count, {})
            found += [from_item(to_plain(raw)) for raw in answer["Items"]]
        return found

    def _last(self) -> str:
        """Return what sorts after every entry that can have been recorded."""
        return iso(self._clock() + AHEAD)

    def _query(
        self,
        key: str,
        values: Mapping[str, object],
        count: int | None,
        request: Mapping[str, Any],
    ) -> dict[str, Any]:
        if str(values[":since"]) > str(values[":last"]):  # DynamoDB refuses such bounds
            return {"Items": []}
        with translated():
            found: dict[str, Any] = self._clients.dynamodb.query(
                TableName=self._name,
                KeyConditionExpression=f"{key} = :key AND entry_id BETWEEN :since AND :last",
                ExpressionAttributeValues=to_dynamodb(values),
                **({"Limit": count} if count else {}),
                **{"ScanIndexForward": False, **request},
            )
        return found


def _of_run(run: str) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the filter of a run's entries: its own, and those of runs that repeat it."""
    again = repeats(run)
    values = {":run": run, ":again": again, ":again_and": f"{again}; "}
    request = {
        "FilterExpression": "#run = :run OR #detail = :again OR begins_with(#detail, :again_and)",
        "ExpressionAttributeNames": {"#run": "run", "#detail": "detail"},
    }
    return values, request


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
