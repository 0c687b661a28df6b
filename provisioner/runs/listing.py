"""The runs of all jobs in the order of time, page by page, from the shards of one index. Pure.

Each shard is in order by itself. What is known of a shard ends where its answer ends, so a page
ends there as well: no run is left out and none comes twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from provisioner.runs.error_groups import error_group
from provisioner.runs.keys import FIRST_RUN, RUN_SHARDS, Field, run_shard
from provisioner.runs.model import iso

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from provisioner.runs.model import RunStatus

Item = dict[str, Any]

SHARDS = tuple(range(RUN_SHARDS))

LAST = "~"
"""Sorts after the key of every run."""

_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class RunsWanted:
    """Which runs are listed; all if it says nothing.

    Attributes
    ----------
    since, until
        Those whose key has this time or a later one, and an earlier one. The key has the time at
        which a run came; one that waited has started later.
    started_by
        A part of the name of who is said to have started them.
    jobs
        Whose runs; None for all jobs'. A list of one job's runs does not look at it.
    """

    since: datetime | None = None
    until: datetime | None = None
    status: RunStatus | None = None
    started_by: str | None = None
    jobs: frozenset[str] | None = None

    def bounds(self) -> tuple[str, str]:
        """Return the keys between which its runs are."""
        first = iso(self.since) if self.since else FIRST_RUN
        return first, iso(self.until) if self.until else LAST

    def conditions(self) -> tuple[list[str], dict[str, object]]:
        """Return what a run must be besides, as conditions of DynamoDB and the values in them."""
        conditions: list[str] = []
        values: dict[str, object] = {}
        if self.status is not None:
            conditions.append("#status = :status")
            values[":status"] = self.status
        if self.started_by is not None:
            conditions.append("contains(started_by, :started_by)")
            values[":started_by"] = self.started_by
        return conditions, values


EVERY = RunsWanted()


@dataclass(frozen=True, slots=True)
class Position:
    """How far the runs have been read.

    Attributes
    ----------
    at
        Newer runs than this `trigger_id` have been read.
    after
        Of the shards that have been read up to a run with just that `trigger_id`: its job.
    """

    at: str = LAST
    after: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shard:
    """What a query of one shard has found, newest first.

    Attributes
    ----------
    end
        `trigger_id` and job of the last run that it has looked at; None when there are no more.
    """

    runs: Sequence[Item]
    end: _Key | None = None


@dataclass(frozen=True, slots=True)
class ListingPage:
    """Runs of all jobs, newest first; `next` is where to continue, None at the end."""

    runs: Sequence[Item]
    next: Position | None = None


def page_of(shards: Mapping[int, Shard], count: int, before: Position) -> ListingPage:
    """Return the next runs of all shards, at most `count`.

    Parameters
    ----------
    shards
        What each has from `before` on.
    """
    ends = [shard.end[0] for shard in shards.values() if shard.end is not None]
    horizon = max(ends, default="")
    known = sorted(
        (
            (run["trigger_id"], number, run)
            for number, shard in shards.items()
            for run in shard.runs
        ),
        key=lambda found: found[0],
        reverse=True,
    )
    safe = [found for found in known if found[0] >= horizon]
    ended: dict[int, str] = {}
    if len(safe) > count:
        shown, at = safe[:count], safe[count - 1][0]
    elif horizon:
        shown, at = safe, horizon
        ended = {n: s.end[1] for n, s in shards.items() if s.end is not None and s.end[0] == at}
    else:
        return ListingPage([run for _, _, run in safe])
    same = before.after if before.at == at else {}
    read = {number: run["job_name"] for key, number, run in shown if key == at}
    return ListingPage([run for _, _, run in shown], Position(at, {**same, **read, **ended}))


def derived_of(row: Mapping[str, Any]) -> dict[str, object]:
    """Return what lists need of a run's row, as far as the row does not have it yet."""
    derived: dict[str, object] = {}
    if row.get(Field.RUN_SHARD) not in SHARDS:
        derived[Field.RUN_SHARD] = run_shard(row[Field.TRIGGER_ID])
    group = error_group(row)
    if group is not None and row.get(Field.ERROR_GROUP) != group:
        derived[Field.ERROR_GROUP] = group
    return derived
