"""Which job runs after which, and when it is started."""

from __future__ import annotations

import json

import pytest

from provisioner.errors import ConflictError, NotFoundError, PermanentError, TemporaryError
from provisioner.runs.dependencies import DependencyStarter
from provisioner.runs.model import Success
from tests.support.fakes import FakeDependants, FakeQueue


class Executions:
    def __init__(self):
        self.started = {}
        self.missing = set()
        self.errors = {}

    def start(self, job_name, execution_name, execution_input):
        if job_name in self.missing:
            raise NotFoundError(job_name)
        if job_name in self.errors:
            raise self.errors[job_name]
        if (job_name, execution_name) in self.started:
            raise ConflictError(execution_name)
        self.started[job_name, execution_name] = json.loads(execution_input)


class Dependants(FakeDependants):
    def __init__(self):
        super().__init__()
        self.started_at = {}
        self.successes = {}

    def last_started_at(self, job_name):
        return self.started_at.get(job_name, "")

    def last_success(self, job_name):
        return self.successes.get(job_name)


@pytest.fixture
def starter():
    return DependencyStarter(Dependants(), Executions(), FakeQueue())


def succeed(starter, name, at):
    starter.dependants.successes[name] = Success(f"{at}#{name}", at)
    return starter.start_dependants(name)


def test_a_job_runs_when_all_have_succeeded(starter):
    starter.dependants.change("report", before=(), after=("extract", "clean"))

    assert succeed(starter, "extract", "10:00") == []
    assert succeed(starter, "clean", "10:05") == ["report"]

    (given,) = starter.executions.started.values()
    assert given == {
        "_run": {"source": "dependency", "by": "clean 10:05#clean, extract 10:00#extract"}
    }


def test_the_same_success_again_starts_nothing_more(starter):
    starter.dependants.change("report", before=(), after=("extract",))
    succeed(starter, "extract", "10:00")

    assert starter.start_dependants("extract") == []
    assert len(starter.executions.started) == 1


def test_all_must_have_succeeded_since_its_own_last_run(starter):
    starter.dependants.change("report", before=(), after=("extract", "clean"))
    succeed(starter, "extract", "10:00")
    succeed(starter, "clean", "10:05")
    starter.dependants.started_at["report"] = "10:06"

    assert succeed(starter, "clean", "11:05") == []
    assert succeed(starter, "extract", "11:10") == ["report"]
    assert len(starter.executions.started) == 2


def test_a_success_of_the_moment_of_its_own_last_run_does_not_count(starter):
    starter.dependants.change("report", before=(), after=("extract",))
    starter.dependants.started_at["report"] = "10:00"

    assert succeed(starter, "extract", "10:00") == []


def test_a_job_without_a_stack_keeps_no_other_from_running(starter):
    for name in ("first", "second"):
        starter.dependants.change(name, before=(), after=("extract",))
    starter.executions.missing.add("first")

    assert succeed(starter, "extract", "10:00") == ["second"]


def test_a_job_without_a_state_machine_has_its_drift_detected(starter):
    starter.dependants.change("report", before=(), after=("extract",))
    starter.executions.missing.add("report")

    assert succeed(starter, "extract", "10:00") == []
    assert starter.reconcile.detections == [("report", 0)]

    starter.executions.missing.clear()
    assert succeed(starter, "extract", "10:05") == ["report"]
    starter.start_dependants("extract")
    assert len(starter.reconcile.detections) == 1


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)], ids=str)
def test_one_that_cannot_be_started_keeps_no_other_from_running(starter, order):
    names = ("denied", "throttled", "well")
    for index in order:
        starter.dependants.change(names[index], before=(), after=("extract",))
    starter.executions.errors = {
        "denied": PermanentError("denied"),
        "throttled": TemporaryError("throttled"),
    }

    with pytest.raises(TemporaryError, match="throttled"):
        succeed(starter, "extract", "10:00")

    assert {name for name, _ in starter.executions.started} == {"well"}
    del starter.executions.errors["throttled"]
    with pytest.raises(PermanentError, match="denied"):
        starter.start_dependants("extract")
    assert {name for name, _ in starter.executions.started} == {"well", "throttled"}
