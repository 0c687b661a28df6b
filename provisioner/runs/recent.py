"""What a list shows of a job's runs: the last one, the last twenty, how long one usually takes.

It is made by adding runs, in any order and any number of times each, so neither late nor repeated
events change it. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from statistics import median
from typing import TYPE_CHECKING, Any

from provisioner.runs.keys import LIST_FIELDS, Field, is_trigger_id
from provisioner.runs.model import FINAL, RunStatus, time_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

Item = dict[str, Any]

SHOWN = 20
"""Runs in a strip, successes in a usual duration, and open runs that are kept in mind."""

_LONGEST_MS = 400 * 24 * 3600 * 1000
"""A run takes a year at most, so a longer time is damaged."""

_LIST_FIELDS = (Field.TRIGGER_ID, *LIST_FIELDS)


@dataclass(frozen=True, slots=True)
class Seen:
    """What is kept of one run."""

    status: RunStatus
    started_at: str | None = None
    duration_ms: int | None = None

    @property
    def progress(self) -> int:
        """How far it has come: a run only ever moves forward, so what says less is older."""
        return 2 if self.status in FINAL else int(self.status is RunStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class RecentRuns:
    """A job's recent runs.

    Attributes
    ----------
    last
        The fields of a list of the last run to come; empty when there is none.
    seen
        By `trigger_id`: the last twenty runs, the last twenty successes, and the twenty open runs
        that have come first.
    """

    last: Mapping[str, Any] = field(default_factory=dict)
    seen: Mapping[str, Seen] = field(default_factory=dict)

    def with_run(self, row: Mapping[str, Any]) -> RecentRuns:
        """Return it with a run as its row is; unchanged by a row that says less than is known."""
        key, found = row.get(Field.TRIGGER_ID), _seen_of(row)
        if not isinstance(key, str) or not is_trigger_id(key) or found is None:
            return self
        before = self.seen.get(key)
        if before is not None and before.progress > found.progress:
            return self
        last_key = self.last.get(Field.TRIGGER_ID, "")
        last = _listed(self.last if key == last_key else {}, row) if key >= last_key else self.last
        return RecentRuns(last, _kept({**self.seen, key: found}))

    def with_runs(self, rows: Iterable[Mapping[str, Any]]) -> RecentRuns:
        """Return it with several runs."""
        recent = self
        for row in rows:
            recent = recent.with_run(row)
        return recent

    @property
    def strip(self) -> tuple[RunStatus, ...]:
        """The statuses of the last twenty runs, oldest first."""
        return tuple(self.seen[key].status for key in sorted(self.seen)[-SHOWN:])

    @property
    def usual_seconds(self) -> float | None:
        """The median of the last twenty successes: one that took ten times as long moves it little.

        None as long as no run has succeeded.
        """
        took = [
            each.duration_ms
            for each in self.seen.values()
            if each.status is RunStatus.SUCCEEDED and each.duration_ms is not None
        ]
        return median(took) / 1000 if took else None

    @property
    def running_since(self) -> datetime | None:
        """When the longest running of the job's runs began; None when none runs."""
        began = (
            time_of(each.started_at)
            for each in self.seen.values()
            if each.status is RunStatus.RUNNING
        )
        return min((at for at in began if at is not None), default=None)


def _seen_of(row: Mapping[str, Any]) -> Seen | None:
    try:
        status = RunStatus(str(row.get(Field.STATUS)))
    except ValueError:
        return None
    started_at, took = row.get(Field.STARTED_AT), row.get(Field.DURATION_MS)
    if status is RunStatus.SUCCEEDED:
        return Seen(status, duration_ms=milliseconds(took))
    is_open = status not in FINAL
    return Seen(status, str(started_at) if is_open and started_at is not None else None)


def milliseconds(value: object) -> int | None:
    """Return how long a run took; None when that is not a duration."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return int(value) if 0 <= value <= _LONGEST_MS else None


def _listed(before: Mapping[str, Any], row: Mapping[str, Any]) -> Item:
    """Return the fields of a list; what was written only later than an event stays."""
    shown = {str(name): row[name] for name in _LIST_FIELDS if row.get(name) is not None}
    same = before.get(Field.STATUS) == shown.get(Field.STATUS)
    return {**before, **shown} if same else shown


def _kept(seen: Mapping[str, Seen]) -> dict[str, Seen]:
    keys = sorted(seen)
    succeeded = [key for key in keys if seen[key].status is RunStatus.SUCCEEDED]
    is_open = [key for key in keys if seen[key].status not in FINAL]
    kept = {*keys[-SHOWN:], *succeeded[-SHOWN:], *is_open[:SHOWN]}
    return {key: seen[key] for key in keys if key in kept}
