"""Jobs of earlier versions come into the index of all jobs, while both versions write."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from provisioner.aws.items import to_dynamodb, to_plain
from provisioner.aws.job_list import JobFilter, JobList
from provisioner.aws.jobs_table import JobsTable
from provisioner.aws.recent_runs import RecentRunsTable, recent_of
from provisioner.aws.stack_items import to_item
from provisioner.aws.stacks_table import StacksTable
from provisioner.entrypoints import job_stream, run_stream, sweep, sweep_lists
from provisioner.entrypoints.wiring import Runtime
from provisioner.errors import ConflictError, PermanentError, TemporaryError
from provisioner.jobs import guarded
from provisioner.jobs.row_summary import summary_of
from provisioner.runs.keys import BACKFILL, JOBS_INDEX
from provisioner.runs.model import RunStatus
from provisioner.stacks.model import JobStatus, StackRecord
from tests.support.clients import CLIENTS
from tests.support.functions import Unavailable, deliver, hand_in, runtime
from tests.support.platforms import PLATFORM, SETTINGS

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ROW = {"type": "lambda", "runtime": "python3.13", "handler": "a.b", "bundle": "s3://b/a.zip"}
pytestmark = pytest.mark.usefixtures("bootstrap")


@pytest.fixture(autouse=True)
def asked_before(bootstrap):
    """Let the functions of the version before have ended long ago."""
    asked_at = "2026-11-21T08:00:00.000Z"
    item = {"job_name": JOBS_INDEX, "trigger_id": BACKFILL, "asked_at": asked_at}
    CLIENTS.dynamodb.put_item(TableName=bootstrap["TRIGGERS_TABLE"], Item=to_dynamodb(item))


def save_as_before(name, status=JobStatus.READY):
    """Write a Stacks row as the version before this index does, over whatever is there."""
    record = StackRecord(name, status=status, updated_at=NOW)
    item = {key: value for key, value in to_item(record).items() if key not in _NEW}
    CLIENTS.dynamodb.put_item(TableName="jobs-Stacks", Item=to_dynamodb({**item, "version": 3}))


_NEW = ("listed", "row", "ready_message")


def put(name, **more):
    JobsTable(CLIENTS, "jobs-Jobs").put({"job_name": name, **ROW, **more})


def listed(which=None):
    entries, _ = JobList(CLIENTS, "jobs-Stacks").page(100, "", "", which or JobFilter())
    return [entry.job_name for entry in entries]


def put_run(name, status="SUCCEEDED", job="report", **more):
    key = {"job_name": job, "trigger_id": f"2026-11-21T09:00:00.000Z#{name}"}
    item = {**key, "status": status, "started_at": "2026-11-21T09:00:00.000Z", **more}
    CLIENTS.dynamodb.put_item(TableName="jobs-Triggers", Item=to_dynamodb(item))
    return item


def handle_record(item):
    key = {name: item[name] for name in ("job_name", "trigger_id")}
    change = {"Keys": to_dynamodb(key), "NewImage": to_dynamodb(item), "SequenceNumber": "1"}
    return deliver(run_stream, {"Records": [{"dynamodb": change}]})


def recent(job="report"):
    key = {"job_name": {"S": job}, "trigger_id": {"S": "#recent"}}
    found = CLIENTS.dynamodb.get_item(TableName="jobs-Triggers", Key=key)
    return recent_of(to_plain(found.get("Item", {})))


class TestTheSweep:
    def test_lists_the_jobs_of_earlier_versions_with_their_runs(self):
        put("report", owner="data")
        save_as_before("report")
        save_as_before("kept", JobStatus.RETAINED)
        save_as_before("gone", JobStatus.DELETED)
        put_run("one", duration_ms=1000)

        deliver(sweep, {})

        assert listed() == ["kept", "report"]
        assert listed(JobFilter(owner="data")) == ["report"]
        assert recent().strip == (RunStatus.SUCCEEDED,)

    def test_changes_nothing_else_of_a_row(self):
        put("report")
        save_as_before("report")
        stacks = StacksTable(CLIENTS, "jobs-Stacks")
        before = stacks.get_many(["report"])["report"]

        deliver(sweep, {})

        after = stacks.get_many(["report"])["report"]
        assert replace(after, row=None) == before

    def test_continues_where_it_ended_and_ends(self):
        names = [f"job-{number}" for number in range(5)]
        for name in names:
            save_as_before(name)

        counts = []
        while not runtime().jobs_backfill.is_done():
            counts.append(sweep_lists.list_earlier_jobs(runtime(), NOW, limit=2))

        assert (sum(counts), listed()) == (5, names)
        save_as_before("late")
        assert sweep_lists.list_earlier_jobs(runtime(), NOW) == 0

    def test_a_part_that_was_cut_off_comes_again(self):
        save_as_before("a")
        hand_in(stacks=CutOff(CLIENTS, "jobs-Stacks"))
        with pytest.raises(TemporaryError):
            sweep_lists.list_earlier_jobs(runtime(), NOW)
        hand_in(stacks=StacksTable(CLIENTS, "jobs-Stacks"))

        assert sweep_lists.list_earlier_jobs(runtime(), NOW) == 1
        assert listed() == ["a"]

    def test_a_row_that_is_written_in_the_meantime_stays_as_it_is_written(self):
        save_as_before("a")
        stacks = StacksTable(CLIENTS, "jobs-Stacks")
        read = stacks.get_many(["a"])["a"]
        stacks.save(replace(read, status=JobStatus.DELETED))

        assert not stacks.add_to_list(read)
        assert listed() == []

    def test_one_row_that_cannot_be_written_does_not_stop_the_others(self):
        for name in ("a", "b", "c"):
            save_as_before(name)
        hand_in(stacks=RefusesB(CLIENTS, "jobs-Stacks"))

        assert sweep_lists.list_earlier_jobs(runtime(), NOW) == 2
        assert listed() == ["a", "c"]
        assert runtime().jobs_backfill.is_done()


class RefusesB(StacksTable):
    def add_to_list(self, record):
        if record.job_name == "b":
            raise PermanentError("ValidationException: the item is too large")
        return super().add_to_list(record)


class CutOff(StacksTable):
    def add_to_list(self, record):
        raise TemporaryError(f"cut off at {record.job_name}")


class TestBothVersions:
    def test_a_reconcile_of_this_version_lists_the_job(self):
        put("report")
        keys = {"job_name": {"S": "report"}}
        deliver(job_stream, {"Records": [{"dynamodb": {"Keys": keys, "SequenceNumber": "1"}}]})

        (name,) = listed()
        assert (name, listed(JobFilter(type="lambda"))) == ("report", ["report"])

    def test_one_of_the_version_before_takes_it_off_until_this_one_writes_again(self):
        save_as_before("report")
        deliver(sweep, {})
        save_as_before("report")
        stacks = StacksTable(CLIENTS, "jobs-Stacks")
        record = stacks.get_many(["report"])["report"]
        assert listed() == []

        stacks.save(record)

        assert listed() == ["report"]

    def test_the_daily_check_lists_what_the_version_before_has_written(self):
        put("report")
        deliver(sweep, {})
        save_as_before("report")

        deliver(sweep, {"compare": True})

        assert listed() == ["report"]

    @pytest.mark.parametrize("seed", range(10))
    def test_whatever_the_order_every_job_is_listed_after_the_daily_check(self, seed):
        chance = random.Random(seed)
        names = ["a", "b", "c"]
        steps = [save_as_before, _save, _delete, _sweep, _compare]
        for name in names:
            put(name)
            save_as_before(name)
        for _ in range(12):
            chance.choice(steps)(chance.choice(names))

        deliver(sweep, {"compare": True})

        left = StacksTable(CLIENTS, "jobs-Stacks").get_many(names)
        there = [name for name in names if left[name].status is not JobStatus.DELETED]
        assert listed() == there
        assert listed(JobFilter(type="lambda")) == there


def _save(name):
    stacks = StacksTable(CLIENTS, "jobs-Stacks")
    found = stacks.get_many([name])[name]
    row = {"job_name": name, **ROW}
    summary = summary_of(row, guarded.parse(row))
    stacks.save(replace(found, status=JobStatus.READY, row=summary))


def _delete(name):
    stacks = StacksTable(CLIENTS, "jobs-Stacks")
    stacks.save(replace(stacks.get_many([name])[name], status=JobStatus.DELETED, row=None))


def _sweep(_name):
    sweep_lists.list_earlier_jobs(runtime(), NOW, limit=2)


def _compare(_name):
    deliver(sweep, {"compare": True})


class TestTheRunStream:
    def test_shows_a_run_from_its_beginning_to_its_end(self):
        running = put_run("one", "RUNNING", source="manual")
        handle_record(running)
        assert recent().running_since == NOW

        handle_record(put_run("one", "FAILED", error="E", cause="row 7"))

        found = recent()
        assert (found.running_since, found.strip) == (None, (RunStatus.FAILED,))
        assert found.last["error_group"] == "E: row *"

    def test_shows_what_the_run_has_cost(self):
        elsewhere = replace(SETTINGS, platform=replace(PLATFORM, region="us-east-1"))
        hand_in(rates=Runtime(elsewhere).rates)
        usage = {"architecture": "arm64", "memory_mb": 128}
        handle_record(put_run("one", type="lambda", duration_ms=100, work_ms=100, usage=usage))

        assert recent().last["estimated_cost"] > 0

    @pytest.mark.parametrize(
        "damage", [{"error": {"B": "YWJj"}}, {"source": {"X": "1"}}, {"attempts": 5}], ids=str
    )
    def test_a_record_that_cannot_be_read_does_not_stop_the_others(self, damage):
        records = []
        for name, more in (("bad", damage), ("good", {})):
            item = put_run(name, "RUNNING", job=name)
            keys = to_dynamodb({each: item[each] for each in ("job_name", "trigger_id")})
            change = {"Keys": keys, "NewImage": to_dynamodb(item) | more, "SequenceNumber": name}
            records.append({"dynamodb": change})

        assert deliver(run_stream, {"Records": records}) == {"batchItemFailures": []}
        assert (len(recent("good").seen), len(recent("bad").seen)) == (1, 0)

    def test_records_that_come_again_change_nothing(self):
        ended = put_run("one", duration_ms=1000)
        handle_record(ended)
        before = recent()
        handle_record({**ended, "status": "RUNNING"})
        handle_record(ended)

        assert recent() == before

    def test_a_batch_is_one_write(self):
        records = []
        for number in range(5):
            item = put_run(f"r{number}", "RUNNING")
            key = {name: item[name] for name in ("job_name", "trigger_id")}
            change = {"Keys": to_dynamodb(key), "NewImage": to_dynamodb(item)}
            records.append({"dynamodb": {**change, "SequenceNumber": str(number)}})
        deliver(run_stream, {"Records": records})

        key = {"job_name": {"S": "report"}, "trigger_id": {"S": "#recent"}}
        found = CLIENTS.dynamodb.get_item(TableName="jobs-Triggers", Key=key)["Item"]
        assert (found["version"]["N"], len(json.loads(found["seen"]["S"]))) == ("1", 5)

    def test_records_are_delivered_again_when_the_table_does_not_answer(self):
        hand_in(recent_runs=Unavailable())

        assert handle_record(put_run("one", "RUNNING")) == {
            "batchItemFailures": [{"itemIdentifier": "1"}]
        }

    def test_two_at_once_lose_nothing(self):
        table = RecentRunsTable(CLIENTS, "jobs-Triggers", lambda: NOW)
        one, two = put_run("one", "RUNNING"), put_run("two", "RUNNING")

        class Interrupted(RecentRunsTable):
            left = 2

            def _save(self, *arguments):
                self.left -= 1
                if self.left >= 0:
                    table.add("report", [one if self.left else two])
                return super()._save(*arguments)

        three = put_run("three", "RUNNING")
        Interrupted(CLIENTS, "jobs-Triggers", lambda: NOW).add("report", [three])

        assert len(recent().seen) == 3

    def test_it_gives_up_when_others_write_again_and_again(self):
        class Lost(RecentRunsTable):
            def _save(self, *_):
                return False

        with pytest.raises(ConflictError):
            Lost(CLIENTS, "jobs-Triggers", lambda: NOW).add("report", [put_run("one")])


class TestOnceADay:
    def test_what_lists_show_is_made_again_from_the_runs(self):
        handle_record(put_run("one", "RUNNING"))
        put_run("one", "SUCCEEDED", duration_ms=2000)
        assert recent().running_since

        sweep_lists.count_runs_again(runtime(), ["report"])

        assert (recent().running_since, recent().usual_seconds) == (None, 2.0)

    def test_a_run_that_is_gone_is_open_no_longer(self):
        item = put_run("one", "RUNNING")
        handle_record(item)
        key = {name: item[name] for name in ("job_name", "trigger_id")}
        CLIENTS.dynamodb.delete_item(TableName="jobs-Triggers", Key=to_dynamodb(key))

        sweep_lists.count_runs_again(runtime(), ["report"])

        assert not recent().seen

    def test_of_very_many_jobs_each_has_its_turn(self):
        names = [f"job-{number}" for number in range(9)]

        drawn = [sweep_lists.some(runtime(), names, limit=3) for _ in range(60)]

        assert {len(set(each)) for each in drawn} == {3}
        assert {name for each in drawn for name in each} == set(names)
        assert sweep_lists.some(runtime(), names, limit=9) == names

    def test_one_job_that_fails_does_not_stop_the_others(self):
        hand_in(recent_runs=Unavailable())

        assert sweep_lists.count_runs_again(runtime(), ["a", "b"]) == 0
