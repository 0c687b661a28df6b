"""What a list shows of each job's runs: one item a job in the Triggers table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from provisioner.aws.clients import translated
from provisioner.aws.items import to_dynamodb, to_plain
from provisioner.aws.run_items import pause_of
from provisioner.aws.tables import get_keys, pages, unchanged_since, version_of, written
from provisioner.aws.updates import names
from provisioner.errors import ConflictError
from provisioner.runs.keys import (
    FIRST_RUN,
    LIST_FIELDS,
    PAUSE,
    RECENT,
    RUN_RETENTION_SECONDS,
    Field,
    is_trigger_id,
)
from provisioner.runs.model import RunStatus
from provisioner.runs.recent import RecentRuns, Seen, milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from datetime import datetime

    from provisioner.aws.clients import Clients
    from provisioner.aws.items import Item
    from provisioner.runs.model import Pause

_TRIES = 3
"""Times that a change is made at once, when another function changes the same item."""

_COUNTED_AGAIN = 100
"""Last runs of a job from which its item is made again."""

_FIELDS = ", ".join(("trigger_id", *(f"#{name}" for name in LIST_FIELDS)))


class RecentRunsTable:
    """Keeps what a list shows of each job's runs."""

    def __init__(
        self, clients: Clients, triggers_table: str, clock: Callable[[], datetime]
    ) -> None:
        self._clients = clients
        self._name = triggers_table
        self._clock = clock

    def read(
        self, job_names: Collection[str], pausing: Collection[str]
    ) -> tuple[dict[str, RecentRuns], dict[str, Pause]]:
        """Read the recent runs of jobs, and the pauses of those in `pausing`.

        One request for a hundred items; what is written at the same time may come or not.
        """
        wanted = [(name, RECENT) for name in job_names] + [(name, PAUSE) for name in pausing]
        keys = [_key(name, kind) for name, kind in wanted]
        runs: dict[str, RecentRuns] = {}
        pauses: dict[str, Pause] = {}
        for item in get_keys(self._clients, self._name, keys):
            if item[Field.TRIGGER_ID] == RECENT:
                runs[item[Field.JOB_NAME]] = recent_of(item)
            else:
                pauses[item[Field.JOB_NAME]] = pause_of(item)
        return runs, pauses

    def add(self, job_name: str, rows: Iterable[Mapping[str, Any]]) -> bool:
        """Add runs to what is kept of a job's; False when that changes nothing.

        Raises
        ------
        ConflictError
            If others changed it at the same time, again and again.
        """
        added = list(rows)
        return self._change(job_name, lambda kept: kept.with_runs(added))

    def count_again(self, job_name: str) -> bool:
        """Make the item again from the rows of the job's last runs; False when it was right.

        Runs that are open by the item alone are looked up by their keys.
        """
        return self._change(job_name, lambda kept: self._counted(job_name, kept))

    def has(self, job_name: str) -> bool:
        """Tell whether anything is kept of a job's runs."""
        return bool(self._item(job_name))

    def _counted(self, job_name: str, kept: RecentRuns) -> RecentRuns:
        rows = list(self._last(job_name))
        known = {row[Field.TRIGGER_ID] for row in rows}
        left = [key for key, seen in kept.seen.items() if seen.progress < 2 and key not in known]
        keys = [_key(job_name, key) for key in left]
        older = get_keys(self._clients, self._name, keys, attributes=_FIELDS, consistent=True)
        return RecentRuns().with_runs([*older, *rows])

    def _last(self, job_name: str) -> Iterator[Item]:
        return pages(
            self._clients,
            "query",
            TableName=self._name,
            KeyConditionExpression="job_name = :job AND trigger_id > :first",
            ExpressionAttributeValues=to_dynamodb({":job": job_name, ":first": FIRST_RUN}),
            ProjectionExpression=_FIELDS,
            **names(_FIELDS),
            ScanIndexForward=False,
            ConsistentRead=True,
            PaginationConfig={"MaxItems": _COUNTED_AGAIN},
        )

    def _change(self, job_name: str, change: Callable[[RecentRuns], RecentRuns]) -> bool:
        for _ in range(_TRIES):
            item = self._item(job_name)
            kept = recent_of(item)
            fresh = change(kept)
            if fresh == kept:
                return False
            if self._save(job_name, fresh, version_of(item)):
                return True
        message = f"what a list shows of the runs of {job_name} was written by another function"
        raise ConflictError(message)

    def _item(self, job_name: str) -> Item:
        with translated():
            found = self._clients.dynamodb.get_item(
                TableName=self._name, Key=to_dynamodb(_key(job_name, RECENT)), ConsistentRead=True
            )
        return to_plain(found.get("Item", {}))

    def _save(self, job_name: str, recent: RecentRuns, version: int) -> bool:
        item = {
            **_key(job_name, RECENT),
            Field.LAST: dict(recent.last),
            Field.SEEN: _text_of(recent.seen),
            Field.VERSION: version + 1,
            Field.EXPIRES_AT: int(self._clock().timestamp()) + RUN_RETENTION_SECONDS,
        }
        request = {"TableName": self._name, "Item": to_dynamodb(item)}
        return written(self._clients, "put_item", **request, **unchanged_since(version)) is not None


def recent_of(item: Mapping[str, Any]) -> RecentRuns:
    """Return the recent runs that an item describes, without what cannot be read."""
    last = item.get(Field.LAST)
    try:
        said = json.loads(item.get(Field.SEEN, "{}"))
    except (TypeError, ValueError, RecursionError):
        said = {}
    found = {
        key: each
        for key, value in (said.items() if isinstance(said, dict) else ())
        if (each := _seen_of(value)) is not None
    }
    key = last.get(Field.TRIGGER_ID) if isinstance(last, dict) else None
    is_run = isinstance(key, str) and is_trigger_id(key)
    return RecentRuns(last if isinstance(last, dict) and is_run else {}, found)


def _text_of(seen: Mapping[str, Seen]) -> str:
    """Write runs as one text: DynamoDB's own maps of fifty jobs take 15 ms longer to read."""
    found = {key: _written(each) for key, each in seen.items()}
    return json.dumps(found, separators=(",", ":"))


def _written(seen: Seen) -> list[object]:
    """Write a run as its status, and since when it runs or how long it took, if it is known."""
    what = seen.started_at if seen.duration_ms is None else seen.duration_ms
    return [seen.status] if what is None else [seen.status, what]


def _seen_of(value: object) -> Seen | None:
    match value:
        case [str(status), *rest] if status in set(RunStatus):
            match rest:
                case [str(started_at)]:
                    return Seen(RunStatus(status), started_at)
                case [took]:
                    return Seen(RunStatus(status), duration_ms=milliseconds(took))
                case _:
                    return Seen(RunStatus(status))
        case _:
            return None


def _key(job_name: str, sort_key: str) -> dict[str, str]:
    return {Field.JOB_NAME: job_name, Field.TRIGGER_ID: sort_key}
