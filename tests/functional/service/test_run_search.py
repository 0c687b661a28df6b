"""Runs by when they came and by who is said to have started them; times are a part of the key."""

from __future__ import annotations

from datetime import timedelta

import pytest

from provisioner.errors import InvalidRequestError
from provisioner.runs.model import RunStatus, iso
from provisioner.service.run_search import RunFilter, page, require_span
from tests.support.cli import NOW, put_run
from tests.support.clients import CLIENTS, heard
from tests.support.rows import ROW

ADA = "arn:aws:iam::123456789012:user/ada"


def at(minute):
    return NOW + timedelta(minutes=minute)


@pytest.fixture
def service(here):
    for name in ("report", "other"):
        here.jobs.put(ROW | {"job_name": name})
    statuses = ["SUCCEEDED", "FAILED", "SUCCEEDED", "RUNNING", "FAILED", "RUNNING"]
    for number, status in enumerate(statuses):
        said = {"started_by": ADA if number % 3 == 0 else "bob"} if number % 2 else {}
        ended = {} if status == "RUNNING" else {"ended_at": iso(at(number))}
        job = "report" if number < 3 else "other"
        put_run(job, f"r{number}", status, started_at=at(number), **said, **ended)
    here.list_all()
    return here.service


def names(found):
    return "".join(run.run.removeprefix("r") for run in found.runs)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (RunFilter(), "543210"),
        (RunFilter(began_since=at(2)), "5432"),
        (RunFilter(began_before=at(2)), "10"),
        (RunFilter(began_since=at(1), began_before=at(4)), "321"),
        (RunFilter(began_since=at(1), began_before=at(4), status=RunStatus.FAILED), "1"),
        (RunFilter("report", began_since=at(1), began_before=at(2)), "1"),
        (RunFilter("report", began_before=at(1), status=RunStatus.SUCCEEDED), "0"),
        (RunFilter(status=RunStatus.RUNNING, began_before=at(5)), "3"),
        (RunFilter(status=RunStatus.RUNNING, began_since=at(4)), "5"),
        (RunFilter(ended_since=at(1), began_before=at(3)), "21"),
        (RunFilter(started_by="user/ada"), "3"),
        (RunFilter(started_by="b"), "51"),
        (RunFilter(started_by="Bob"), ""),
        (RunFilter("report", started_by="bob"), "1"),
        (RunFilter("report", started_by="bob", status=RunStatus.SUCCEEDED), ""),
        (RunFilter(started_by="bob", status=RunStatus.RUNNING), "5"),
        (RunFilter(started_by="bob", began_before=at(5)), "1"),
        (RunFilter(started_by="bob", ended_since=at(0)), "1"),
    ],
    ids=str,
)
def test_what_a_filter_means(service, wanted, found):
    assert names(page(service, wanted, 100)) == found


@pytest.mark.parametrize("job", [None, "report"])
def test_times_are_conditions_of_the_key(service, job):
    asked = []

    query = "provide-client-params.dynamodb.Query"
    with heard(CLIENTS.dynamodb, query, lambda params, **_: asked.append(params)):
        page(service, RunFilter(job, began_since=at(1), began_before=at(4)), 100)

    assert asked
    for each in asked:
        assert "FilterExpression" not in each
        assert " BETWEEN " in each["KeyConditionExpression"]
        values = {value.get("S") for value in each["ExpressionAttributeValues"].values()}
        assert {iso(at(1)), iso(at(4))} <= values


@pytest.mark.parametrize("job", [None, "report", "other"])
def test_a_span_of_time_continues_page_by_page(service, job):
    wanted, found, cursor = RunFilter(job, began_since=at(1), began_before=at(5)), "", None
    for _ in range(20):
        part = page(service, wanted, 1, cursor=cursor)
        found, cursor = found + names(part), part.cursor
        if cursor is None:
            break

    assert found == {None: "4321", "report": "21", "other": "43"}[job]


def test_a_page_after_one_of_a_later_span_has_only_what_the_span_has(service):
    cursor = page(service, RunFilter(), 1).cursor

    assert names(page(service, RunFilter(began_before=at(2)), 100, cursor=cursor)) == "10"


@pytest.mark.parametrize("until", [at(0), at(-1)])
def test_a_span_that_ends_before_it_begins(until):
    with pytest.raises(InvalidRequestError, match="ends before it begins"):
        require_span(at(0), until)


@pytest.mark.parametrize(("since", "until"), [(None, at(0)), (at(0), None), (at(0), at(1))])
def test_a_span_that_has_time_in_it(since, until):
    require_span(since, until)


@pytest.mark.parametrize("job", ["other", None])
def test_a_page_continues_in_a_span_that_ends_before_it(service, job):
    """Somebody changes the span in an address, and leaves the cursor of the page there."""
    first = page(service, RunFilter(job), 1)

    found = page(service, RunFilter(job, began_before=at(5)), 10, cursor=first.cursor)

    assert names(found) == ("43" if job else "43210")
