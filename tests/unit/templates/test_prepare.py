"""`Prepare` yields a run for any input whatever: a Pass state catches nothing."""

from __future__ import annotations

import json
from functools import cache

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import templates
from tests.functional.step_functions import Scope
from tests.golden.update import workflow
from tests.support.generated_rows import job_of
from tests.support.platforms import PLATFORM

ROWS = {
    "lambda": {
        "type": "lambda",
        "runtime": "python3.14",
        "handler": "app.handler",
        "bundle": "s3://bundles/app.zip",
    },
    "ecs": {
        "type": "ecs",
        "image": "example.com/app:1",
        "allow_overrides": ["command", "environment", "size"],
    },
    "batch": {
        "type": "batch",
        "image": "example.com/app:1",
        "allow_overrides": ["command", "environment", "size"],
    },
    "fan-out": {"type": "ecs", "image": "example.com/app:1", "fan_out": {}},
}
NAMES = [
    *("_run", "source", "overlap", "by", "parent", "schedule", "scheduled_for", "waited", "depth"),
    *("overrides", "command", "environment", "cpu", "memory_mb", "items", "A", ""),
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 4096),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["skip", "", "2026-11-21T08:00:00.000Z#a", "2026-11-21T09:00:00Z", "{%", "a"]),
    st.text(max_size=3),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=8,
)
MEMBERS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6)
INPUTS = st.one_of(
    VALUES,
    st.fixed_dictionaries({"_run": MEMBERS}),
    st.fixed_dictionaries({"_run": st.fixed_dictionaries({"overrides": MEMBERS})}),
)


@cache
def prepare(kind):
    job = job_of({"job_name": "nightly", **ROWS[kind]})
    template = json.loads(templates.to_json(templates.build(job, PLATFORM)))
    return workflow(template)["States"]["Prepare"]["Assign"]["run"]


@pytest.mark.parametrize("kind", ROWS)
@given(given_input=INPUTS)
@example(given_input={"_run": {"overrides": {"environment": {"A": None, "B": {}}, "cpu": []}}})
@settings(max_examples=40, deadline=None)
def test_any_input_is_a_run(kind, given_input):
    execution = {
        "Input": given_input,
        "Name": "first",
        "StartTime": "2026-11-21T09:00:00.000Z",
    }

    run = Scope({}, {"context": {"Execution": execution}}).evaluate(prepare(kind), "run")

    assert isinstance(run["problem"], str)
    assert run["overlap"] in {"skip", "queue_one", "queue_all", "cancel_other", "allow"}
    assert isinstance(run["payload"], dict)
    assert isinstance(run["overrides"], dict)
    assert not {"{%", "#", ":"} & set(run["key"])
