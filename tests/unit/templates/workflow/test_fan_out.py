"""What a fan-out tells of its items."""

from __future__ import annotations

import json

import jsonata
from hypothesis import given
from hypothesis import strategies as st

import templates
from provisioner.jobs import MAX_ITEMS
from templates.workflow.expressions import CAUSE_CHARACTERS, LARGE_BYTES
from templates.workflow.programs import RANGES
from tests.functional.step_functions import Scope
from tests.golden.update import workflow
from tests.support.platforms import PLATFORM
from tests.unit.templates.rows import job_of


def ranges(indexes):
    return jsonata.Jsonata.jsonata(f"({RANGES.text})").evaluate(None, {"failed": sorted(indexes)})


def indexes(text):
    """Return what a text like 1,3-5,7 means."""
    found = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


@given(st.sets(st.integers(0, 40)))
def test_failed_items_are_named_whole_and_as_short_as_can_be(failed):
    text = ranges(failed)

    assert indexes(text) == sorted(failed)
    runs = sum(index - 1 not in failed for index in failed)
    assert len(text.split(",")) == max(1, runs)


def states(**fan_out):
    row = {"type": "lambda", "runtime": "python3.14", "handler": "a.b"}
    job = job_of(row | {"bundle": "s3://bundles/app.zip", "fan_out": fan_out})
    return workflow(json.loads(templates.to_json(templates.build(job, PLATFORM))))["States"]


def summary(failed_items):
    return {
        "items": MAX_ITEMS,
        "succeeded": MAX_ITEMS // 2,
        "failed": MAX_ITEMS // 2,
        "failed_items": failed_items,
        "results": f"s3://{'b' * 63}/runs/{'j' * 40}/{'t' * 105}/items/",
    }


EVERY_OTHER = ",".join(map(str, range(1, MAX_ITEMS, 2)))


def test_the_longest_output_is_kept_on_the_row():
    assert len(json.dumps(summary(EVERY_OTHER))) < LARGE_BYTES


def test_the_longest_list_of_failed_items_is_cut_where_it_is_a_cause():
    scope = Scope({"items_ms": 0}, {"input": summary(EVERY_OTHER)})

    scope.assign(states()["SummarizeItems"])

    cause = scope.variables["outcome"]["cause"]
    assert len(cause) <= CAUSE_CHARACTERS
    assert json.loads(cause)["failed_items"] == EVERY_OTHER[:3000] + "..."
    assert json.loads(cause) | {"failed_items": EVERY_OTHER} == summary(EVERY_OTHER)


def test_what_is_kept_of_all_items_fits_into_a_state():
    assert len(json.dumps([*range(MAX_ITEMS + 1)], separators=(",", ":"))) < 256 * 1024


def test_a_whole_bucket_has_no_prefix():
    made = states(source={"prefix": "s3://bundles/"})

    assert made["Run"]["ItemReader"]["Arguments"] == {"Bucket": "bundles"}


def test_a_source_with_too_many_items_is_read_one_beyond_and_refused():
    made = states(source={"prefix": "s3://bundles/new/"})

    assert made["Run"]["ItemReader"]["ReaderConfig"]["MaxItems"] == MAX_ITEMS + 1
    rule = made["SummarizeItems"]["Choices"][0]
    scope = Scope({"items_ms": 0}, {"input": summary("") | {"items": MAX_ITEMS + 1}})
    assert scope.evaluate(rule["Condition"], "Condition") is True
    assert rule["Assign"]["outcome"]["error"] == "InvalidInput"
    assert rule["Next"] == "RecordFailure"
