"""One job's runs: Step Functions, the functions, and a clock of their own."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from provisioner.entrypoints import run_events, run_stream, sweep_runs
from provisioner.entrypoints.wiring import Runtime
from provisioner.errors import ConflictError, TemporaryError
from provisioner.runs.keys import LOCK
from provisioner.runs.model import FINAL, EndedExecution, RunStatus, iso, waited_of
from provisioner.runs.overlap import RunControl, stop
from provisioner.runs.work import WorkByType
from tests.simulation.runs.table import Run, Table
from tests.simulation.world.timeline import Timeline
from tests.simulation.world.wiring import Silent
from tests.support.fakes import Crash
from tests.support.functions import having
from tests.support.platforms import PLATFORM, SETTINGS

TIMEOUT_SECONDS = 600
MACHINE_SECONDS = TIMEOUT_SECONDS + 120
LEASE_SECONDS = TIMEOUT_SECONDS + 300
SWEEP_SECONDS = 300

OUTSIDE = ("ecs", "batch", "ec2")
"""Types of jobs whose work goes on when the execution that started it is stopped."""


@dataclass
class Execution:
    """One execution; `steps` performs an effect between two of its states at a time."""

    name: str
    input: dict[str, Any]
    started_at: datetime
    steps: Iterator[float]
    status: str = "RUNNING"
    ended_at: datetime | None = None
    run: Run | None = None
    holds: bool = False


@dataclass
class Work:
    """What executions have left running, of one type."""

    world: World
    job_type: str

    def stop(self, job_name: str, execution_name: str, reason: str) -> int:
        """Stop it; return how many pieces that were."""
        del job_name, reason
        if self.world.work.get(execution_name) != self.job_type:
            return 0
        del self.world.work[execution_name]
        return 1


@dataclass(frozen=True)
class Bug:
    """What a world is made of; without arguments nothing is wrong with it."""

    table: type[Table] = Table
    work: Callable[[World, str], Any] = Work
    by_type: type[WorkByType] = WorkByType
    control: type[RunControl] = RunControl
    sweeps: tuple[Callable[[Runtime, datetime], int], ...] = (
        sweep_runs.complete_ended_runs,
        sweep_runs.start_waiting_runs,
    )


NO_BUG = Bug()


@dataclass
class World:
    """Everything that a history of runs takes place in."""

    chance: random.Random
    overlap: str
    trouble: float
    bug: Bug = NO_BUG
    executions: dict[str, Execution] = field(default_factory=dict)
    work: dict[str, str] = field(default_factory=dict)
    """Executions whose work goes on outside them, and of which type it is."""
    job_type: str = "ecs"
    started_for: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.timeline = Timeline()
        self.began_with = self.trouble
        self.table = self.bug.table(self.timeline, LEASE_SECONDS, self._stream)
        work = self.bug.by_type(
            {kind: (Shaky(self, self.bug.work(self, kind)),) for kind in OUTSIDE}
        )
        runs = Shaky(self, self.table)
        self.control = self.bug.control(runs, Shaky(self, self), work, self.timeline)
        self.runtime = having(
            Runtime(SETTINGS, clock=self.timeline, chance=self.chance),
            metrics=Silent(PLATFORM.prefix),
            run_control=self.control,
            triggers=runs,
            work=work,
            executions=self.control.executions,
        )

    # Time

    @property
    def now(self) -> datetime:
        return self.timeline.now

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        self.timeline.after(seconds, what)

    def run(self, seconds: float) -> None:
        until = self.now + timedelta(seconds=seconds)
        while self.timeline.step(until):
            self.check()

    def _strikes(self) -> bool:
        return self.chance.random() < self.trouble

    # Step Functions, as the port `Executions` and its callers see it

    def start(self, job_name: str, execution_name: str, execution_input: str) -> str:
        del job_name
        given = json.loads(execution_input)
        known = self.executions.get(execution_name)
        if known is not None:
            if known.status != "RUNNING" or known.input != given:
                raise ConflictError("ExecutionAlreadyExists")
            return execution_name
        made = Execution(execution_name, given, self.now, iter(()))
        made.steps = workflow(self, made)
        self.executions[execution_name] = made
        if waited := waited_of(execution_input):
            self.started_for[waited] = self.started_for.get(waited, 0) + 1
        self.after(0.01, lambda: self._step(made))
        self.after(MACHINE_SECONDS, lambda: self._end(made, "TIMED_OUT"))
        return execution_name

    def arn(self, job_name: str, execution_name: str) -> str:
        del job_name
        return execution_name

    def stop(self, execution_arn: str, *, error: str, cause: str) -> None:
        """Stop an execution; what it started goes on."""
        del error, cause
        self._end(self.executions[execution_arn], "ABORTED")

    def ended(self, job_name: str, execution_arn: str) -> EndedExecution | None:
        found = self.executions.get(execution_arn)
        if found is None:  # as Step Functions forgets them
            stopped = RunStatus.STOPPED
            return EndedExecution(
                job_name, execution_arn, execution_arn, stopped, self.now, self.now
            )
        if found.ended_at is None:
            return None
        status = {"ABORTED": RunStatus.STOPPED}.get(found.status) or RunStatus(found.status)
        return EndedExecution(
            job_name,
            found.name,
            found.name,
            status,
            found.started_at,
            found.ended_at,
            waited=waited_of(json.dumps(found.input)),
        )

    def _step(self, execution: Execution) -> None:
        if execution.status != "RUNNING":
            return
        try:
            seconds = next(execution.steps)
        except StopIteration as end:
            self._end(execution, end.value or "SUCCEEDED")
            return
        self.after(seconds, lambda: self._step(execution))

    def _end(self, execution: Execution, status: str) -> None:
        if execution.status != "RUNNING":
            return
        execution.status, execution.ended_at, execution.holds = status, self.now, False
        if status in {"ABORTED", "TIMED_OUT", "FAILED"} and not self._strikes():
            for _ in range(2 if self._strikes() else 1):
                self.after(self.chance.uniform(0.1, 3), lambda: self._tell_end(execution))

    # The functions

    def _tell_end(self, execution: Execution) -> None:
        assert execution.ended_at is not None
        detail = {
            "executionArn": execution.name,
            "stateMachineArn": f"stateMachine:{SETTINGS.platform.prefix}-job",
            "name": execution.name,
            "status": execution.status,
            "startDate": int(execution.started_at.timestamp() * 1000),
            "stopDate": int(execution.ended_at.timestamp() * 1000),
            "input": json.dumps(execution.input),
        }
        event = {"detail": detail}
        self._invoke(
            lambda: run_events.handler(event, Context(), self.runtime),
            lambda: self._tell_end(execution),
        )

    def _stream(self, key: str, image: dict[str, Any]) -> None:
        if key.startswith("#tick") or image.get("status") not in {"FREE", "QUEUED"}:
            return
        if self.trouble and self.chance.random() < 0.02:
            return  # given up after all its tries: the sweep has to find it
        for _ in range(2 if self._strikes() else 1):
            self.after(self.chance.uniform(0.01, 2), lambda: self._deliver(key, image))

    def _deliver(self, key: str, image: dict[str, Any]) -> None:
        values = {"status": {"S": image["status"]}}
        if "waiting" in image:
            values["waiting"] = {"SS": sorted(image["waiting"])}
        keys = {"job_name": {"S": "job"}, "trigger_id": {"S": key}}
        record = {"dynamodb": {"Keys": keys, "NewImage": values, "SequenceNumber": "1"}}

        def handle() -> None:
            answer = run_stream.handler({"Records": [record]}, Context(), self.runtime)
            if answer["batchItemFailures"]:
                raise TemporaryError

        self._invoke(handle, lambda: self._deliver(key, image))

    def _invoke(self, function: Callable[[], Any], again: Callable[[], None]) -> None:
        """Call a function; one that dies or fails is called again."""
        try:
            function()
        except (Crash, TemporaryError):
            self.after(self.chance.uniform(0.5, 5), again)

    def sweep(self) -> None:
        def handle() -> None:
            for step in self.bug.sweeps:
                step(self.runtime, self.now)

        self._invoke(handle, lambda: None)
        self.after(SWEEP_SECONDS, self.sweep)

    # People and schedules

    def ask(self, **given: Any) -> str:
        """Start a run as a schedule, a person or an API does."""
        name = f"run-{len(self.asked):03}"
        self.asked.append(name)
        self.start("job", name, json.dumps({"_run": given}))
        return name

    def stop_run(self, trigger_id: str) -> None:
        key = ("job", trigger_id)
        stop(self.table, self, key, by="ann", reason="enough", now=self.now)

    # What must always hold

    def check(self) -> None:
        lock = self.table.items.get(LOCK, {})
        inside = [e for e in self.executions.values() if e.holds and e.status == "RUNNING"]
        live = [e for e in inside if self._within_lease(e)]
        assert len(live) <= 1, f"{[e.name for e in live]} are inside one lock"
        working = [name for name in self.work if self._within_lease(self.executions[name])]
        assert len(working) <= 1, f"{working} work at the same time"
        for execution in live:
            assert lock.get("owner") == execution.name, f"{execution.name} holds no lock"
        for key, times in self.started_for.items():  # at once: it would go on for hours
            assert times <= 20, f"{key} was started {times} times"

    def _within_lease(self, execution: Execution) -> bool:
        run = execution.run
        if run is None or not run.locked:
            return False
        return (self.now - execution.started_at).total_seconds() <= LEASE_SECONDS

    def check_at_rest(self) -> None:
        """All faults are over, and there was time: everything has its end."""
        rows = self.table.rows()
        unfinished = {key: row["status"] for key, row in rows.items() if row["status"] not in FINAL}
        assert not unfinished, f"not ended: {unfinished}"
        lock = self.table.items.get(LOCK, {})
        assert not lock.get("waiting"), f"still waiting: {lock['waiting']}"
        assert "owner" not in lock, f"{lock['owner']} still holds the lock"
        assert not self.work, f"still working: {self.work}"
        for execution in self.executions.values():
            if execution.run is not None and execution.status != "DUPLICATE":
                assert execution.run.id in rows, f"{execution.name} has left no row"


@dataclass
class Context:
    """What Lambda gives a function."""

    function_name: str = "function"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:function"
    aws_request_id: str = "1"


class Shaky:
    """A port whose caller may die before or after each call."""

    def __init__(self, world: World, port: Any) -> None:
        self._world, self._port = world, port

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            before, after = self._world._strikes(), self._world._strikes()
            if before:
                raise Crash
            answer = method(*args, **kwargs)
            if after:
                raise Crash
            return answer

        return call


def workflow(world: World, execution: Execution) -> Iterator[float]:
    """Go through the states of templates/workflow/definition.py; yield how long each takes."""
    table, chance = world.table, world.chance
    run = _prepare(world, execution)
    yield chance.uniform(0.01, 0.1)
    for _ in range(30):
        execution.run = run
        refusal = _twice(world, lambda: table.admit(run))
        if not refusal:
            return (yield from _work(world, execution, run))
        if refusal == "duplicate":
            return "DUPLICATE"
        yield chance.uniform(0.01, 0.1)
        if run.overlap != "skip" or run.waited:
            refusal = _twice(world, lambda: table.queue(run))
            if not refusal:
                return "SUCCEEDED"
            if refusal == "duplicate":
                return "DUPLICATE"
            if run.waited:
                return "SUCCEEDED"
        yield chance.uniform(0.01, 0.1)
        if _twice(world, lambda: table.refuse(run, RunStatus.SKIPPED)):
            return "DUPLICATE"
        return "SUCCEEDED"
    return "FAILED"


def _prepare(world: World, execution: Execution) -> Run:
    told = execution.input["_run"]
    waited = told.get("waited")
    return Run(
        id=waited or f"{iso(execution.started_at)}#{execution.name}",
        execution=execution.name,
        overlap=told.get("overlap", world.overlap),
        tick=f"#tick#{told['tick']}" if "tick" in told and not waited else "",
        waited=bool(waited),
        seconds=told.get("seconds", 1),
        fails=told.get("fails", False),
        type=world.job_type,
        typed=told.get("typed", True),
    )


def _work(world: World, execution: Execution, run: Run) -> Iterator[float]:
    execution.holds = run.locked
    if run.locked:
        world.work[execution.name] = run.type
    yield run.seconds
    world.work.pop(execution.name, None)
    status = RunStatus.FAILED if run.fails else RunStatus.SUCCEEDED
    yield world.chance.uniform(0.01, 0.1)
    execution.holds = False
    if _twice(world, lambda: world.table.record(run, status, release=True)):
        yield world.chance.uniform(0.01, 0.1)
        world.table.record(run, status, release=False)
    return str(status)


def _twice(world: World, transaction: Callable[[], str]) -> str:
    """Deliver a transaction, sometimes twice: the answer is the last one's."""
    answer = transaction()
    return transaction() if world._strikes() else answer
