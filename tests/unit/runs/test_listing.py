"""Pages of all runs: in order, each run once, however the shards answer."""

from __future__ import annotations

from decimal import Decimal
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.runs.keys import run_shard
from provisioner.runs.listing import SHARDS, Position, Shard, derived_of, page_of

TIMES = st.sampled_from([f"2026-11-21T09:00:00.00{digit}Z#run" for digit in range(6)])
RUNS = st.sets(st.tuples(TIMES, st.sampled_from("abcdef")), max_size=25)


def answer(runs, number, before, looked_at, wanted):
    """Answer as DynamoDB does for one shard: it looks at so many runs, and says where it ended."""
    after = (before.at, before.after[number]) if number in before.after else None
    at_most = [run for run in runs if run[0] <= before.at]
    left = at_most[at_most.index(after) + 1 :] if after else at_most
    seen = left[:looked_at]
    found = [{"trigger_id": run[0], "job_name": run[1]} for run in seen if wanted(run)]
    return Shard(found, seen[-1] if len(left) >= looked_at else None)


@given(RUNS, st.integers(1, 5), st.integers(1, 8), st.sampled_from(["", "ab", "abcdef"]))
def test_every_run_comes_once_and_in_order(runs, count, looked_at, jobs):
    """`looked_at` is what bounds an answer: a limit, or its size, whatever the filter."""
    shards = {number: [] for number in SHARDS}
    for run in sorted(runs, key=lambda one: (one[0], crc32(one[1].encode())), reverse=True):
        shards[crc32(repr(run).encode()) % len(SHARDS)].append(run)
    found, before = [], Position()
    while before is not None:
        answers = {
            number: answer(shards[number], number, before, looked_at, lambda run: run[1] in jobs)
            for number in SHARDS
        }
        page = page_of(answers, count, before)
        assert len(page.runs) <= count
        found += page.runs
        before = page.next

    assert len(found) == len({(run["trigger_id"], run["job_name"]) for run in found})
    assert {(run["trigger_id"], run["job_name"]) for run in found} == {
        run for run in runs if run[1] in jobs
    }
    times = [run["trigger_id"] for run in found]
    assert times == sorted(times, reverse=True)


RUN = {"trigger_id": "2026-11-21T09:00:00.000Z#a", "status": "FAILED", "error": "E", "cause": "7"}
SHARD = run_shard(RUN["trigger_id"])
DERIVED = {
    "of an earlier version": ({}, {"run_shard": SHARD, "error_group": "E: *"}),
    "with a shard": ({"run_shard": Decimal(1)}, {"error_group": "E: *"}),
    "with both": ({"run_shard": Decimal(1), "error_group": "E: *"}, {}),
    "of a version with more shards": (
        {"run_shard": Decimal(2), "status": "RUNNING"},
        {"run_shard": SHARD},
    ),
    "that runs": ({"status": "RUNNING"}, {"run_shard": SHARD}),
    "with a damaged group": ({"run_shard": Decimal(1), "error_group": 7}, {"error_group": "E: *"}),
}


@pytest.mark.parametrize(("more", "derived"), DERIVED.values(), ids=DERIVED)
def test_what_a_row_lacks(more, derived):
    assert derived_of(RUN | more) == derived


def test_any_key_has_a_shard():
    assert {run_shard(f"2026-11-21T09:00:00.000Z#{number}") for number in range(50)} == set(SHARDS)
    assert run_shard("\ud800") in SHARDS
