"""What the stream of the Triggers table says of runs and locks."""

from __future__ import annotations

import pytest

from provisioner.runs import stream_records

OF_RUNS = {
    "a free lock with waiting runs": ({"status": {"S": "FREE"}, "waiting": {"SS": ["x"]}}, True),
    "a free lock": ({"status": {"S": "FREE"}}, False),
    "a run that waits": ({"status": {"S": "QUEUED"}}, True),
    "a run that met another": ({"status": {"S": "SKIPPED"}, "error": {"S": "Overlap"}}, True),
    "a run that was paused": ({"status": {"S": "SKIPPED"}, "error": {"S": "Paused"}}, False),
    "a run that ended": ({"status": {"S": "SUCCEEDED"}}, False),
    "no status": ({}, False),
}


@pytest.mark.parametrize(("image", "starts"), OF_RUNS.values(), ids=OF_RUNS)
def test_what_may_start_a_waiting_run(image, starts):
    stored = {"dynamodb": {"Keys": {"job_name": {"S": "report"}}, "NewImage": image}}

    assert stream_records.may_start_a_waiting_run(stored) is starts
    assert stream_records.status_in(stored) == image.get("status", {}).get("S")


@pytest.mark.parametrize(
    ("row", "follows"),
    [
        pytest.param({"status": {"S": "SUCCEEDED"}, "run_shard": {"N": "0"}}, True, id="ended"),
        pytest.param({"status": {"S": "RUNNING"}}, False, id="not ended"),
        pytest.param({"status": {"S": "SKIPPED"}, "run_shard": {"N": "1"}}, False, id="skipped"),
        pytest.param({"status": {"S": "SKIPPED"}}, True, id="skipped, in no shard"),
        pytest.param(
            {"status": {"S": "SKIPPED"}, "run_shard": {"N": "2"}},
            True,
            id="skipped, in a shard of an earlier version",
        ),
        pytest.param(
            {"status": {"S": "SKIPPED"}, "run_shard": {"S": "1"}}, True, id="skipped, damaged"
        ),
    ],
)
def test_something_follows_from_the_end_of_a_run(row, follows):
    key = "2026-11-22T06:00:00.000Z#r1"
    keys = {"job_name": {"S": "report"}, "trigger_id": {"S": key}}

    found = stream_records.ended_run({"dynamodb": {"Keys": keys, "NewImage": row}})

    assert found == (key if follows else None)


@pytest.mark.parametrize("stored", [{}, {"dynamodb": {}}, {"dynamodb": {"NewImage": {}}}], ids=str)
def test_a_record_without_an_end_leaves_nothing_for_a_dead_letter_message(stored):
    assert stream_records.end_alone(stored) == {}
