"""The list of bulk operations: newest first, with counts, within a bound of what is read."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from provisioner.aws.items import to_dynamodb
from provisioner.errors import NotFoundError
from provisioner.service import bulk
from provisioner.service.bulk import Key
from provisioner.service.bulk_selection import BulkAction, Target
from tests.support.cli import NOW
from tests.support.clients import CLIENTS
from tests.support.rows import ROW


def begin(service, minutes, *names, key=None, action=BulkAction.RETRY_JOBS):
    """Begin an operation so many minutes after the first one."""
    at = NOW + timedelta(minutes=minutes)
    return bulk.begin(
        replace(service, clock=lambda: at),
        action,
        tuple(Target.parse(name) for name in names),
        reason=f"after {minutes}",
        expected_count=len(names),
        key=Key(key, "the request") if key else None,
    )


def test_newest_first_whatever_they_are_named_after(here):
    here.jobs.put(ROW)
    for minutes, key in enumerate((None, "b", None, "a", "c", None)):
        begin(here.service, minutes, "report", key=key)

    found = bulk.newest(here.service)

    assert [line.reason for line in found.lines] == [f"after {each}" for each in range(5, -1, -1)]
    assert found.complete


def test_a_line(here):
    here.jobs.put(ROW)
    here.make_ready()
    made = begin(here.service, 0, "report", *(f"none-{number}" for number in range(12)))

    def counts():
        (line,) = bulk.newest(here.service).lines
        return line.targets, line.done, line.failed, line.is_over

    assert counts() == (13, 0, 0, False)
    bulk.step(here.service, made.id)
    assert counts() == (13, 10, 9, False)
    bulk.step(here.service, made.id)
    assert counts() == (13, 13, 12, True)
    (line,) = bulk.newest(here.service).lines
    assert (line.id, line.action, line.by) == (made.id, BulkAction.RETRY_JOBS, made.by)
    assert line.created_at == NOW


def test_no_more_is_read_than_three_megabytes(here):
    for number in range(40):
        values = {"action": "stop_runs", "reason": "x", "by": "y", "created_at": NOW.isoformat()}
        values |= {"done": 0, "failures": [], "targets": ["report/r"], "rows": {"a": "x" * 100_000}}
        here.service.bulks.put(f"2026{number:02}", values, NOW)
    before = CLIENTS.reads("dynamodb")

    found = bulk.newest(here.service)

    assert CLIENTS.reads("dynamodb") - before == 3
    assert not found.complete
    assert 25 < len(found.lines) < 40
    assert found.lines[0].id == "202639"


@pytest.mark.parametrize(
    "damage",
    [
        {"action": "burn"},
        {"targets": 5},
        {"targets": [5]},
        {"done": "many"},
        {"created_at": "soon"},
        {"created_at": 5},
        {"failures": [{}]},
        {"failures": "x"},
        {"reason": None},
        {"reason": 5},
        {"by": ["a"]},
        {"done": -4},
        {"done": 2},
        {"created_at": "0001-01-01T00:00:00+14:00"},
        {"created_at": "9999-12-31T23:59:59-14:00"},
    ],
    ids=str,
)
def test_what_is_not_an_operation_does_not_hide_the_others(here, damage):
    here.jobs.put(ROW)
    made = begin(here.service, 0, "report")
    whole = {"action": "stop_runs", "reason": "x", "by": "y", "created_at": NOW.isoformat()}
    whole |= {"done": 0, "failures": [], "targets": ["report/r"]} | damage
    item = {name: value for name, value in whole.items() if value is not None}
    item |= {"job_name": "#bulk", "trigger_id": "#bulk#other", "expires_at": 4_000_000_000}
    CLIENTS.dynamodb.put_item(TableName="jobs-Triggers", Item=to_dynamodb(item))

    assert [line.id for line in bulk.newest(here.service).lines] == [made.id]
    with pytest.raises(NotFoundError, match="cannot be read"):
        bulk.progress(here.service, "other")


def test_times_without_a_zone_are_in_order_with_others(here):
    here.jobs.put(ROW)
    begin(here.service, 0, "report")
    values = {"action": "stop_runs", "reason": "x", "by": "y", "created_at": "2026-11-21T09:00:01"}
    values |= {"done": 0, "failures": [], "targets": ["report/r"]}
    here.service.bulks.put("other", values, NOW)

    assert [line.id == "other" for line in bulk.newest(here.service).lines] == [True, False]


def test_what_has_expired_is_not_listed(here):
    here.jobs.put(ROW)
    made = begin(here.service, 0, "report")
    days = [timedelta(days=29), timedelta(days=30)]
    later = [replace(here.service, clock=lambda day=day: NOW + day) for day in days]

    found = [[line.id for line in bulk.newest(each).lines] for each in later]

    assert found == [[made.id], []]
