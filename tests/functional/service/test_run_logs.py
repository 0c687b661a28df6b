"""The log of one run has all of its lines, and no line of another run."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import timedelta

import pytest

from provisioner.errors import InvalidRequestError, NotFoundError
from provisioner.runs.model import iso
from provisioner.service import logs
from provisioner.service.run_tail import RunTail
from tests.support.cli import NOW, put_run
from tests.support.clients import CLIENTS
from tests.support.rows import ROW

GROUP = "/jobs/report"
ONE, TWO = ("0b5e7a31-4c1f-4f6e-9a53-1d2c3b4a5f60", "5d0f4c12-7a8b-4e9d-8c76-a1b2c3d4e5f6")


@pytest.fixture
def service(here):
    here.jobs.put(ROW)
    here.make_ready(outputs={"LogGroup": GROUP})
    CLIENTS.logs.create_log_group(logGroupName=GROUP)
    return replace(here.service, clock=lambda: NOW + timedelta(minutes=5))


def write(stream, *messages, at=0):
    """Write a line each second from so many seconds on."""
    with contextlib.suppress(CLIENTS.logs.exceptions.ResourceAlreadyExistsException):
        CLIENTS.logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
    first = int(NOW.timestamp() * 1000) + at * 1000
    events = [
        {"timestamp": first + number * 1000, "message": message}
        for number, message in enumerate(messages)
    ]
    CLIENTS.logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)


def invocation(request, *lines):
    return (f"START RequestId: {request} Version: $LATEST", *lines, f"REPORT RequestId: {request}")


def after(seconds):
    return NOW + timedelta(seconds=seconds)


def run(name, begins=0, ends=None, **more):
    ended = {} if ends is None else {"ended_at": iso(after(ends))}
    status = "RUNNING" if ends is None else "SUCCEEDED"
    put_run("report", name, status, started_at=after(begins), **ended, **more)


def lines(page):
    return [event.message for event in page.events]


def forward(service, name, limit=4, pages=50):
    found, cursor = [], None
    for _ in range(pages):
        page = logs.of_run(service, "report", name, newest_first=False, cursor=cursor, limit=limit)
        assert len(page.events) <= limit
        found += lines(page)
        if page.newer is None:
            return found
        cursor = page.newer
    raise AssertionError("it has no end")


def backward(service, name, limit=4, pages=50):
    found, cursor = [], None
    for _ in range(pages):
        page = logs.of_run(service, "report", name, cursor=cursor, limit=limit)
        assert len(page.events) <= limit
        found = lines(page) + found
        if page.older is None:
            return found
        cursor = page.older
    raise AssertionError("it has no beginning")


TEN = [f"line {number}" for number in range(10)]


@pytest.mark.parametrize("read", [forward, backward])
class TestBothWays:
    def test_a_busy_job_is_read_in_small_slices(self, service, read):
        CLIENTS.logs.create_log_stream(logGroupName=GROUP, logStreamName="a")
        first = int(NOW.timestamp() * 1000)
        texts = [f"line {number}" for number in range(120)]
        events = [
            {"timestamp": first + number * 25, "message": text} for number, text in enumerate(texts)
        ]
        CLIENTS.logs.put_log_events(logGroupName=GROUP, logStreamName="a", logEvents=events)
        run("one", 0, 20)

        assert read(service, "one", 2, pages=100) == texts

    def test_one_that_ran_alone(self, service, read):
        write("before", "of the run before", at=-60)
        write("a", *TEN[:5])
        write("b", *TEN[5:], at=5)
        write("after", "of the run after", at=60)
        run("one", 0, 20)
        run("before", -90, -30)
        run("after", 50, 70)

        assert read(service, "one") == TEN

    def test_many_lines_of_one_millisecond(self, service, read):
        CLIENTS.logs.create_log_stream(logGroupName=GROUP, logStreamName="a")
        at = int(NOW.timestamp() * 1000)
        events = [{"timestamp": at, "message": message} for message in TEN]
        CLIENTS.logs.put_log_events(logGroupName=GROUP, logStreamName="a", logEvents=events)
        run("one", 0, 20)

        assert read(service, "one") == TEN

    def test_long_lines_come_few_at_a_time(self, service, read):
        long = [character * 240_000 for character in "abcdefghi"]
        for second, line in enumerate(long):
            write("a", line, at=second)
        run("one", 0, 20)

        assert read(service, "one", limit=100) == long
        newest = logs.of_run(service, "report", "one", limit=100)
        oldest = logs.of_run(service, "report", "one", newest_first=False, limit=100)
        assert (lines(newest), lines(oldest)) == (long[-4:], long[:4])

    def test_containers_that_ran_beside_each_other(self, service, read):
        write("job/job/1", *TEN)
        write("job/job/2", *["of another"] * 10)
        run("one", 0, 20, log_stream="job/job/1", attempts=1)
        run("two", 1, 21, log_stream="job/job/2", attempts=1)

        assert read(service, "one") == TEN

    def test_invocations_that_ran_beside_each_other(self, service, read):
        write("[1]a", *invocation(ONE, *TEN))
        write("[1]b", *invocation(TWO, *["of another"] * 9), at=1)
        run("one", 0, 20, request_id=ONE, attempts=1)
        run("two", 1, 21, request_id=TWO, attempts=1)

        assert read(service, "one") == [*invocation(ONE, *TEN)]

    def test_machines_that_run_beside_each_other_and_continue(self, service, read):
        write("job/1", *TEN)
        write("job/2", *["of another"] * 10)
        run("one", 0, log_stream="job/1")
        run("two", 1, log_stream="job/2")

        found = logs.of_run(service, "report", "one", newest_first=read is backward, limit=20)

        assert lines(found) == TEN

    def test_invocations_of_one_environment(self, service, read):
        write("[1]a", *invocation(TWO, "of another"), at=-5)
        write("[1]a", *invocation(ONE, *TEN))
        write("[1]a", *invocation(TWO.replace("5", "6"), "of another"), at=12)
        run("one", -2, 20, request_id=ONE, attempts=1)
        run("two", -6, 21, attempts=1)

        assert read(service, "one") == [*invocation(ONE, *TEN)]

    def test_all_attempts_of_one_that_ran_alone(self, service, read):
        write("job/job/1", "first attempt")
        write("job/job/2", "second attempt", at=5)
        run("one", 0, 20, log_stream="job/job/2", attempts=2)

        assert read(service, "one") == ["first attempt", "second attempt"]

    def test_one_of_which_nothing_tells_its_lines(self, service, read):
        write("a", *TEN)
        run("one", 0, 20)
        run("two", 1, 21)

        assert read(service, "one") == []


class TestARunThatContinues:
    def test_its_new_lines_come_with_the_cursor(self, service):
        run("one")
        write("a", "first")
        page = logs.of_run(service, "report", "one")
        write("a", "second", at=2)

        again = logs.of_run(service, "report", "one", cursor=page.newer)

        assert (lines(page), lines(again)) == (["first"], ["second"])
        assert again.newer

    def test_beside_another_it_says_why_there_are_no_lines(self, service):
        run("one")
        run("two")
        write("a", "whose?")
        page = logs.of_run(service, "report", "one")
        assert (page.events, page.newer is None) == ((), False)
        assert "other runs" in page.note

        run("one", 0, 20, log_stream="a", attempts=1)
        assert lines(logs.of_run(service, "report", "one", cursor=page.newer)) == ["whose?"]

    def test_one_that_has_logged_nothing(self, service):
        run("one", 0, 20, log_stream="none", attempts=1)

        assert forward(service, "one") == []


class TestFollowing:
    def test_lines_come_once(self, service):
        run("one")
        tail, row = follow(service)
        write("a", "first")
        assert [event.message for event in tail.new(row)] == ["first"]
        write("a", "second", at=1)

        assert [event.message for event in tail.new(row)] == ["second"]

    def test_beside_another_lines_come_at_once_when_the_stream_is_known(self, service):
        run("one", 0, None, log_stream="job/job/a")
        run("two", 5, None, log_stream="job/job/b")
        write("job/job/a", "mine", at=6)
        write("job/job/b", "theirs", at=6)
        tail, row = follow(service)

        assert [event.message for event in tail.new(row)] == ["mine"]
        write("job/job/a", "mine, too", at=8)
        assert [event.message for event in tail.new(row)] == ["mine, too"]

    def test_whether_lines_are_held_back(self, service):
        run("one")
        run("two", 1)
        tail, row = follow(service)
        assert list(tail.new(row)) == []
        assert not tail.holds_back
        write("job/job/1", "mine?", at=3)

        assert list(tail.new(row)) == []

        assert tail.holds_back
        run("one", 0, 20, log_stream="job/job/1", attempts=1)
        assert len(list(tail.new(row_of(service)))) == 1
        assert not tail.holds_back

    def test_lines_are_held_back_while_another_run_continues(self, service):
        run("one")
        tail, row = follow(service)
        write("job/job/1", "mine")
        assert [event.message for event in tail.new(row)] == ["mine"]
        run("two", 1)
        write("job/job/2", "another's", at=2)
        write("job/job/1", "mine, too", at=3)
        assert list(tail.new(row)) == []

        run("one", 0, 20, log_stream="job/job/1", attempts=1)

        assert [event.message for event in tail.new(row_of(service))] == ["mine, too"]
        assert list(tail.new(row_of(service))) == []


def row_of(service):
    return service.triggers.run("report", f"{iso(NOW)}#one")


def follow(service):
    row = row_of(service)
    return RunTail(service, "report", row), row


@pytest.mark.parametrize(
    "cursor", ["x", "n", "nx.1", "o1", "s", "o99999999999999999999.1", "bno-token"]
)
def test_a_cursor_that_no_page_had(service, cursor):
    run("one", 0, 20)

    with pytest.raises(InvalidRequestError):
        logs.of_run(service, "report", "one", cursor=cursor)


def test_a_run_that_does_not_exist(service):
    with pytest.raises(NotFoundError):
        logs.of_run(service, "report", "one")


@pytest.mark.parametrize("request_id", ['" OR "', "x" * 36, ONE.upper()])
def test_an_id_that_is_not_one_reads_as_if_it_were_absent(service, request_id):
    write("a", "mine")
    run("one", 0, 20, request_id=request_id, attempts=1)

    assert forward(service, "one") == ["mine"]
