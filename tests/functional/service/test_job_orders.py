"""Jobs in other orders than by name: over the whole list, page by page, with three requests."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from provisioner.aws.items import to_dynamodb
from provisioner.errors import InvalidRequestError
from provisioner.jobs.row_summary import ScheduleFilter
from provisioner.runs.model import Pause, iso
from provisioner.service import cursors, job_orders, jobs
from provisioner.service.job_orders import JobOrder
from provisioner.service.jobs import ALL, JobsWanted
from provisioner.stacks.model import JobStatus
from tests.support.cli import NOW
from tests.support.clients import CLIENTS
from tests.support.moto import put_item

STATUSES = [
    "FAILED",
    "INVALID",
    "RETRYING",
    "PENDING",
    "CREATING",
    "UPDATING",
    "DELETING",
    "PAUSED",
    "RETAINED",
    "READY",
    "DELETED",
]
OTHERS = [order for order in JobOrder if order is not JobOrder.NAME]


PAUSED = JobsWanted(schedule=ScheduleFilter.PAUSED)


@pytest.fixture
def service(here):
    return replace(here.service, clock=lambda: NOW)


def put_entry(name, status="READY", **row):
    """Write as much of a Stacks row as the list of jobs has."""
    entry = {"job_name": name, "listed": "jobs", "status": status, "in_sync": True, "row": row}
    put_item("jobs-Stacks", to_dynamodb(entry))


def put_last_run(name, began):
    last = {"trigger_id": f"{iso(began)}#x", "status": "SUCCEEDED", "started_at": iso(began)}
    item = {"job_name": name, "trigger_id": "#recent", "last": last}
    put_item("jobs-Triggers", to_dynamodb(item))


@pytest.fixture
def many(service):
    """Write 120 jobs of all kinds."""
    chance = random.Random(7)
    for number in range(120):
        name, row = f"job-{number:03}", {"type": "lambda", "owner": chance.choice("ab")}
        if chance.random() < 0.7:
            row["schedule"] = [f"cron({chance.randrange(60)} {chance.randrange(24)} * * ? *)"]
            row["paused"] = chance.random() < 0.3
            row["pauses"] = chance.random() < 0.3
        put_entry(name, chance.choice(STATUSES[:-1]), **row)
        if chance.random() < 0.8:
            put_last_run(name, NOW - timedelta(minutes=chance.randrange(60)))
    return service


def pages(service, wanted, order, limit=50):
    cursor, found = None, []
    for _ in range(50):
        page = job_orders.page(service, limit, wanted, order, cursor=cursor)
        found.append(page)
        cursor = page.cursor
        if cursor is None:
            return found
    raise AssertionError("the list does not end")


def test_every_status_has_a_place():
    assert sorted(STATUSES) == sorted(JobStatus)


def place(order, line):
    match order:
        case JobOrder.STATUS:
            return STATUSES.index(line.status), line.job_name
        case JobOrder.LAST_RUN:
            return line.last_run is None, line.last_run and NOW - line.last_run.started_at
        case JobOrder.NEXT_RUN:
            return line.next_at is None, line.next_at


@pytest.mark.parametrize("order", OTHERS)
@pytest.mark.parametrize(
    "wanted",
    [ALL, JobsWanted(owner="a"), JobsWanted(prefix="job-0"), PAUSED],
    ids=["all", "owner", "prefix", "paused"],
)
def test_every_job_comes_once_and_in_order(many, wanted, order):
    found = pages(many, wanted, order)
    lines = [line for page in found for line in page.jobs]
    by_name = jobs.page(many, 1000, wanted).jobs

    assert sorted(line.job_name for line in lines) == [line.job_name for line in by_name]
    assert lines == sorted(by_name, key=lambda line: (place(order, line), line.job_name))
    assert [page.of_first for page in found] == [None] * len(found)
    assert all(len(page.jobs) == 50 for page in found[:-1])


@pytest.mark.parametrize(
    "wanted", [ALL, JobsWanted(owner="a"), PAUSED], ids=["all", "owner", "paused"]
)
@pytest.mark.parametrize("order", JobOrder)
def test_a_page_takes_three_requests(many, order, wanted):
    for page in pages(many, wanted, order):
        before = CLIENTS.reads("dynamodb")
        job_orders.page(many, 50, wanted, order, cursor=page.cursor)
        assert CLIENTS.reads("dynamodb") - before <= 3


@pytest.mark.parametrize("order", OTHERS)
def test_a_page_is_the_same_again_when_jobs_before_it_change(many, order):
    first = job_orders.page(many, 50, ALL, order)
    second = job_orders.page(many, 50, ALL, order, cursor=first.cursor)
    CLIENTS.dynamodb.delete_item(
        TableName="jobs-Stacks", Key={"job_name": {"S": first.jobs[-1].job_name}}
    )

    assert job_orders.page(many, 50, ALL, order, cursor=first.cursor) == second


@pytest.mark.parametrize("order", JobOrder)
@pytest.mark.parametrize(
    "position", [["status", "x", "y"], ["status", 1], ["size", 1, "x"], "", 5, ["status", 1, 2]]
)
def test_a_cursor_that_no_page_had(service, order, position):
    with pytest.raises(InvalidRequestError, match="cursor is not valid"):
        job_orders.page(service, 5, ALL, order, cursor=cursors.written(position))


@pytest.mark.parametrize(("order", "other"), [*pairwise([*JobOrder, JobOrder.NAME])])
def test_a_cursor_of_another_order(many, order, other):
    cursor = job_orders.page(many, 5, ALL, order).cursor

    with pytest.raises(InvalidRequestError, match="cursor is not valid"):
        job_orders.page(many, 5, ALL, other, cursor=cursor)


@pytest.mark.parametrize(("pauses", "sorted_jobs"), [(False, 200), (True, 100)])
def test_by_last_run_as_many_as_two_requests_have(service, pauses, sorted_jobs):
    for number in range(201):
        put_entry(f"job-{number:03}", pauses=pauses)
    put_last_run("job-099", NOW)
    put_last_run("job-200", NOW)

    before = CLIENTS.reads("dynamodb")
    page = job_orders.page(service, 50, ALL, JobOrder.LAST_RUN)

    assert CLIENTS.reads("dynamodb") - before == 3
    assert page.of_first == sorted_jobs
    assert [line.job_name for line in page.jobs[:2]] == ["job-099", "job-000"]
    whole = job_orders.page(service, 50, JobsWanted(prefix="job-0"), JobOrder.LAST_RUN)
    assert whole.of_first is None


@pytest.mark.parametrize("order", OTHERS)
def test_more_jobs_than_are_read(service, order):
    for number in range(12):
        put_entry(f"job-{number:02}", "FAILED" if number == 11 else "READY", description=LARGE)

    before = CLIENTS.reads("dynamodb")
    page = job_orders.page(service, 50, ALL, order)

    assert CLIENTS.reads("dynamodb") - before == (2 if order is JobOrder.LAST_RUN else 3)
    assert page.of_first == len(page.jobs) < 12
    assert [line.job_name for line in page.jobs] == [f"job-{n:02}" for n in range(page.of_first)]
    assert page.cursor is None


LARGE = "x" * 300_000


@pytest.mark.parametrize("order", JobOrder)
def test_a_schedule_that_failures_have_paused_is_paused(here, service, order):
    schedule = ["rate(1 hour)"]
    put_entry("a-never", schedule=schedule, pauses=True)
    put_entry("b-failed", schedule=schedule, pauses=True)
    put_entry("c-off", schedule=schedule, schedule_enabled=False)
    put_entry("d-paused", schedule=schedule, paused=True)
    put_entry("e-on", schedule=schedule)
    put_entry("f-none", paused=True)
    here.triggers.set_pause("b-failed", Pause(paused=True, since="", note=""))

    def found(state):
        wanted = JobsWanted(schedule=state)
        shown = {line.job_name[0] for line in job_orders.page(service, 50, wanted, order).jobs}
        assert {name[0] for name in jobs.names(service, wanted)} == shown
        return "".join(sorted(shown))

    assert found(ScheduleFilter.PAUSED) == "bcd"
    assert found(ScheduleFilter.SCHEDULED) == "abcde"
    assert found(ScheduleFilter.NONE) == "f"


def test_by_next_run_what_failures_have_paused_keeps_its_place(here, service):
    put_entry("a", schedule=["cron(0 12 * * ? *)"])
    put_entry("b", schedule=["cron(0 11 * * ? *)"], pauses=True)
    here.triggers.set_pause("b", Pause(paused=True, since="", note=""))

    lines = job_orders.page(service, 50, ALL, JobOrder.NEXT_RUN).jobs

    assert [(line.job_name, line.next_at is None) for line in lines] == [("b", True), ("a", False)]


@pytest.mark.parametrize("order", JobOrder)
def test_one_job_alone(service, order):
    put_entry("job")
    put_entry("job-two")

    (line,) = job_orders.page(service, 5, JobsWanted(name="job"), order).jobs
    assert line.job_name == "job"


@pytest.mark.parametrize("order", JobOrder)
def test_a_prefix_that_no_name_has(service, order):
    wanted = JobsWanted(prefix="a" * 3000)

    assert job_orders.page(service, 5, wanted, order).jobs == ()
    assert list(jobs.names(service, wanted)) == []
