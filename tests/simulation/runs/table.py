"""The Triggers table of one job, in memory: the conditions of its writes, and its stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from provisioner.runs.keys import LOCK, LockStatus
from provisioner.runs.model import (
    MAX_WAITING,
    EndedExecution,
    FoundRun,
    Lock,
    OpenRun,
    RunStatus,
    WaitingEnd,
    WaitingRun,
    iso,
)

Item = dict[str, Any]
OPEN = {RunStatus.RUNNING, RunStatus.QUEUED}


@dataclass
class Run:
    """What `Prepare` makes of an execution's input."""

    id: str
    execution: str
    overlap: str
    tick: str = ""
    waited: bool = False
    seconds: float = 1
    fails: bool = False
    type: str = "ecs"
    typed: bool = True

    @property
    def locked(self) -> bool:
        return self.overlap != "allow"


@dataclass
class Table:
    """Items by their sort key. `changed` hears of each change, as a stream does."""

    clock: Callable[[], datetime]
    lease_seconds: int
    changed: Callable[[str, Item], None] = lambda *_: None
    items: dict[str, Item] = field(default_factory=dict)

    def put(self, key: str, item: Item) -> None:
        if self.items.get(key) != item:
            self.items[key] = item
            self.changed(key, dict(item))

    def merge(self, key: str, values: Mapping[str, Any]) -> None:
        merged = {**self.items.get(key, {}), **values}
        self.put(key, {name: value for name, value in merged.items() if value is not None})

    def rows(self) -> dict[str, Item]:
        return {key: item for key, item in self.items.items() if key[0] != "#"}

    # What the workflow writes: each a transaction, which answers with why it was refused.

    def admit(self, run: Run) -> str:
        now = int(self.clock().timestamp())
        lock = self.items.get(LOCK, {})
        if self._is_duplicate(run):
            return "duplicate"
        if run.locked and lock.get("owner") != run.execution:
            held = "owner" in lock and lock["lease_until"] >= now
            if held or self._superseded(run, lock) or (not run.waited and lock.get("waiting")):
                return "overlap"
        if run.locked:
            self._take(run, now)
        self._put_row(run, RunStatus.RUNNING)
        return ""

    def _take(self, run: Run, now: int) -> None:
        waiting = set(self.items.get(LOCK, {}).get("waiting", ())) - {run.id}
        self.merge(
            LOCK,
            {
                "status": "HELD",
                "owner": run.execution,
                "execution_arn": run.execution,
                "run_id": run.id,
                "lease_until": now + self.lease_seconds,
                "waiting": waiting or None,
                **({"cancels": run.id} if run.overlap == "cancel_other" and not run.waited else {}),
            },
        )

    def queue(self, run: Run) -> str:
        if run.waited:
            if self.items.get(run.id, {}).get("status") != RunStatus.QUEUED:
                return "full"
            self.merge(run.id, {"starts": self.items[run.id]["starts"] + 1})
            return ""
        waiting = set(self.items.get(LOCK, {}).get("waiting", ()))
        if self._is_duplicate(run):
            return "duplicate"
        most = 1 if run.overlap == "queue_one" else MAX_WAITING
        cancels = {"cancels": run.id} if run.overlap == "cancel_other" else {}
        if cancels and self._superseded(run, self.items.get(LOCK, {})):
            return "full"
        if not cancels and run.id not in waiting and len(waiting) >= most:
            return "full"
        self.merge(LOCK, {"waiting": waiting | {run.id}, **cancels})
        self._put_row(run, RunStatus.QUEUED, starts=0)
        return ""

    def refuse(self, run: Run, status: RunStatus) -> str:
        if self._is_duplicate(run):
            return "duplicate"
        self._put_row(run, status, ended=True)
        return ""

    def record(self, run: Run, status: RunStatus, *, release: bool) -> str:
        lock = self.items.get(LOCK, {})
        if self.items.get(run.id, {}).get("status") != RunStatus.RUNNING:
            return "canceled"
        release = release and run.locked
        if release and lock.get("owner", run.execution) != run.execution:
            return "canceled"
        self.merge(run.id, {"status": status, "ended_at": iso(self.clock())})
        if release:
            self._free()
        return ""

    def _is_duplicate(self, run: Run) -> bool:
        row, tick = self.items.get(run.id), self.items.get(run.tick)
        ours = row is None or row["execution_arn"] == run.execution
        ours = ours or row["status"] == RunStatus.QUEUED
        return not ours or (tick is not None and tick["owner"] != run.execution)

    def _superseded(self, run: Run, lock: Item) -> bool:
        return run.id < lock.get("cancels", "")

    def _put_row(self, run: Run, status: RunStatus, *, ended: bool = False, **more: Any) -> None:
        if run.tick:
            self.put(run.tick, {"owner": run.execution})
        now = iso(self.clock())
        row = {"status": status, "execution_arn": run.execution, "started_at": now, **more}
        row["asked"] = {"overlap": run.overlap, "seconds": run.seconds, "fails": run.fails}
        row |= {"ended_at": now} if ended else {}
        self.put(run.id, row | ({"type": run.type} if run.typed else {}))

    def _free(self) -> None:
        gone = dict.fromkeys(("owner", "execution_arn", "run_id", "lease_until"))
        self.merge(LOCK, {"status": LockStatus.FREE, **gone})

    # What the functions do with it: the port `Runs`.

    def job_type(self, execution: EndedExecution) -> str | None:
        return self.items.get(self._key(execution), {}).get("type")

    def _key(self, execution: EndedExecution) -> str:
        return execution.waited or next(
            (k for k in self.rows() if k.endswith(f"#{execution.execution_name}")),
            execution.trigger_id,
        )

    def end(self, execution: EndedExecution) -> bool:
        key = self._key(execution)
        row = self.items.get(key)
        if row is not None and row["status"] not in OPEN:
            return False
        values = {"status": execution.status, "ended_at": iso(execution.ended_at)}
        self.merge(key, {"execution_arn": execution.execution_arn, **values})
        if row is not None and row["status"] == RunStatus.QUEUED:
            self.remove_waiting(execution.job_name, key)
        return True

    def release(self, job_name: str, execution_name: str) -> bool:
        del job_name
        if self.items.get(LOCK, {}).get("owner") != execution_name:
            return False
        self._free()
        return True

    def lock(self, job_name: str) -> Lock:
        del job_name
        item = self.items.get(LOCK, {})
        return Lock(
            owner=item.get("owner"),
            execution_arn=item.get("execution_arn"),
            run=item.get("run_id"),
            lease_until=item.get("lease_until", 0),
            waiting=tuple(sorted(item.get("waiting", ()))),
            cancels=item.get("cancels"),
        )

    def waiting(self, job_name: str, trigger_id: str) -> WaitingRun | None:
        del job_name
        row = self.items.get(trigger_id)
        if row is None or row["status"] != RunStatus.QUEUED:
            return None
        return WaitingRun(trigger_id, row["starts"], {}, row.get("asked", {}))

    def remove_waiting(self, job_name: str, trigger_id: str) -> None:
        del job_name
        waiting = set(self.items.get(LOCK, {}).get("waiting", ())) - {trigger_id}
        self.merge(LOCK, {"waiting": waiting or None})

    def end_waiting(self, job_name: str, trigger_id: str, end: WaitingEnd) -> bool:
        row = self.items.get(trigger_id, {})
        if row.get("status") != RunStatus.QUEUED:
            return False
        if end.starts is not None and row["starts"] != end.starts:
            return False
        self.merge(trigger_id, {"status": end.status, "ended_at": iso(end.at)})
        self.remove_waiting(job_name, trigger_id)
        return True

    def mark_stopping(
        self, job_name: str, trigger_id: str, *, by: str, reason: str
    ) -> OpenRun | None:
        del job_name
        row = self.items.get(trigger_id)
        if row is None:
            return None
        if row["status"] == RunStatus.RUNNING:
            self.merge(trigger_id, {"stopped_by": by, "stop_reason": reason})
        return OpenRun(RunStatus(row["status"]), row["execution_arn"])

    def repair_lock(self, job_name: str, damaged: Iterable[str]) -> None:
        """Nothing here damages a lock (tests/functional/entrypoints/test_damaged_runs.py)."""

    def add_waiting(self, job_name: str, trigger_id: str) -> bool:
        del job_name
        if self.items.get(trigger_id, {}).get("status") != RunStatus.QUEUED:
            return False
        waiting = set(self.items.get(LOCK, {}).get("waiting", ()))
        self.merge(LOCK, {"waiting": waiting | {trigger_id}})
        return True

    def open(self, status: RunStatus, *, until: datetime) -> list[FoundRun]:
        """Return the open runs as the index lists them."""
        return [
            FoundRun("job", key, row["execution_arn"], datetime.fromisoformat(row["started_at"]))
            for key, row in self.rows().items()
            if row["status"] == status and row.get("started_at", "") <= iso(until)
        ]
