from __future__ import annotations

import json
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from provisioner.cli.logs import followed
from provisioner.errors import InvalidRequestError
from provisioner.runs.keys import BY_TIME, RUN_SHARDS, object_folder
from provisioner.runs.listing import RunsWanted
from provisioner.runs.model import iso
from provisioner.service import all_runs
from provisioner.service import runs as runs_of_job
from provisioner.service.logs import Tail
from tests.support.cli import NOW, OUTPUTS, put_run
from tests.support.clients import CLIENTS
from tests.support.rows import ROW


class TestItems:
    def test_those_that_ended_and_one_in_detail(self, here):
        here.jobs.put(ROW)
        put_run("report", "r1", "SUCCEEDED", started_at=NOW, item_count=9)
        folder = f"{object_folder('report', f'{iso(NOW)}#r1')}items"
        said = {"index": 7, "status": "FAILED", "error": "E", "cause": "no \x1b[2J picture"}
        CLIENTS.s3.put_object(
            Bucket=OUTPUTS["ArtifactsBucketName"],
            Key=f"{folder}/failed/7.json",
            Body=json.dumps(said),
        )

        listed = here.run("items", "report", "r1")
        one = here.run("items", "report", "r1", "--index", "7")
        none = here.run("items", "report", "r1", "--status", "succeeded", "-o", "json")

        assert "E: no" in listed.stdout
        assert "\x1b" not in listed.stdout
        assert "1 of 9 have ended, 1 of them failed." in listed.stderr
        assert json.loads(one.stdout)["cause"] == said["cause"]
        assert json.loads(none.stdout) == []


class TestRuns:
    def test_only_of_jobs_with_a_tag(self, here):
        here.jobs.put(ROW | {"tags": {"team": "data"}})
        here.jobs.put(ROW | {"job_name": "other"})
        here.list_all()
        put_run("report", "mine", "SUCCEEDED")
        put_run("other", "theirs", "SUCCEEDED")

        shown = here.run("runs", "--tag", "team=data", "--since", "400d").stdout

        assert "mine" in shown
        assert "theirs" not in shown
        assert here.run("runs", "report", "--tag", "team").exit_code == 2

    def test_newest_first(self, here):
        here.jobs.put(ROW)
        put_run("report", "r1", "SUCCEEDED", started_at=NOW, duration_ms=840, source="schedule")
        put_run("report", "r2", "FAILED", started_at=NOW + timedelta(hours=1), error="ValueError")

        lines = here.run("runs", "report").stdout.splitlines()

        assert [line.split()[-1] for line in lines] == ["RUN", "r2", "ValueError", "r1"]
        assert "0.84 s" in lines[3]
        assert "schedule" in lines[3]

    def test_what_to_do_about_the_newest_one_if_its_error_tells(self, here):
        here.jobs.put(ROW)
        put_run("report", "r1", "FAILED", started_at=NOW, error="OutOfMemoryError")
        assert 'raise "memory_mb"' in here.run("runs", "report").stderr
        assert here.run("runs", "report", "-o", "json").stderr == ""

        put_run("report", "r2", "SUCCEEDED", started_at=NOW + timedelta(hours=1))
        assert here.run("runs", "report").stderr == ""

    def test_wide_shows_capacity_and_where_the_time_went(self, here):
        here.jobs.put(ROW)
        times = {"queued_ms": 12_000, "pull_ms": 31_000, "start_ms": 840, "run_ms": 245_000}
        on_spot = {"capacity_type": "on_demand", "spot_interruptions": 2}
        put_run("report", "r1", "SUCCEEDED", started_at=NOW, type="lambda")
        put_run(
            "report", "r2", "SUCCEEDED", started_at=NOW + timedelta(hours=1), **times, **on_spot
        )

        shown = here.run("runs", "report", "--wide").stdout
        plain = here.run("runs", "report").stdout
        detail = here.run("get", "report").stdout

        for said in ("on demand, 2 interruptions", "12.0 s", "31.0 s", "0.84 s", "4 min 5 s"):
            assert said in " ".join(shown.split())
            assert said in detail
            assert said not in plain

    def test_as_many_as_asked_for(self, here):
        for number in range(3):
            put_run("report", f"r{number}", "SUCCEEDED", started_at=NOW + timedelta(number))

        runs = json.loads(here.run("runs", "report", "-n", "2", "-o", "json").stdout)

        assert [run["trigger_id"][-2:] for run in runs] == ["r2", "r1"]

    @pytest.mark.parametrize("command", [["runs"], ["get"], ["runs", "-o", "json"]])
    def test_damaged_rows_are_shown_as_far_as_they_can_be(self, here, command):
        here.jobs.put(ROW)
        put_run("report", "r1", "SUCCEEDED", started_at=NOW, duration_ms=840)
        for trigger_id, more in {
            "2020": {},
            "2021": {"status": {"S": "WELL"}, "started_at": {"S": "2020"}},
            "2022": {"duration_ms": {"S": "long"}, "source": {"L": []}, "error": {"N": "1"}},
            "2023": {"started_at": {"S": "2020-01-01"}, "cause": {"M": {}}},
        }.items():
            key = {"job_name": {"S": "report"}, "trigger_id": {"S": trigger_id}}
            CLIENTS.dynamodb.put_item(TableName="jobs-Triggers", Item=key | more)

        result = here.run(command[0], "report", *command[1:])

        assert result.exit_code == 0
        assert "r1" in result.stdout

    def test_as_many_when_they_are_large(self, here):
        for number in range(6):
            at = NOW + timedelta(number)
            put_run("report", f"r{number}", "SUCCEEDED", started_at=at, input="x" * 390_000)

        runs = json.loads(here.run("runs", "report", "-n", "5", "-o", "json").stdout)

        assert [run["trigger_id"][-2:] for run in runs] == ["r5", "r4", "r3", "r2", "r1"]

    def test_some_of_a_job(self, here):
        here.jobs.put(ROW)
        now = datetime.now(UTC)
        put_run("report", "old", "FAILED", started_at=now - timedelta(days=3))
        put_run("report", "bad", "FAILED", started_at=now - timedelta(hours=2))
        put_run("report", "good", "SUCCEEDED", started_at=now - timedelta(hours=1))

        def names(*options):
            found = json.loads(here.run("runs", "report", "-o", "json", *options).stdout)
            return [run["trigger_id"].partition("#")[2] for run in found]

        assert names("--status", "failed") == ["bad", "old"]
        assert names("--since", "1d") == ["good", "bad"]
        assert names("--since", "1d", "--status", "FAILED", "-n", "1") == ["bad"]
        assert names("--until", "90m") == ["bad", "old"]
        assert names("--since", "1d", "--until", "90m") == ["bad"]
        assert names("--until", (now - timedelta(days=1)).isoformat()) == ["old"]
        assert "no such run" in here.run("runs", "report", "--since", "1m").stderr

    def test_none(self, here):
        here.jobs.put(ROW)

        assert "has not run yet" in here.run("runs", "report").stderr


class TestRunsOfAllJobs:
    @pytest.fixture
    def runs(self, here):
        now = datetime.now(UTC)
        for number in range(12):
            job, status = ("report", "FAILED") if number % 4 == 0 else ("words", "SUCCEEDED")
            at = now - timedelta(minutes=number)
            more = {"error": "ValueError", "error_group": "ValueError: row *"}
            failure = more if status == "FAILED" else {}
            put_run(job, f"r{number}", status, started_at=at, input="x" * 5000, **failure)
        put_run("words", "old", "SUCCEEDED", started_at=now - timedelta(days=2))
        return here

    def names(self, here, *options):
        found = json.loads(here.run("runs", "-o", "json", *options).stdout)
        return [run["trigger_id"].partition("#")[2] for run in found]

    def test_newest_first_with_their_jobs(self, runs):
        lines = runs.run("runs", "-n", "3").stdout.splitlines()

        assert lines[0].split() == ["STARTED", "JOB", "STATUS", "TOOK", "USD", "SOURCE", "RUN"]
        assert [line.split()[-1] for line in lines[1:]] == ["r0", "*", "r1", "r2"]
        assert "report" in lines[1]
        assert "ValueError: row *" in lines[2]

    def test_of_a_span_of_time(self, runs):
        assert self.names(runs, "-n", "100") == [f"r{number}" for number in range(12)]
        assert self.names(runs, "-n", "100", "--since", "7d")[-1] == "old"
        assert self.names(runs, "-n", "100", "--since", "150s") == ["r0", "r1", "r2"]

    def test_with_a_status(self, runs):
        assert self.names(runs, "--status", "FAILED", "-n", "2") == ["r0", "r4"]
        assert self.names(runs, "--status", "failed") == ["r0", "r4", "r8"]
        assert "No such run" in runs.run("runs", "--status", "STOPPED").stderr

    def test_only_the_fields_of_a_list_are_read(self, runs):
        [run] = json.loads(runs.run("runs", "-n", "1", "-o", "json").stdout)

        assert "input" not in run
        assert run["error"] == "ValueError"

    def test_without_the_index(self, here):
        CLIENTS.dynamodb.update_table(
            TableName="jobs-Triggers",
            GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": BY_TIME}}],
        )
        result = here.run("runs")

        assert result.exit_code == 1
        assert "has no index runs_by_time yet" in result.stderr

    @pytest.mark.parametrize("name", ["--since", "--until"])
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("x", "write 90s, 10m, 2h"),
            ("99999999999d", "write 90s, 10m, 2h"),
            ("2026-11-21T09:00", "needs a zone"),
            ("2026-13-21T09:00:00Z", "needs a zone"),
        ],
    )
    def test_a_span_that_cannot_be(self, here, name, text, said):
        result = here.run("runs", name, text)

        assert result.exit_code == 2
        assert said in result.stderr

    def test_a_span_that_ends_before_it_begins(self, here):
        result = here.run("runs", "--since", "1h", "--until", "2h")

        assert result.exit_code == 2
        assert "ends before it begins" in result.stderr

    def test_before_a_time_and_by_who_started_them(self, runs):
        started = datetime.now(UTC) - timedelta(minutes=30)
        put_run("words", "of-ada", "SUCCEEDED", started_at=started, started_by="user/ada")
        put_run("words", "open", "RUNNING", started_at=started, started_by="user/ada")
        put_run("words", "other", "RUNNING", started_at=started)

        assert self.names(runs, "--until", "1d") == ["old"]
        assert self.names(runs, "--until", "630s", "--since", "20m") == ["r11"]
        assert self.names(runs, "--started-by", "ada") == ["open", "of-ada"]
        assert self.names(runs, "--started-by", "ada", "--status", "running") == ["open"]
        assert self.names(runs, "words", "--started-by", "ada", "--until", "1s") == [
            "open",
            "of-ada",
        ]
        assert "in this time" in runs.run("runs", "--until", "300d").stderr

    def test_what_only_the_rows_say_needs_a_job(self, here):
        result = here.run("runs", "--wide")

        assert result.exit_code == 2
        assert "needs the name of a job" in " ".join(result.stderr.split())

    @pytest.mark.parametrize(
        ("options", "found"),
        [((), ["open-2", "open-1"]), (("-n", "1"), ["open-2"]), (("--since", "1h"), [])],
        ids=str,
    )
    def test_those_that_are_open_are_shown_whenever_they_began(self, here, options, found):
        for number in (1, 2):
            put_run("report", f"open-{number}", "QUEUED", started_at=NOW + timedelta(number))

        result = here.run("runs", "--status", "queued", *options, "-o", "json")

        listed = json.loads(result.stdout)
        assert [run["trigger_id"].partition("#")[2] for run in listed] == found

    def test_pages_continue_where_the_one_before_ended(self, runs):
        found, cursor = [], None
        for _ in range(10):
            page = all_runs.page(runs.service, 5, cursor=cursor)
            found += [run["trigger_id"].partition("#")[2] for run in page.runs]
            if (cursor := page.cursor) is None:
                break

        assert found == [*(f"r{number}" for number in range(12)), "old"]

    def test_a_page_is_one_query_a_shard(self, runs):
        with counted() as calls:
            all_runs.page(runs.service, 5)

        assert calls == ["Query"] * RUN_SHARDS

    def test_since_a_time_after_the_page_before(self, runs):
        cursor = all_runs.page(runs.service, 5).cursor

        page = all_runs.page(runs.service, 5, RunsWanted(since=datetime.now(UTC)), cursor=cursor)

        assert not list(page.runs)

    def test_since_a_time_after_the_page_before_of_one_job(self, runs):
        service, (first, *_) = runs.service, all_runs.page(runs.service, 1).runs
        cursor = str(first["trigger_id"])

        page = runs_of_job.page(
            service, first["job_name"], 5, RunsWanted(since=datetime.now(UTC)), cursor=cursor
        )

        assert not list(page.runs)

    @pytest.mark.parametrize("cursor", ["x", "é", "W10", "WyJhIiwgeyI5IjogIngifV0"])
    def test_what_is_not_a_cursor(self, here, cursor):
        with pytest.raises(InvalidRequestError, match="cursor is not valid"):
            all_runs.page(here.service, 5, cursor=cursor)


@contextmanager
def counted():
    calls = []
    events = CLIENTS.dynamodb.meta.events

    def note(model, **_):
        calls.append(model.name)

    events.register("before-call.dynamodb", note)
    try:
        yield calls
    finally:
        events.unregister("before-call.dynamodb", note)


class TestLogs:
    GROUP = "/jobs/report"

    @pytest.fixture
    def job(self, here):
        here.jobs.put(ROW)
        here.make_ready(outputs={"LogGroup": self.GROUP})
        logs = CLIENTS.logs
        logs.create_log_group(logGroupName=self.GROUP)
        logs.create_log_stream(logGroupName=self.GROUP, logStreamName="one")
        return here

    def print(self, *messages, ago=timedelta()):
        at = int((time.time() - ago.total_seconds()) * 1000)
        CLIENTS.logs.put_log_events(
            logGroupName=self.GROUP,
            logStreamName="one",
            logEvents=[{"timestamp": at, "message": message} for message in messages],
        )

    def test_oldest_first_and_since(self, job):
        self.print("long ago\n", ago=timedelta(hours=1))
        self.print("[first]\n", "second", ago=timedelta(minutes=1))

        short = job.run("logs", "report").stdout.splitlines()
        long = job.run("logs", "report", "--since", "2h").stdout.splitlines()

        assert [line[16:] for line in short] == ["[first]", "second"]
        assert [line[16:] for line in long] == ["long ago", "[first]", "second"]

    def test_nothing(self, job):
        result = job.run("logs", "report")

        assert result.exit_code == 0
        assert "--since 1d" in result.stderr

    def test_follow_yields_each_event_once(self, job):
        self.print("a", "b", "b")
        events = followed(Tail(job.service, self.GROUP, 0), poll_seconds=0)

        first = [event.message for event in islice(events, 3)]
        self.print("c")

        assert first == ["a", "b", "b"]
        assert next(events).message == "c"

    def test_a_group_that_is_gone(self, job):
        CLIENTS.logs.delete_log_group(logGroupName=self.GROUP)

        result = job.run("logs", "report")

        assert result.exit_code == 1
        assert "ResourceNotFoundException" in result.stderr
