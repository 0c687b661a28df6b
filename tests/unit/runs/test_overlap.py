"""Which waiting run is started when, and how runs are stopped; over a table in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from provisioner.errors import ConflictError, NotFoundError, PermanentError
from provisioner.runs.model import EndedExecution, FoundRun, Lock, OpenRun, RunStatus, WaitingRun
from provisioner.runs.overlap import RunControl, stop
from provisioner.runs.work import WorkByType

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
LATER = int((NOW + timedelta(hours=1)).timestamp())
A, B, C = (f"2026-11-21T08:0{minute}:00.000Z#{name}" for minute, name in enumerate("abc"))
HELD = Lock(owner="x", execution_arn="x", run=A, lease_until=LATER)
SUCCEEDED, FAILED, STOPPED = RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.STOPPED


@dataclass
class Runs:
    """Rows and the lock of one job."""

    lock_: Lock = field(default_factory=Lock)
    rows: dict = field(default_factory=dict)
    payloads: dict = field(default_factory=dict)
    ends: dict = field(default_factory=dict)
    stopping: dict = field(default_factory=dict)
    races: int = 0

    def lock(self, _job):
        return self.lock_

    def repair_lock(self, _job, damaged):
        self.lock_ = replace(self.lock_, damaged=self.lock_.damaged - set(damaged))

    def waiting(self, _job, run):
        if self.rows.get(run) != "QUEUED":
            return None
        return WaitingRun(run, 0, self.payloads.get(run, {"n": 1}), {"source": "manual"})

    def add_waiting(self, _job, run):
        self.lock_ = replace(self.lock_, waiting=tuple(sorted({*self.lock_.waiting, run})))
        return True

    def remove_waiting(self, _job, run):
        left = tuple(each for each in self.lock_.waiting if each != run)
        self.lock_ = replace(self.lock_, waiting=left)

    def end_waiting(self, job, run, end):
        if self.races:
            self.races -= 1
            self.rows[run] = "RUNNING"
            return False
        self.rows[run] = end.status
        self.ends[run] = (end.error, end.cause, end.by)
        self.remove_waiting(job, run)
        return True

    def release(self, _job, execution):
        released = self.lock_.owner == execution
        if released:
            self.lock_ = replace(self.lock_, owner=None, execution_arn=None, run=None)
        return released

    def job_type(self, _execution):
        return None

    def end(self, execution):
        self.rows[execution.trigger_id] = execution.status
        return True

    def mark_stopping(self, _job, run, *, by, reason):
        self.stopping[run] = (by, reason)
        return OpenRun(RunStatus(self.rows[run]), f"arn-{run}") if run in self.rows else None


@dataclass
class Executions:
    """Executions by name: how each ended, None while it runs."""

    known: dict = field(default_factory=dict)
    inputs: dict = field(default_factory=dict)
    stops: dict = field(default_factory=dict)
    stopped_at_once: bool = True
    machine: bool = True
    error: str | None = "E"
    cause: str | None = "C"
    waited: str | None = None

    def start(self, _job, name, given):
        if not self.machine:
            raise NotFoundError("no state machine")
        if name in self.known:
            raise ConflictError("ExecutionAlreadyExists")
        self.known[name] = None
        self.inputs[name] = json.loads(given)

    def arn(self, _job, name):
        return name

    def ended(self, job, arn):
        if not self.machine and arn not in self.known:
            return EndedExecution(job, arn, arn, STOPPED, NOW, NOW, cause="gone")
        assert arn, "Step Functions refuses a request without one"
        status = self.known.get(arn)
        more = {"error": self.error, "cause": self.cause, "waited": self.waited}
        return status and EndedExecution(job, arn, arn, status, NOW, NOW, **more)

    def stop(self, arn, *, error, cause):
        self.stops[arn] = (error, cause)
        if self.stopped_at_once:
            self.known[arn] = STOPPED


def control(lock, rows, executions=None, **runs):
    made = Runs(lock, {key: RunStatus(status) for key, status in rows.items()}, **runs)
    return RunControl(made, executions or Executions({"x": None}), WorkByType({}), lambda: NOW)


def name_of(run):
    return WaitingRun(run, 0, {}, {}).execution_name


QUEUED = {A: "RUNNING", B: "QUEUED", C: "QUEUED"}
STARTS = {
    "none waits": (Lock(), None),
    "it is free": (Lock(waiting=(B, C)), B),
    "it is held": (replace(HELD, waiting=(B, C)), None),
    "its lease is over": (replace(HELD, waiting=(B, C), lease_until=1), B),
    "its lease cannot be": (replace(HELD, waiting=(B,), lease_until=10**12), B),
    "the first is gone": (Lock(waiting=(A, B)), B),
    "a later one cancels": (Lock(waiting=(B, C), cancels=C), C),
    "one of the future cancels": (Lock(waiting=(B, C), cancels="2027"), B),
}


@pytest.mark.parametrize(("lock", "started"), STARTS.values(), ids=STARTS)
def test_which_run_is_started(lock, started):
    here = control(lock, QUEUED)

    assert here.start_next("job") == (started and name_of(started))
    assert here.executions.inputs.keys() == ({name_of(started)} if started else set())


def test_a_started_run_gets_its_payload_and_its_metadata():
    here = control(Lock(waiting=(B,)), QUEUED)

    here.start_next("job")

    [given] = here.executions.inputs.values()
    assert given == {"n": 1, "_run": {"source": "manual", "waited": B}}


def test_runs_before_the_one_that_cancels_are_skipped_and_the_running_one_is_stopped():
    here = control(replace(HELD, waiting=(B, C), cancels=C), QUEUED)

    assert here.start_next("job") == name_of(C)

    cause = f"{C} took its place"
    assert here.runs.rows == {A: STOPPED, B: RunStatus.SKIPPED, C: RunStatus.QUEUED}
    assert here.runs.ends == {B: ("Overlap", cause, None)}
    assert here.runs.stopping == {A: ("overlap", cause)}
    assert here.executions.stops == {"x": ("Stopped", cause)}


def test_the_one_that_cancels_waits_until_the_running_one_has_ended():
    executions = Executions({"x": None}, stopped_at_once=False)
    here = control(replace(HELD, waiting=(C,), cancels=C), QUEUED, executions)

    assert here.start_next("job") is None

    executions.known["x"] = STOPPED
    assert here.start_next("job") == name_of(C)


def test_a_run_whose_input_is_lost_fails_and_the_next_is_started():
    here = control(Lock(waiting=(B, C)), QUEUED, payloads={B: None})

    assert here.start_next("job") == name_of(C)
    assert here.runs.rows[B] is FAILED
    assert here.runs.ends[B][0] == "InputLost"


ENDED = {
    "failed": (FAILED, name_of(C), FAILED),
    "stopped": (STOPPED, name_of(C), STOPPED),
    "found the lock taken": (SUCCEEDED, None, RunStatus.QUEUED),
    "still runs": (None, None, RunStatus.QUEUED),
}


@pytest.mark.parametrize(("status", "started", "row"), ENDED.values(), ids=ENDED)
def test_what_becomes_of_a_run_whose_execution_was_started_before(status, started, row):
    here = control(Lock(waiting=(B, C)), QUEUED, Executions({name_of(B): status}))

    assert here.start_next("job") == started
    assert here.runs.rows[B] is row
    assert here.runs.ends.get(B) == (("E", "C", None) if row in {FAILED, STOPPED} else None)


def test_a_waiting_run_whose_execution_does_not_say_why_it_ended_is_said_not_to_have_started():
    executions = Executions({name_of(B): STOPPED}, error=None, cause=None)
    here = control(Lock(waiting=(B,)), QUEUED, executions)

    here.start_next("job")

    cause = "The execution ended before it was admitted"
    assert here.runs.ends == {B: ("NotStarted", cause, None)}


def test_a_run_that_starts_while_another_takes_its_place_waits_no_more():
    here = control(Lock(waiting=(B, C), cancels=C), QUEUED, races=1)

    assert here.start_next("job") == name_of(C)
    assert here.runs.rows[B] == "RUNNING"
    assert here.runs.lock_.waiting == (C,)
    assert here.runs.ends == {}


def test_a_lock_without_an_execution_is_waited_for():
    here = control(replace(HELD, execution_arn=None, waiting=(C,), cancels=C), QUEUED)

    assert here.start_next("job") is None
    assert here.recover("job", [C]) is None
    assert here.executions.stops == {}


def test_without_a_state_machine_waiting_runs_are_ended():
    here = control(Lock(waiting=(B, C)), QUEUED, Executions(machine=False))

    assert here.start_next("job") is None
    assert here.runs.rows == {A: RunStatus.RUNNING, B: STOPPED, C: STOPPED}
    assert here.runs.ends[B] == ("NotStarted", "gone", None)


def test_a_damaged_lock_is_repaired():
    here = control(Lock(waiting=(B,), damaged=frozenset({"owner"})), QUEUED)

    here.start_next("job")

    assert here.runs.lock_.damaged == frozenset()


def test_recovery_adds_lost_runs_and_releases_the_lock_of_an_ended_execution():
    here = control(HELD, QUEUED, Executions({"x": FAILED}))

    assert here.recover("job", [B]) == name_of(B)
    assert here.runs.rows[A] is FAILED
    assert here.runs.lock_.owner is None


def test_recovery_ends_the_row_that_the_execution_names_if_the_lock_names_none():
    executions = Executions({"x": FAILED}, waited=A)
    here = control(replace(HELD, run=None, waiting=(B,)), QUEUED, executions)

    assert here.recover("job", []) == name_of(B)
    assert here.runs.rows[A] is FAILED


def test_recovery_leaves_the_run_of_a_lock_whose_lease_is_over_to_its_row():
    lock = replace(HELD, waiting=(B,), lease_until=1)
    here = control(lock, QUEUED, Executions({"x": FAILED}))

    assert here.recover("job", []) == name_of(B)
    assert here.runs.rows[A] is RunStatus.RUNNING


def test_recovery_leaves_a_running_run_alone():
    here = control(replace(HELD, waiting=(B,)), QUEUED)

    assert here.recover("job", [B]) is None
    assert here.runs.lock_.owner == "x"


@pytest.mark.parametrize(("status", "is_done"), [(None, False), (FAILED, True)])
def test_a_run_is_completed_when_its_execution_has_ended(status, is_done):
    here = control(HELD, QUEUED, Executions({"x": status}))

    assert here.complete_ended(FoundRun("job", A, "x", NOW)) is is_done
    assert here.runs.rows[A] is (FAILED if is_done else RunStatus.RUNNING)


def test_a_row_without_an_execution_cannot_be_completed():
    with pytest.raises(PermanentError, match="names no execution"):
        control(HELD, QUEUED).complete_ended(FoundRun("job", A, None, NOW))


STOPS = {
    "running": (A, RunStatus.RUNNING, {f"arn-{A}": ("Stopped", "enough")}, {}),
    "waiting": (B, RunStatus.QUEUED, {}, {B: ("Stopped", "enough", "ann")}),
    "ended": (C, SUCCEEDED, {}, {}),
    "unknown": ("2026#z", None, {}, {}),
}


@pytest.mark.parametrize(("run", "status", "stops", "ends"), STOPS.values(), ids=STOPS)
def test_what_a_person_stops(run, status, stops, ends):
    here = control(HELD, {A: "RUNNING", B: "QUEUED", C: "SUCCEEDED"})

    key = ("job", run)
    assert stop(here.runs, here.executions, key, by="ann", reason="enough", now=NOW) is status
    assert here.executions.stops == stops
    assert here.runs.ends == ends


def test_a_waiting_run_that_starts_while_it_is_stopped_is_stopped_as_a_running_one():
    here = control(HELD, {B: "QUEUED"}, races=1)

    key = ("job", B)
    status = stop(here.runs, here.executions, key, by="ann", reason="enough", now=NOW)

    assert status is RunStatus.RUNNING
    assert here.executions.stops == {f"arn-{B}": ("Stopped", "enough")}
