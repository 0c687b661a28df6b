"""The text of a definition: a row's own words are never cut, whatever they hold."""

from __future__ import annotations

import json

import pytest
from troposphere import Join, Ref

import templates
from provisioner.jobs import InvalidRow, parse
from templates.workflow.asl import definition_string
from tests.support.platforms import PLATFORM

ROW = {
    "job_name": "nightly",
    "type": "lambda",
    "runtime": "python3.13",
    "handler": "app.handler",
    "bundle": "s3://bundles/app.zip",
}
MARKS = {
    "one": "@",
    "address": "a@b",
    "two runs": "@@ @@@",
    "as many as a payload holds": "@" * 16_000,
}
OTHERS = (
    {},
    {"fan_out": {}},
    {"retries": 2, "failure_rules": [{"errors": ["*"], "action": "ignore"}]},
    {"queue": True, "retries": 1, "pause_on_failures": 2},
    {"fan_out": {}, "retries": 1, "timeout_seconds": 60},
)


@pytest.mark.parametrize("text", MARKS.values(), ids=MARKS)
def test_the_mark_of_intrinsic_functions_is_not_in_the_rows_words(text):
    written = definition_string({"a": text, "b": Ref("Function"), "c": text})

    assert isinstance(written, Join)
    _, (first, function, last) = written.data["Fn::Join"]
    assert json.loads(f"{first}x{last}") == {"a": text, "b": "x", "c": text}
    assert function.to_dict() == {"Ref": "Function"}


@pytest.mark.parametrize("text", MARKS.values(), ids=MARKS)
def test_without_intrinsic_functions_it_is_one_text(text):
    assert json.loads(definition_string({"a": text})) == {"a": text}


def test_what_jobs_share_is_changed_by_none():
    jobs = [parse(ROW | more) for more in OTHERS]
    assert not any(isinstance(job, InvalidRow) for job in jobs)

    built = [templates.to_json(templates.build(job, PLATFORM)) for job in jobs]
    again = [templates.to_json(templates.build(job, PLATFORM)) for job in reversed(jobs)]

    assert again[::-1] == built
