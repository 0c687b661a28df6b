"""`provisioner schedule` over moto."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from provisioner.runs.model import Pause, iso
from tests.support.cli import NOW, put_run
from tests.support.clients import CLIENTS
from tests.support.rows import ROW

BERLIN = ROW | {"schedule": "cron(0 6 * * ? *)", "timezone": "Europe/Berlin"}


def document(here, *arguments):
    result = here.run("schedule", "report", "--output", "json", *arguments)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_the_next_ten_scheduled_times_in_both_zones(here):
    here.jobs.put(BERLIN)

    found = document(here)["next"]

    assert len(found) == 10
    now = datetime.now(UTC)
    moments = [datetime.fromisoformat(time["at"]) for time in found]
    locals_ = [datetime.fromisoformat(time["local"]) for time in found]
    assert moments == locals_ == sorted(moments)
    assert now < moments[0] <= now + timedelta(hours=25)
    assert {(local.hour, local.minute) for local in locals_} == {(6, 0)}
    assert {time["schedule"] for time in found} == {"cron(0 6 * * ? *)"}


def test_times_of_several_schedules_come_in_one_order(here):
    both = ["cron(0 6 * * ? *)", "cron(0 18 * * ? *)"]
    here.jobs.put(ROW | {"schedule": both})

    found = document(here, "--count", "4")["next"]

    assert [time["at"] for time in found] == sorted(time["at"] for time in found)
    assert [time["schedule"] for time in found] in (both * 2, both[::-1] * 2)


def test_what_ended_a_scheduled_run_stands_below_it(here):
    here.jobs.put(BERLIN)
    why = {"error": "ValueError", "cause": "no good"}
    put_run("report", "one", "FAILED", source="schedule", scheduled_for=iso(NOW), **why)

    shown = here.run("schedule", "report").stdout.splitlines()

    [line] = [number for number, text in enumerate(shown) if "FAILED" in text]
    assert "ValueError: no good" in shown[line + 1]


def test_a_rate_without_a_start_is_known_too(here):
    here.jobs.put(ROW | {"schedule": "rate(6 hours)"})

    moments = [datetime.fromisoformat(time["at"]) for time in document(here, "-n", "3")["next"]]

    assert moments == [moments[0] + timedelta(hours=6 * n) for n in range(3)]
    assert moments == [
        datetime.fromisoformat(time["at"]) for time in document(here, "-n", "3")["next"]
    ]
    shown = here.run("schedule", "report", "-n", "1").stdout
    assert f"{moments[0]:%a %Y-%m-%d %H:%M} +00:00" in shown or f"{moments[0]:%H:%M}" in shown


def test_the_last_scheduled_runs(here):
    here.jobs.put(BERLIN)
    here.save("report", missed_schedules=3)
    for day, status in enumerate(("SUCCEEDED", "SKIPPED", "RUNNING")):
        at = NOW + timedelta(days=day)
        put_run(
            "report", f"s{day}", status,
            started_at=at, source="schedule", scheduled_for=f"{at:%Y-%m-%dT%H:%M:%SZ}",
        )  # fmt: skip
    put_run("report", "by-hand", "SUCCEEDED", started_at=NOW + timedelta(hours=1), source="manual")

    text = here.run("schedule", "report").stdout

    assert "1 running, 1 skipped, 3 missed" in text
    assert "by-hand" not in text
    assert [run["status"] for run in document(here)["runs"]] == ["RUNNING", "SKIPPED", "SUCCEEDED"]
    assert document(here)["missed_schedules"] == 3


def test_a_damaged_run_is_shown_as_far_as_it_can_be(here):
    here.jobs.put(BERLIN)
    key = {"job_name": {"S": "report"}, "trigger_id": {"S": "2026-11-21T09:00:00.000Z#s1"}}
    more = {"source": {"S": "schedule"}, "scheduled_for": {"N": "7"}, "duration_ms": {"S": "long"}}
    CLIENTS.dynamodb.put_item(TableName="jobs-Triggers", Item=key | more)

    result = here.run("schedule", "report")

    assert result.exit_code == 0
    assert "s1" in result.stdout


def test_a_schedule_that_is_off_says_why(here):
    here.jobs.put(BERLIN | {"schedule_enabled": False, "schedule_note": "until the move is over"})

    text = here.run("schedule", "report").stdout

    assert "report  off  Europe/Berlin" in text
    assert "until the move is over" in text
    assert "if it were on" in text


def test_a_schedule_that_paused_says_so(here):
    here.jobs.put(BERLIN | {"pause_on_failures": 2})
    here.triggers.set_pause("report", Pause(True, "2026-11-20T09:00:00.000Z", "2 runs failed"))

    result = here.run("schedule", "report")

    assert "report  paused" in result.stdout
    assert "2 runs failed" in result.stdout
    assert "provisioner resume report" in result.stderr


def test_a_schedule_that_is_over(here):
    here.jobs.put(ROW | {"schedule": "at(2020-01-01T00:00:00)"})
    assert "none" in here.run("schedule", "report").stdout


def test_a_window_without_a_start_that_is_over(here):
    here.jobs.put(ROW | {"schedule": "rate(1 day)", "schedule_end": "2020-01-01"})
    shown = here.run("schedule", "report").stdout
    assert "none: the schedule ended at 2020-01-01T00:00:00Z" in shown


WRONG = {
    "no such job": (None, "there is no job report"),
    "invalid": (ROW | {"schedule": "cron(0 6 * * *)"}, "is INVALID"),
    "no schedule": (ROW, "report has no schedule"),
}


@pytest.mark.parametrize(("row", "words"), WRONG.values(), ids=WRONG)
def test_what_has_none(here, row, words):
    if row:
        here.jobs.put(row)
    result = here.run("schedule", "report")
    assert result.exit_code == 1
    assert words in result.stderr
