"""Jobs that depend on themselves in the end."""

from __future__ import annotations

import pytest

from provisioner import jobs
from provisioner.jobs import InvalidRow
from provisioner.stacks.cycles import MAX_CHAIN, without_cycle
from tests.support.fakes import FakeJobs

ROW = {
    "type": "lambda",
    "runtime": "python3.13",
    "handler": "app.handler",
    "bundle": "s3://bundles/app.zip",
}


def job(name, *needs):
    parsed = jobs.parse(ROW | {"job_name": name, "depends_on": list(needs)})
    assert not isinstance(parsed, InvalidRow), parsed
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


CYCLES = {
    "two": ({"b": ["a"]}, "a → b → a"),
    "three": ({"b": ["c"], "c": ["a"]}, "a → b → c → a"),
    "by another way": ({"b": ["d", "c"], "c": ["a"], "d": []}, "a → b → c → a"),
    "a lone text": ({"b": "a"}, "a → b → a"),
}


@pytest.mark.parametrize(("others", "cycle"), CYCLES.values(), ids=CYCLES)
def test_a_cycle_is_refused_and_shown(others, cycle):
    found = without_cycle(job("a", "b"), rows(**others))

    assert isinstance(found, InvalidRow)
    (error,) = found.errors
    assert (error.field, error.message) == ("depends_on", f"is a dependency cycle: {cycle}")


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
def test_what_has_no_cycle_passes(others):
    assert without_cycle(job("a", "b"), rows(**others)) == job("a", "b")


def test_a_chain_is_not_followed_forever():
    others = {f"j{number}": [f"j{number + 1}"] for number in range(MAX_CHAIN + 1)}

    found = without_cycle(job("a", "j0"), rows(**others))

    assert isinstance(found, InvalidRow)
    (error,) = found.errors
    assert error.message == "makes more than 200 jobs come before this one"
