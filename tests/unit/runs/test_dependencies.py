"""Which job runs after which: circles, and when a job's turn comes."""

from __future__ import annotations

import json

import pytest

from provisioner import jobs
from provisioner.errors import ConflictError, NotFoundError, PermanentError, TemporaryError
from provisioner.jobs import Rejected
from provisioner.runs.dependencies import MAX_CHAIN, Chain, without_circle
from provisioner.runs.model import Success
from tests.support.fakes import FakeDependants, FakeJobs

ROW = {
    "type": "lambda",
    "runtime": "python3.13",
    "handler": "app.handler",
    "bundle": "s3://bundles/app.zip",
}


def job(name, *needs):
    parsed = jobs.parse(ROW | {"job_name": name, "depends_on": list(needs)})
    assert not isinstance(parsed, Rejected), parsed
    return parsed


class OnlyKeys(FakeJobs):
    """DynamoDB refuses a whole BatchGetItem for one key that cannot be; 5 rows may have 2 MB."""

    def get_many(self, job_names):
        names = list(job_names)
        assert all(0 < len(name.encode()) <= 2048 for name in names)
        assert len(names) <= 5
        return super().get_many(names)


def rows(**needs):
    fake = OnlyKeys()
    fake.rows = {name: {"job_name": name, "depends_on": value} for name, value in needs.items()}
    return fake


CIRCLES = {
    "two": ({"b": ["a"]}, "a needs b needs a"),
    "three": ({"b": ["c"], "c": ["a"]}, "a needs b needs c needs a"),
    "by another way": ({"b": ["d", "c"], "c": ["a"], "d": []}, "a needs b needs c needs a"),
    "a lone text": ({"b": "a"}, "a needs b needs a"),
}


@pytest.mark.parametrize(("others", "way"), CIRCLES.values(), ids=CIRCLES)
def test_a_circle_is_refused_and_shown(others, way):
    found = without_circle(job("a", "b"), rows(**others))

    assert isinstance(found, Rejected)
    (error,) = found.errors
    assert (error.field, error.message) == ("depends_on", f"goes round in a circle: {way}")


FINE = {
    "no such job": {},
    "a chain": {"b": ["c"], "c": ["d"]},
    "a circle of others": {"b": ["c"], "c": ["b"]},
    "a wide level": {
        "b": [f"c{number}" for number in range(20)],
        **{f"c{number}": [f"d{number}", f"e{number}"] for number in range(20)},
    },
    "what is no name": {"b": [1, None, {}]},
    "nothing that can be read": {"b": 7},
    "an empty name": {"b": ["", "a"]},
    "a name that no key can be": {"b": ["x" * 2_049, "a"]},
    "a name in capitals": {"b": ["A", "a"]},
    "more names than a row may have": {"b": ["a", *(f"j{number}" for number in range(300))]},
    "a hundred thousand numbers": {"b": [7] * 100_000},
}


@pytest.mark.parametrize("others", FINE.values(), ids=FINE)
def test_what_is_no_circle_passes(others):
    assert without_circle(job("a", "b"), rows(**others)) == job("a", "b")


def test_a_chain_is_not_followed_for_ever():
    others = {f"j{number}": [f"j{number + 1}"] for number in range(MAX_CHAIN + 1)}

    found = without_circle(job("a", "j0"), rows(**others))

    assert isinstance(found, Rejected)
    (error,) = found.errors
    assert error.message == "makes more than 200 jobs come before this one"


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
