from __future__ import annotations

import json
import time
from datetime import timedelta
from itertools import islice

import pytest

from provisioner.cli.logs import followed
from provisioner.service.logs import Tail
from tests.support.cli import NOW, ROW, put_run
from tests.support.clients import CLIENTS


class TestRuns:
    def test_newest_first(self, here):
        here.jobs.put(ROW)
        put_run("report", "r1", "SUCCEEDED", started_at=NOW, duration_ms=840, source="schedule")
        put_run("report", "r2", "FAILED", started_at=NOW + timedelta(hours=1), error="ValueError")

        lines = here.run("runs", "report").stdout.splitlines()

        assert [line.split()[-1] for line in lines] == ["RUN", "r2", "ValueError", "r1"]
        assert "0.84 s" in lines[3]
        assert "schedule" in lines[3]

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

    def test_none(self, here):
        here.jobs.put(ROW)

        assert "has not run yet" in here.run("runs", "report").stderr


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
