"""One job's runs: Step Functions, the functions, and a clock of their own."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from provisioner.entrypoints import run_events, run_stream
from provisioner.entrypoints.wiring import Runtime
from provisioner.errors import ConflictError, TemporaryError
from provisioner.runs.concurrency import MessageRuns
from provisioner.runs.dependencies import DependencyStarter
from provisioner.runs.messages import Limits, Message
from provisioner.runs.model import EndedExecution, RunStatus, waited_of
from provisioner.runs.overlap import stop
from tests.simulation.faults import Crash, Faults, NoClients, Reached
from tests.simulation.runs.bug import NO_BUG, OUTSIDE, Bug
from tests.simulation.runs.machines import LONGEST
from tests.simulation.runs.table import Run
from tests.simulation.runs.truth import check, check_at_rest
from tests.simulation.runs.workflow import workflow
from tests.simulation.stacks.wiring import Silent
from tests.simulation.timeline import START, Timeline
from tests.support.fakes import (
    FakeDependants,
    FakeJobs,
    FakeQueue,
    FakeRecentRuns,
    FakeRunCosts,
)
from tests.support.functions import Context, having
from tests.support.platforms import PLATFORM, SETTINGS

TIMEOUT_SECONDS = 600
LEASE_SECONDS = TIMEOUT_SECONDS + 300
SWEEP_SECONDS = 300
LOST_RECORDS = 0.05
"""Share of the stream's records that are given up after all their tries."""
LATE_SECONDS = 60
"""So long Step Functions may not know an execution that it has started."""
TROUBLED_SECONDS = 1500
"""Faults go on for so long, though most stories have nothing more to happen by then."""

LIMITS = Limits(batch_size=1, max_concurrency=2)


class NoCanary:
    """The service; no row of this world wants its first runs to decide on a deployment."""

    def row(self, job_name: str) -> None:
        del job_name

    def record(self, job_name: str) -> None:
        del job_name


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
    is_lost: bool = False
    """It ended before it wrote a row, and its end was told to nobody: nothing knows of it."""
    holds: bool = False


@dataclass
class World:
    """Everything that a story of runs takes place in."""

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
    limits: Limits = LIMITS
    messages_sent: int = 0
    not_ready: dict[str, datetime] = field(default_factory=dict)
    """Until when what runs start is not ready: the stack in express mode was complete before."""
    gave_up: list[str] = field(default_factory=list)
    """Executions that failed because what they start was not ready in time."""

    def __post_init__(self) -> None:
        self.timeline = Timeline()
        self.began_with = self.trouble
        self.table = self.bug.table(self.timeline, LEASE_SECONDS, self._stream)
        self.faults = Faults(self.timeline, self.chance, crashes=self.trouble)
        self.recent, self.heard_all = FakeRecentRuns(), True
        self.slots, self.queues = self.bug.slots(), self.bug.queues(self)
        self.machines = self.bug.machines(self)
        reached = partial(Reached, self.faults)
        work = self.bug.by_type(
            {kind: (reached("work", self.bug.work(self, kind)),) for kind in OUTSIDE}
        )
        runs = reached("runs", self.table)
        executions, queues = reached("executions", self), reached("queues", self.queues)
        slots, limits = reached("slots", self.slots), reached("stacks", self)
        submissions = reached("submissions", self.bug.submissions(self.timeline))
        self.control = self.bug.control(runs, executions, work, self.timeline)
        self.runtime = having(
            Runtime(SETTINGS, NoClients(), self.timeline, self.chance),
            metrics=Silent(PLATFORM.prefix),
            jobs=FakeJobs(),
            run_control=self.control,
            triggers=runs,
            run_costs=FakeRunCosts(),
            recent_runs=reached("recent_runs", self.recent),
            work=work,
            machines=reached("machines", self.machines),
            executions=executions,
            message_queues=queues,
            message_runs=MessageRuns(slots, queues, executions, limits, submissions, self.timeline),
            service=lambda *_: NoCanary(),
            dependency_starter=DependencyStarter(FakeDependants(), executions, FakeQueue()),
        )

    # Time

    @property
    def now(self) -> datetime:
        return self.timeline.now

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        self.timeline.after(seconds, what)

    def until(self, minutes: float) -> datetime:
        return self.now + timedelta(minutes=minutes)

    def run(self, seconds: float) -> None:
        self.run_until(self.now + timedelta(seconds=seconds))

    def run_until(self, moment: datetime) -> None:
        while self.timeline.step(moment):
            check(self)

    def settle(self) -> None:
        """Let all faults end, in a while, and everything come to rest; check what came of it."""
        self.run_until(START + timedelta(seconds=TROUBLED_SECONDS))
        self.trouble = 0
        self.faults.end()
        coming = len(self.executions) + self.queues.copies
        self.run(coming * LONGEST.total_seconds() + LEASE_SECONDS + 4000)
        check_at_rest(self)

    def strikes(self) -> bool:
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
        self.timeline.note("starts", execution_name, given)
        made = Execution(execution_name, given, self.now, iter(()))
        made.steps = workflow(self, made)
        self.executions[execution_name] = made
        if waited := waited_of(execution_input):
            self.started_for[waited] = self.started_for.get(waited, 0) + 1
        self.after(0.01, lambda: self._step(made))
        self.after(LONGEST.total_seconds(), lambda: self._end(made, "TIMED_OUT"))
        return execution_name

    def queue_limits(self, job_name: str) -> Limits:
        """Return the limits of the job's queue: the port `QueueLimits`."""
        del job_name
        return self.limits

    def arn(self, job_name: str, execution_name: str) -> str:
        del job_name
        return execution_name

    def has_started(self, job_name: str, execution_name: str) -> bool:
        """Tell whether there is an execution: Step Functions may say so some seconds late."""
        del job_name
        found = self.executions.get(execution_name)
        return found is not None and (
            not self.strikes() or (self.now - found.started_at).total_seconds() > LATE_SECONDS
        )

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
        self.timeline.note("ends", execution.name, status)
        execution.status, execution.ended_at, execution.holds = status, self.now, False
        self.machines.run_ended(execution)
        if status in {"ABORTED", "TIMED_OUT", "FAILED"}:
            if self.strikes():
                has_row = execution.run is not None and execution.run.id in self.table.items
                execution.is_lost = not has_row
                return
            for _ in range(2 if self.strikes() else 1):
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
        self.invoke(
            lambda: run_events.handler(event, Context(), self.runtime),
            lambda: self._tell_end(execution),
        )

    def _stream(self, key: str, image: dict[str, Any]) -> None:
        status = image.get("status")
        if key.startswith("#tick") or status not in {"FREE", *RunStatus}:
            return
        if self.trouble and self.chance.random() < LOST_RECORDS:
            self.heard_all = False
            return  # given up after all its tries: the sweep has to find it
        for _ in range(2 if self.strikes() else 1):
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

        self.invoke(handle, lambda: self._deliver(key, image))

    def invoke(self, function: Callable[[], Any], again: Callable[[], None]) -> None:
        """Call a function; one that dies or fails is called again."""
        try:
            function()
        except (Crash, TemporaryError) as error:
            self.timeline.note("a function ended by", repr(error))
            self.after(self.chance.uniform(0.5, 5), again)

    def sweep(self) -> None:
        def handle() -> None:
            for step in self.bug.sweeps:
                step(self.runtime, self.now)

        self.invoke(handle, lambda: None)
        self.after(SWEEP_SECONDS, self.sweep)

    # People and schedules

    def ask(self, **given: Any) -> str:
        """Start a run as a schedule, a person or an API does."""
        name = f"run-{len(self.asked):03}"
        self.asked.append(name)
        self.start("job", name, json.dumps({"_run": given}))
        return name

    def send_message(self, **given: Any) -> None:
        """Send a message to the job's queue, as a producer does."""
        number = self.messages_sent
        self.messages_sent += 1
        body = json.dumps({"number": number, **given})
        self.queues.send("job", Message(f"m{number}", body))

    def stop_run(self, trigger_id: str) -> None:
        key = ("job", trigger_id)
        stop(self.table, self, key, by="ann", reason="enough", now=self.now)
