"""Bugs that a canary may have, each planted in what the functions are handed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from provisioner.runs.model import RunStatus
from provisioner.stacks.model import Cause, StackRecord
from tests.simulation.faults import Crash
from tests.simulation.stacks.bug import Bug, Handlers
from tests.simulation.stacks.canaries import WriteCanary
from tests.simulation.stacks.planting import Like
from tests.simulation.stacks.tables import Row
from tests.simulation.timeline import START


def _of_all_time(record: StackRecord) -> StackRecord:
    """Return a record whose newest deployment seems to have been there always."""
    first, *others = record.deployments
    return replace(record, deployments=(replace(first, at=START), *others), conditions=())


def _never_rolled_back(record: StackRecord) -> StackRecord:
    """Return a record of which nobody sees that its newest deployment is a rollback."""
    first, *others = record.deployments
    is_one = first.cause is Cause.ROLLBACK
    return (
        replace(record, deployments=(replace(first, cause=Cause.ROW), *others))
        if is_one
        else record
    )


def _with_record(change: Callable[[StackRecord], StackRecord]) -> Callable[[Any], Any]:
    class Changed(Like):
        def record(self, job_name: str) -> StackRecord | None:
            found: StackRecord | None = self.port.record(job_name)
            return change(found) if found and found.deployments else found

    return Changed


class _Runs(Like):
    """The Triggers table, with each row changed."""

    def __init__(self, port: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        super().__init__(port)
        self._change = change

    def begun_since(self, *which: Any) -> Iterator[dict[str, Any]]:
        return map(self._change, self.port.begun_since(*which))


def _with_runs(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Any], Any]:
    class Changed(Like):
        @property
        def triggers(self) -> _Runs:
            return _Runs(self.port.triggers, change)

    return Changed


def _without_error(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "error"}


def _succeeded(row: dict[str, Any]) -> dict[str, Any]:
    has_failed = row["status"] in {RunStatus.FAILED, RunStatus.TIMED_OUT}
    return row | {"status": RunStatus.SUCCEEDED} if has_failed else row


class Overwriting(Like):
    """The Jobs table, in which a row is written whatever is there."""

    def replace(self, row: Row, before: Row | None) -> None:
        self.port.write(str(row["job_name"]), row, before)


class OverNewerRows(Like):
    """The service, which reads a row once and writes it whatever has become of it."""

    def __init__(self, port: Any) -> None:
        super().__init__(port)
        self._read: dict[str, Row | None] = {}

    def row(self, job_name: str) -> Row | None:
        if job_name not in self._read:
            self._read[job_name] = self.port.row(job_name)
        return self._read[job_name]

    @property
    def jobs(self) -> Overwriting:
        return Overwriting(self.port.jobs)


def _not_after_a_crash(handlers: Handlers) -> dict[str, Callable[..., Any]]:
    """Have a job that is being judged noted as judged before that is so."""
    lost: set[str] = set()
    real = handlers["run_stream"]

    def handle(event: dict[str, Any], context: Any, runtime: Any) -> Any:
        (record,) = event["Records"]
        name = record["dynamodb"]["Keys"]["job_name"]["S"]
        if name in lost:
            return {"batchItemFailures": []}
        try:
            return real(event, context, runtime)
        except Crash:
            lost.add(name)
            raise

    return {"run_stream": handle}


_BUGS = {
    "judges_by_runs_of_the_old_deployment": Bug(service=_with_record(_of_all_time)),
    "rolls_a_rollback_back": Bug(service=_with_record(_never_rolled_back)),
    "a_canary_passes_although_a_run_failed": Bug(service=_with_runs(_succeeded)),
    "a_canary_fails_for_want_of_capacity": Bug(service=_with_runs(_without_error)),
    "a_canary_overwrites_a_newer_row": Bug(service=OverNewerRows),
    "a_canary_is_forgotten_when_it_is_cut_off": Bug(handlers=_not_after_a_crash),
}
BUGS = {name: replace(bug, having=WriteCanary) for name, bug in _BUGS.items()}
