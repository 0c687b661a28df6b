"""The Jobs table with every edit it has seen, the Stacks table, and the RateLimits table."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from provisioner.stacks.model import JobStatus, StackRecord, UpgradeMark
from provisioner.stacks.rate_limits import Quota
from tests.simulation.stacks.calls import Calls
from tests.support.fakes import FakeJobs, FakeRateLimiter, FakeStacks

Row = Mapping[str, object]


@dataclass(frozen=True)
class Edit:
    """A write to the Jobs table; no row when it was a deletion."""

    job_name: str
    old: Row | None
    new: Row | None


class JobsTable(FakeJobs):
    """Rows, and the stream of their changes."""

    def __init__(self, calls: Calls) -> None:
        super().__init__()
        self._calls = calls
        self.edits: list[Edit] = []
        self.subscribers: list[Callable[[Edit], None]] = []

    def write(self, job_name: str, row: Row | None) -> None:
        """Put or delete a row, as its author does; what changes nothing makes no record."""
        edit = Edit(job_name, self.rows.get(job_name), row)
        if edit.old == edit.new:
            return
        if row is None:
            del self.rows[job_name]
        else:
            self.rows[job_name] = dict(row)
        self.edits.append(edit)
        for subscriber in self.subscribers:
            subscriber(edit)

    def since(self, first_edit: int, job_name: str) -> list[Row | None]:
        """Return every state that the row was in from an edit on."""
        now = [self.rows.get(job_name)]
        return now + [e.old for e in self.edits[first_edit:] if e.job_name == job_name]

    def get_many(self, job_names: Iterable[str]) -> Mapping[str, Row]:
        names = list(job_names)

        def read() -> Mapping[str, Row]:
            for name in names:
                self._calls.invocation.rows[name] = self.rows.get(name)
            return FakeJobs.get_many(self, names)

        return self._calls("jobs.get_many", read)

    def all(self) -> Iterator[Row]:
        """Yield every row, as the daily comparison reads them."""
        return iter(self._calls("jobs.all", lambda: list(self.rows.values())))


class StacksTable(FakeStacks):
    """Records, and the index by status that the sweep reads."""

    def __init__(self, calls: Calls, chance: random.Random) -> None:
        super().__init__()
        self._calls = calls
        self._chance = chance
        self.lag = 0.0
        self.noted: Callable[..., None] = lambda *_: None
        self.saved: Callable[[StackRecord, StackRecord | None], None] = lambda *_: None
        self.marking: Callable[[StackRecord, UpgradeMark | None], None] = lambda *_: None

    def get_many(self, job_names: Iterable[str]) -> Mapping[str, StackRecord]:
        names = list(job_names)

        def read() -> Mapping[str, StackRecord]:
            found = FakeStacks.get_many(self, names)
            versions = {name: found[name].version if name in found else 0 for name in names}
            self._calls.invocation.versions.update(versions)
            return found

        return self._calls("stacks.get_many", read)

    def save(self, record: StackRecord) -> None:
        def write() -> None:
            before = self.records.get(record.job_name)
            FakeStacks.save(self, record)
            self.noted("saved:", record.job_name, record.status, record.reservation)
            self.saved(record, before)

        self._calls("stacks.save", write)

    def set_upgrade(self, record: StackRecord, mark: UpgradeMark | None) -> bool:
        return self._calls("stacks.set_upgrade", partial(self._set_upgrade, record, mark))

    def _set_upgrade(self, record: StackRecord, mark: UpgradeMark | None) -> bool:
        if self.records[record.job_name].version == record.version:
            self.noted("chosen:", record.job_name, mark)
            self.marking(record, mark)
        return super().set_upgrade(record, mark)

    def by_status(self, status: JobStatus, *, until: datetime) -> Iterator[StackRecord]:
        """Yield as the index does, which may not know yet of what was just written."""

        def query() -> list[StackRecord]:
            return [
                record
                for record in self.records.values()
                if record.status is status
                and record.updated_at is not None
                and record.updated_at <= until
                and self._chance.random() >= self.lag
            ]

        return iter(self._calls("stacks.by_status", query))

    def all(self) -> Iterator[StackRecord]:
        """Yield every record, as the daily comparison reads them."""
        return iter(self._calls("stacks.all", lambda: list(self.records.values())))


class RateLimitsTable(FakeRateLimiter):
    """The rate limits of CloudFormation's quotas."""

    def __init__(self, calls: Calls, clock: Callable[[], datetime]) -> None:
        super().__init__(clock)
        self._calls = calls

    def reserve(self, quota: Quota, *, has_reservation: bool):
        return self._calls(
            "rate_limiter.reserve",
            lambda: FakeRateLimiter.reserve(self, quota, has_reservation=has_reservation),
        )

    def acquire(self, quota: Quota):
        return self._calls("rate_limiter.acquire", lambda: FakeRateLimiter.acquire(self, quota))

    def back_off(self, quota: Quota) -> None:
        self._calls("rate_limiter.back_off", lambda: FakeRateLimiter.back_off(self, quota))

    def suspend(self, quota: Quota, reason: str) -> datetime:
        return self._calls(
            "rate_limiter.suspend", lambda: FakeRateLimiter.suspend(self, quota, reason)
        )
