"""The page about the Triggers table lists every kind of item, with its attributes and types."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from provisioner.runs import keys, model
from provisioner.runs.keys import LockStatus, PauseStatus, QueueStatus

PAGE = (Path(__file__).parents[3] / "docs/reference/triggers-table.md").read_text()
TIME = "2026-11-21T09:00:00.000Z"
RUN = f"{TIME}#run-1"

KINDS = {
    "Run": (keys.trigger_id("<started_at>", "<execution name>"), keys.RUN_FIELDS),
    "Lock": (keys.LOCK, keys.LOCK_FIELDS),
    "Scheduled time": (
        keys.scheduled_time("<schedule>", "<scheduled time>"),
        keys.SCHEDULED_TIME_FIELDS,
    ),
    "Pause": (keys.PAUSE, keys.PAUSE_FIELDS),
    "Queue": (keys.QUEUE, keys.QUEUE_FIELDS),
    "Cost": (keys.cost("<month>"), keys.COST_FIELDS),
    "Recent runs": (keys.RECENT, keys.RECENT_FIELDS),
    "Backfill": (keys.BACKFILL, keys.BACKFILL_FIELDS),
    "Bulk": (keys.bulk("<id>"), keys.BULK_FIELDS),
    "Upgrade": (keys.UPGRADE, keys.UPGRADE_FIELDS),
    "Submission": (keys.submission("<id>"), keys.SUBMISSION_FIELDS),
    "Dependant": (keys.dependant("<dependant>"), keys.DEPENDANT_FIELDS),
    "Tracker": (keys.tracker("<job>"), keys.TRACKER_FIELDS),
}
STATUSES = {"Lock": LockStatus, "Pause": PauseStatus, "Queue": QueueStatus, "Run": model.RunStatus}


def section(kind):
    return PAGE.split(f"\n## {kind}\n", 1)[1].split("\n## ", 1)[0]


def attributes(kind):
    """Return the attributes that a section's table lists, and their types."""
    rows = re.findall(r"^\| (`.*?) \| (\w+)", section(kind), re.MULTILINE)
    return {name: type_ for cell, type_ in rows for name in re.findall(r"`(\w+)`", cell)}


def test_the_page_lists_every_kind_of_item_by_its_sort_key():
    listed = re.findall(r"^\| \[(.*?)\]\(.*?\) \| `(.*?)` \|", PAGE, re.MULTILINE)

    assert {name.capitalize(): key for name, key in listed} == {
        kind: key for kind, (key, _) in KINDS.items()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_lists_every_attribute_of_a_kind_with_its_type(kind):
    assert attributes(kind) == KINDS[kind][1]


@pytest.mark.parametrize("kind", STATUSES)
def test_the_page_names_every_status_of_a_kind(kind):
    [line] = re.findall(r"^\| `status` .*$", section(kind), re.MULTILINE)

    assert set(re.findall(r"`([A-Z_]+)`", line)) == set(STATUSES[kind])


SORT_KEYS = {
    "a run": (RUN, True),
    "a run with a # in its name": (f"{TIME}#a#b", True),
    "a lock": (keys.LOCK, False),
    "a scheduled time": (keys.scheduled_time("jobs-a-0", "2026-11-21T09:00:00Z"), False),
    "a dependant": (keys.dependant("report"), False),
    "a tracker": (keys.tracker("report"), False),
    "no name": (f"{TIME}#", False),
    "a name that is too long": (f"{TIME}#{'x' * 81}", False),
    "a line end after it": (RUN + "\n", False),
}


@pytest.mark.parametrize(("key", "is_run"), SORT_KEYS.values(), ids=SORT_KEYS)
def test_only_keys_of_runs_are_trigger_ids(key, is_run):
    assert keys.is_trigger_id(key) is is_run
    assert (key > keys.FIRST_RUN) is (not key.startswith("#"))


def test_keys_are_made_and_taken_apart():
    run = keys.trigger_id(TIME, "a#b")

    assert (keys.started_at_of(run), keys.execution_name_of(run)) == (TIME, "a#b")
    assert keys.dependant_of(keys.dependant("report")) == "report"


@pytest.mark.parametrize("text", [None, "", "{", '{"_run": {"waited": "nowhere"}}', "[1]"], ids=str)
def test_an_input_that_names_no_run_that_waited(text):
    assert model.waited_of(text) is None


TIMES = {
    "with a zone": ("2026-11-21T09:00:00.000Z", datetime(2026, 11, 21, 9, tzinfo=UTC)),
    "without a zone": ("2026-11-21T09:00:00", None),
    "not a time": ("yesterday", None),
    "not a text": (1795251600, None),
    "absent": (None, None),
}


@pytest.mark.parametrize(("value", "time"), TIMES.values(), ids=TIMES)
def test_a_time_in_an_attribute(value, time):
    assert model.time_of(value) == time
