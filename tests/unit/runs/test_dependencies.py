"""Which job runs after which, and when its turn comes."""

from __future__ import annotations

import json

import pytest

from provisioner.errors import ConflictError, NotFoundError, PermanentError, TemporaryError
from provisioner.runs.dependencies import Chain
from provisioner.runs.model import Success
from tests.support.fakes import FakeDependants


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
        self.asked = {}
        self.successes = {}

    def last_asked(self, job_name):
        return self.asked.get(job_name, "")

    def last_success(self, job_name):
        return self.successes.get(job_name)


@pytest.fixture
def chain():
    return Chain(Dependants(), Executions())


def succeed(chain, name, at):
    chain.dependants.successes[name] = Success(f"{at}#{name}", at)
    return chain.go_on(name)


def test_a_job_runs_when_all_have_succeeded(chain):
    chain.dependants.change("report", before=(), after=("extract", "clean"))

    assert succeed(chain, "extract", "10:00") == []
    assert succeed(chain, "clean", "10:05") == ["report"]

    (told,) = chain.executions.started.values()
    assert told == {
        "_run": {"source": "dependency", "by": "clean 10:05#clean, extract 10:00#extract"}
    }


def test_the_same_news_again_starts_nothing_more(chain):
    chain.dependants.change("report", before=(), after=("extract",))
    succeed(chain, "extract", "10:00")

    assert chain.go_on("extract") == []
    assert len(chain.executions.started) == 1


def test_all_must_have_succeeded_since_its_own_last_run(chain):
    chain.dependants.change("report", before=(), after=("extract", "clean"))
    succeed(chain, "extract", "10:00")
    succeed(chain, "clean", "10:05")
    chain.dependants.asked["report"] = "10:06"

    assert succeed(chain, "clean", "11:05") == []
    assert succeed(chain, "extract", "11:10") == ["report"]
    assert len(chain.executions.started) == 2


def test_a_job_without_a_stack_keeps_no_other_from_running(chain):
    for name in ("first", "second"):
        chain.dependants.change(name, before=(), after=("extract",))
    chain.executions.missing.add("first")

    assert succeed(chain, "extract", "10:00") == ["second"]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)], ids=str)
def test_one_that_cannot_be_started_keeps_no_other_from_running(chain, order):
    names = ("denied", "throttled", "well")
    for index in order:
        chain.dependants.change(names[index], before=(), after=("extract",))
    chain.executions.errors = {
        "denied": PermanentError("denied"),
        "throttled": TemporaryError("throttled"),
    }

    with pytest.raises(TemporaryError, match="throttled"):
        succeed(chain, "extract", "10:00")

    assert {name for name, _ in chain.executions.started} == {"well"}
    del chain.executions.errors["throttled"]
    with pytest.raises(PermanentError, match="denied"):
        chain.go_on("extract")
    assert {name for name, _ in chain.executions.started} == {"well", "throttled"}
