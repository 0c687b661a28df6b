"""Pages of bootstraps that have only what a test puts there."""

from __future__ import annotations

import html
import json
import re
import subprocess
from datetime import timedelta
from urllib.parse import quote

import pytest

from provisioner.aws.items import to_dynamodb
from provisioner.runs.model import iso
from provisioner.stacks.model import JobStatus
from tests.support.cli import put_run
from tests.support.clients import CLIENTS
from tests.support.console_world import (
    NOW,
    OVER_ITEMS,
    counters_of,
    jobs_of,
    put_log,
    put_over_items,
    text_of,
)
from tests.support.deployments import pushed_twice, write
from tests.support.rows import ROW


class TestACanary:
    def test_is_on_the_page_of_its_job(self, empty):
        pushed_twice(empty.provisioner, ROW)
        assert "Canary" not in text_of(empty, "/jobs/report")
        write(empty.provisioner, empty.provisioner.row() | {"deploy": {"canary": True}})

        shown = html.unescape(text_of(empty, "/jobs/report"))

        assert "0 of 3 runs succeeded" in shown
        assert "the first that fails rolls the job back to deployment 1" in shown


class TestItems:
    def test_of_a_run_over_items(self, empty):
        empty.provisioner.jobs.put(ROW | {"job_name": "orders-to-json"})
        empty.provisioner.make_runnable({"Type": "Succeed"}, "orders-to-json")
        put_over_items(empty)
        run = f"/jobs/orders-to-json/runs/{OVER_ITEMS}"

        assert f"{run}/items" in html.unescape(text_of(empty, run))
        failed = html.unescape(text_of(empty, f"{run}/items?status=FAILED"))
        assert "no order has the number 4711" in failed
        assert re.findall(r"items/(\d)\?at", failed) == ["2", "7"]
        assert "8 of 8 have ended" in failed
        assert "4711" in text_of(empty, f"{run}/items/7")
        for index in ("9", "x", "²", "1234567"):
            assert empty.get(f"{run}/items/{index}").status == 404


class TestARunThatFailed:
    def test_says_what_to_do_where_its_error_tells(self, empty):
        empty.provisioner.jobs.put(ROW)
        at = f"/jobs/report/runs/{{}}?at={iso(NOW)}"
        cause = "OutOfMemoryError: Container killed"
        put_run("report", "one", "FAILED", started_at=NOW, error="ContainerFailed", cause=cause)
        put_run("report", "two", "FAILED", started_at=NOW, error="ValueError", cause="no")

        assert 'raise "memory_mb"' in html.unescape(text_of(empty, at.format("one")))
        assert "What to do" not in text_of(empty, at.format("two"))


class TestTheOverview:
    def test_failures_count_by_their_end(self, empty):
        empty.provisioner.jobs.put(ROW)
        began = NOW - timedelta(hours=26)
        ended = iso(NOW - timedelta(hours=23))
        put_run("report", "long", "FAILED", started_at=began, ended_at=ended, error="E")
        put_run("report", "old", "FAILED", started_at=began, ended_at=iso(began), error="E")

        assert counters_of(empty)["/runs?status=FAILED&ended=24"] == 1

    def test_a_run_that_takes_twice_as_long_as_usual_is_late(self, empty):
        empty.provisioner.jobs.put(ROW)
        for number in range(3):
            at = NOW - timedelta(hours=number + 2)
            put_run(
                "report",
                f"r{number}",
                "SUCCEEDED",
                started_at=at,
                duration_ms=10_000,
                ended_at=iso(at + timedelta(seconds=10)),
            )
        put_run("report", "now", "RUNNING", started_at=NOW - timedelta(seconds=30))
        empty.provisioner.list_all()

        assert counters_of(empty)["/jobs?late=1"] == 1

    def test_nothing_at_all(self, empty):
        assert "No job has run" in text_of(empty, "/")
        assert "No runs yet" in text_of(empty, "/runs")
        assert "No jobs yet" in text_of(empty, "/jobs")


EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\x1b[2J\u202e{{ 7 * 7 }}"


class TestTextOfOthers:
    @pytest.fixture
    def evil(self, empty):
        empty.provisioner.jobs.put(
            ROW
            | {
                "description": EVIL,
                "owner": EVIL,
                "tags": {"a": EVIL},
                "timezone": EVIL,
                "schedule": EVIL,
                "environment": {EVIL: EVIL},
                EVIL: EVIL,
            }
        )
        put_run(
            "report",
            "one",
            "FAILED",
            started_at=NOW,
            ended_at=iso(NOW),
            error=EVIL,
            cause=EVIL,
            error_group=EVIL,
            started_by=EVIL,
            source=EVIL,
            input=EVIL,
            output=EVIL,
            overrides=EVIL,
            stopped_by=EVIL,
            stop_reason=EVIL,
        )
        empty.provisioner.save("report", outputs={"LogGroup": "/jobs/report"})
        put_log("report", NOW, [(0, EVIL)])
        empty.provisioner.list_all()
        return empty

    @pytest.mark.parametrize(
        "path",
        ["/", "/jobs", "/jobs/report", f"/jobs/report/runs/one?at={iso(NOW)}",
         f"/jobs/report/runs/one/log?at={iso(NOW)}", "/runs", "/failures",
         "/runs?job=%3Cscript%3E", "/jobs?prefix=%3Cscript%3E", "/%3Cscript%3E"],
    )  # fmt: skip
    def test_is_text(self, evil, path):
        page = evil.get(path).body

        assert "<script>alert" not in page
        assert "<img" not in page
        assert not {"\x1b", "\u202e"} & set(page)
        assert "49" not in re.findall(r"\{\{.*?\}\}|\b49\b", page)


def edges(page):
    """Return the addresses at both ends of a log, by what they say."""
    found = re.findall(r'class="edge"[^>]*>\s*<a href="([^"]+)"[^>]*>([^<]+)</a>', page)
    return {words: html.unescape(address).replace("%3A", ":") for address, words in found}


class TestALog:
    @pytest.fixture
    def logged(self, empty):
        empty.provisioner.jobs.put(ROW)
        empty.provisioner.save("report", outputs={"LogGroup": "/jobs/report"})
        put_run(
            "report", "one", "SUCCEEDED", started_at=NOW - timedelta(minutes=5), ended_at=iso(NOW)
        )
        lines = [(n, f"line {n}") for n in range(2500)]
        lines[2400] = (2400, "ValueError: no such order")
        lines[2401] = (2400, "WARNING: the same millisecond")
        put_log("report", NOW - timedelta(minutes=5), lines)
        return empty

    AT = "/jobs/report/runs/one/log?at=" + iso(NOW - timedelta(minutes=5))

    def test_begins_with_its_last_thousand_lines(self, logged):
        page = text_of(logged, self.AT)

        assert page.count("<li id=") == 1000
        assert "line 2499<" in page
        assert "The end of the log" in page

    def test_goes_back_without_javascript(self, logged):
        older = re.search(r'<a href="([^"]+)" hx-get', text_of(logged, self.AT))[1]
        page = text_of(logged, html.unescape(older).replace("%3A", ":"))

        assert "line 1499<" in page

    def test_marks_levels_and_gives_each_line_an_address_of_its_own(self, logged):
        page = text_of(logged, self.AT)
        ids = re.findall(r'<li id="(L[\d.]+)"', page)

        assert len(set(ids)) == len(ids)
        assert page.count('class="error"') == page.count('class="warning"') == 1

    @pytest.mark.parametrize("stream", ["", "run"], ids=["the group", "a stream"])
    @pytest.mark.parametrize("number", [0, 1, 300, 1250, 2499])
    def test_a_line_has_a_page_around_it(self, logged, number, stream):
        if stream:
            at = NOW - timedelta(minutes=5)
            put_run(
                *("report", "one", "SUCCEEDED"),
                started_at=at, ended_at=iso(NOW), log_stream=stream, attempts=1,
            )  # fmt: skip
        page = self.around(logged, number)
        shown = [int(each) for each in re.findall(r"line (\d+)<", page)]

        assert number in shown
        missing = {2400, 2401}
        assert set(range(shown[0], shown[-1] + 1)) - set(shown) <= missing
        assert len(shown) <= 1000
        assert (shown[0] == 0) == (number <= 500)
        assert (shown[-1] == 2499) == (number >= 2000)
        if number == 1250:
            earlier = edges(page)["Earlier lines"]
            later = edges(page)["Later lines"]
            assert "line=" not in earlier + later
            assert f"line {shown[0] - 1}<" in text_of(logged, earlier)
            assert f"line {shown[-1] + 1}<" in text_of(logged, later)

    def around(self, logged, number):
        """Return the page of a line, which is the address that its time links to."""
        ms = int((NOW - timedelta(minutes=5)).timestamp() * 1000) + number
        page = text_of(logged, self.AT.partition("?")[0] + f"?line=L{ms}.0")
        assert f'href="?line=L{ms}.0#L{ms}.0"' in page
        return page

    def test_the_middle_of_a_log_is_not_followed_and_its_end_is(self, logged):
        assert "data-refreshes" not in self.around(logged, 300)
        put_run("report", "one", "RUNNING", started_at=NOW - timedelta(minutes=5))
        assert "data-refreshes" in self.around(logged, 2499)

    @pytest.mark.parametrize("line", ["x", "L", "L1.x", "1" * 16, "²"])
    def test_an_address_that_no_line_has(self, logged, line):
        assert logged.get(f"{self.AT}&line={line}").status == 400

    def test_a_page_that_is_followed_gets_the_status_with_its_lines(self, logged):
        address = edges(self.around(logged, 300))["Later lines"]
        newer = logged.get(f"{address}&part=newer", hx_request="true")

        assert ">succeeded</span>" in newer.body.partition('id="log-status"')[2]
        assert "log-status" not in logged.get(f"{address}&part=later", hx_request="true").body

    def test_a_run_that_failed_links_to_the_end_of_its_log(self, logged):
        put_run("report", "bad", "FAILED", started_at=NOW, ended_at=iso(NOW), error="E")
        [there] = re.findall(
            r'href="([^"]+)#end"', html.unescape(text_of(logged, "/jobs/report/runs/bad"))
        )

        assert ' id="end"' in text_of(logged, there)

    def test_as_a_file(self, logged):
        response = logged.get(self.AT.replace("/log?", "/log.txt?"))

        assert response.body.startswith(b"2026-11-26T09:37:17Z line 0\n")
        assert "attachment" in response.headers["Content-Disposition"]

    def test_of_a_stream_is_a_file_of_all_its_pages(self, empty):
        """GetLogEvents refuses to return more than 10,000 events at once."""
        empty.provisioner.jobs.put(ROW)
        empty.provisioner.save("report", outputs={"LogGroup": "/jobs/report"})
        at = NOW - timedelta(minutes=5)
        put_run(
            "report",
            "one",
            "SUCCEEDED",
            started_at=at,
            ended_at=iso(NOW),
            log_stream="run",
            attempts=1,
        )
        put_log("report", at, [(n, f"line {n}") for n in range(12_000)])
        limits = []

        def note(params, **_):
            limits.append(params["limit"])

        CLIENTS.logs.meta.events.register("provide-client-params.logs.GetLogEvents", note)
        response = empty.get(self.AT.replace("/log?", "/log.txt?"))
        CLIENTS.logs.meta.events.unregister("provide-client-params.logs.GetLogEvents", note)

        lines = response.body.decode().splitlines()
        assert [line.partition(" ")[2] for line in lines] == [f"line {n}" for n in range(12_000)]
        assert len(limits) > 1
        assert max(limits) <= 10_000


HOSTILE = "x\"; $(touch a) `id` 'y' & | > z \\ * ~ --help"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/runs?job={}", ["runs", "{}"]),
        ("/runs?tag={}", ["runs", "--tag", "{}", "--since", "90d"]),
        ("/jobs?owner={}", ["get", "--owner", "{}"]),
        ("/audit?by={}", ["audit", "--by", "{}"]),
        ("/jobs/{}", ["get", "{}"]),
        ("/jobs/{}/audit", ["audit", "{}"]),
        ("/jobs/{}/delete", ["delete", "{}"]),
        ("/jobs/{}/run", ["run", "{}"]),
    ],
)
def test_a_shell_reads_an_argument_as_it_is(empty, path, expected):
    empty.provisioner.jobs.put({"job_name": HOSTILE})  # whoever writes to the table names rows so
    asked, _, query = path.partition("?")
    page = empty.get(
        asked.format(HOSTILE) + ("?" + query.format(quote(HOSTILE, safe="")) if query else "")
    )
    shown = re.findall(r'data-copy="(provisioner [^"]+)"', str(page.body))

    script = f"provisioner() {{ printf '%s\\0' \"$@\"; }}; {html.unescape(shown[0])}"
    read = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True)
    assert read.stdout.split("\0")[:-1] == [each.format(HOSTILE) for each in expected]


DEEP = "[" * 900 + "]" * 900
SURROGATE = json.dumps({"\ud800": "\udfff"})


@pytest.mark.parametrize("text", [DEEP, SURROGATE, "1e999", "[NaN]", "9" * 5000, "s3://", "s3://x"])
def test_what_a_run_was_given_and_returned_never_keeps_its_page_away(empty, text):
    empty.provisioner.jobs.put(ROW)
    put_run("report", "one", "SUCCEEDED", started_at=NOW, input=text, output=text, overrides=text)

    assert empty.get(f"/jobs/report/runs/one?at={iso(NOW)}").status == 200


@pytest.mark.parametrize(
    "path",
    ["/runs?ended=999999999", "/failures?hours=999999999", "/?lanes=999999999"],
)
def test_the_longest_ago_that_can_be_asked_for(empty, path):
    assert empty.get(path).status == 200


CURSORS = [
    "x",
    "%00",
    "9" * 3_000,
    "eyJhIjoxfQ==",
    "W10=",
    "s",
    "b",
    "oo",
    "n9.9",
    "o99999999999999.1",
]


@pytest.mark.parametrize("cursor", CURSORS)
@pytest.mark.parametrize(
    "path",
    [
        "/jobs",
        "/runs",
        "/runs?status=FAILED",
        "/audit",
        "/jobs/report/audit",
        "/jobs/report/runs/one/log",
    ],
)
def test_a_cursor_that_no_page_had_is_the_fault_of_whoever_sent_it(empty, path, cursor):
    empty.provisioner.jobs.put(ROW)
    empty.provisioner.save("report", outputs={"LogGroup": "/jobs/report"})
    put_log("report", NOW, [(0, "line")])
    put_run("report", "one", "SUCCEEDED", started_at=NOW, ended_at=iso(NOW))

    answer = empty.get(f"{path}{'&' if '?' in path else '?'}cursor={cursor}")

    assert answer.status in {200, 400}


ODD = [None, True, 7, [], {}, {"S": "x"}, "", "x" * 3_000, "9999-99-99", "\ud7ff"]


@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:12])
def test_an_item_of_wrong_types_keeps_no_page_away(empty, value):
    empty.provisioner.jobs.put(
        {"job_name": "good"} | {k: v for k, v in ROW.items() if k != "job_name"}
    )
    row = dict.fromkeys(
        ROW.keys()
        | {
            "description",
            "tags",
            "owner",
            "schedule",
            "payload",
            "payload_schema",
            "environment",
            "timezone",
        },
        value,
    )
    empty.provisioner.jobs.put(row | {"job_name": "report"})
    names = (
        "ended_at",
        "error",
        "cause",
        "error_group",
        "input",
        "output",
        "overrides",
        "usage",
        "attempts",
        "parent",
        "log_stream",
        "estimated_cost",
        "queued_at",
        "started_by",
        "source",
        "duration_ms",
        "exit_code",
        "stopped_by",
        "run_ms",
        "pull_ms",
    )
    put_run("report", "one", "FAILED", started_at=NOW)
    key = to_dynamodb({"job_name": "report", "trigger_id": f"{iso(NOW)}#one"})
    run = CLIENTS.dynamodb.get_item(TableName="jobs-Triggers", Key=key)["Item"]
    run |= to_dynamodb(dict.fromkeys(names, value))
    CLIENTS.dynamodb.put_item(TableName="jobs-Triggers", Item=run)
    put_run("good", "two", "FAILED", started_at=NOW, ended_at=iso(NOW), error="GoodError")
    empty.provisioner.list_all()

    at = iso(NOW)
    paths = [
        "/",
        "/jobs",
        "/runs",
        "/runs?status=FAILED&ended=24",
        "/runs?job=report",
        "/failures",
        "/jobs/report",
        f"/jobs/report/runs/one?at={at}",
        f"/jobs/report/runs/one/log?at={at}",
        "/jobs/report/edit",
        "/jobs/report/run",
        "/jobs/report/run?again=one",
        "/jobs/report/audit",
        "/bulk?action=run_again&job=report",
    ]
    statuses = {path: empty.get(path).status for path in paths}

    odd = {path: int(status) for path, status in statuses.items() if status != 200}
    assert odd == {"/jobs/report/run?again=one": 409}, "its input cannot be read"
    for path in ("/", "/jobs", "/runs", "/failures"):
        assert "good" in text_of(empty, path)


def test_jobs_are_sorted_over_all_pages(empty):
    for number in range(60):
        name = f"job-{number:02}"
        empty.provisioner.jobs.put(ROW | {"job_name": name})
        status = JobStatus.FAILED if number == 55 else JobStatus.READY
        empty.provisioner.save(name, status=status)
    empty.provisioner.list_all()

    first = text_of(empty, "/jobs?sort=status&prefix=job")
    address = html.unescape(re.search(r'rel="next" href="([^"]+)"', first)[1])
    second = text_of(empty, address)

    assert jobs_of(text_of(empty, "/jobs?prefix=job"))[0] == "job-00"
    assert len(jobs_of(first)) == 50
    assert jobs_of(first)[:2] == ["job-55", "job-00"]
    assert sorted(jobs_of(first) + jobs_of(second)) == [f"job-{n:02}" for n in range(60)]
    assert "sort=status" in address
    assert "<option selected>status</option>" in second
    assert jobs_of(text_of(empty, address)) == jobs_of(second)
    assert "more than can be sorted" not in first
    assert empty.get(address.replace("sort=status", "sort=name")).status == 400


def test_more_jobs_than_can_be_sorted_are_said(empty):
    for number in range(201):
        entry = {"job_name": f"job-{number:03}", "listed": "jobs", "status": "READY", "row": {}}
        CLIENTS.dynamodb.put_item(TableName="jobs-Stacks", Item=to_dynamodb(entry))

    said = text_of(empty, "/jobs?sort=last%20run")
    assert "Sorted by last run: the first 200 jobs by name. There are more" in said
    assert "can be sorted" not in text_of(empty, "/jobs?sort=status")
