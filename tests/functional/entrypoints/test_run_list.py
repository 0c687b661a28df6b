"""Runs of earlier versions come into the index of all runs, while both versions write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from provisioner.aws.items import to_dynamodb, to_plain
from provisioner.aws.run_list import RunList
from provisioner.entrypoints import run_stream, sweep
from provisioner.errors import PermanentError, TemporaryError
from provisioner.runs.keys import BACKFILL, INDEX
from provisioner.runs.listing import Position
from tests.support.clients import CLIENTS
from tests.support.functions import deliver

TABLE = "jobs-Triggers"
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
LARGE = "x" * 300_000


@pytest.fixture(autouse=True)
def asked_before(bootstrap):
    """Let the functions of the version before have ended long ago."""
    assert bootstrap["TRIGGERS_TABLE"] == TABLE
    note({"asked_at": "2026-11-21T08:00:00.000Z"})


def note(values):
    item = {"job_name": INDEX, "trigger_id": BACKFILL, **values}
    CLIENTS.dynamodb.put_item(TableName=TABLE, Item=to_dynamodb(item))


def put(name, status="SUCCEEDED", job="report", **more):
    key = {"job_name": job, "trigger_id": f"2026-11-21T09:00:00.000Z#{name}"}
    item = {**key, "status": status, "started_at": "2026-11-21T09:00:00.000Z", **more}
    CLIENTS.dynamodb.put_item(TableName=TABLE, Item=to_dynamodb(item))
    return key


def read(key):
    found = CLIENTS.dynamodb.get_item(TableName=TABLE, Key=to_dynamodb(key))
    return to_plain(found["Item"]) if "Item" in found else None


def listed():
    found, before = [], Position()
    while before is not None:
        page = RunList(CLIENTS, TABLE).page(100, before)
        found += [run["trigger_id"].partition("#")[2] for run in page.runs]
        before = page.next
    return sorted(found)


def progress():
    return read({"job_name": INDEX, "trigger_id": BACKFILL})


def ended(key, status, **more):
    image = to_dynamodb({**key, "status": status, **more})
    change = {"Keys": to_dynamodb(key), "NewImage": image, "SequenceNumber": "1"}
    assert deliver(run_stream, {"Records": [{"dynamodb": change}]}) == {"batchItemFailures": []}


@pytest.mark.usefixtures("bootstrap")
class TestTheSweep:
    def test_indexes_the_runs_of_earlier_versions_once(self):
        key = put("a", "FAILED", error="ValueError", cause="row 7")
        put("b", "RUNNING", execution_arn="arn")
        for sort_key in ("#lock", "#queue"):
            lock = {"job_name": "report", "trigger_id": sort_key, "status": "FREE"}
            CLIENTS.dynamodb.put_item(TableName=TABLE, Item=to_dynamodb(lock))

        deliver(sweep, {})

        assert listed() == ["a", "b"]
        assert read(key)["error_group"] == "ValueError: row *"
        assert "run_shard" not in read({"job_name": "report", "trigger_id": "#lock"})
        assert "done_at" in progress()

    def test_lists_the_runs_of_a_version_with_more_shards(self):
        put("a", "RUNNING", run_shard=2)

        deliver(sweep, {})

        assert listed() == ["a"]

    def test_begins_when_no_function_of_the_version_before_is_at_work(self):
        CLIENTS.dynamodb.delete_item(
            TableName=TABLE, Key=to_dynamodb({"job_name": INDEX, "trigger_id": BACKFILL})
        )
        put("a")
        table, times = RunList(CLIENTS, TABLE), (0, 5, 14, 15)

        counts = [table.backfill(100, NOW + timedelta(minutes=each)) for each in times]

        assert counts == [0, 0, 0, 1]

    @pytest.mark.parametrize("damage", ["soon", 5, "2126-11-21T09:00:00.000Z"])
    def test_a_damaged_time_does_not_keep_it_from_beginning(self, damage):
        note({"asked_at": damage})
        put("a")
        table = RunList(CLIENTS, TABLE)

        table.backfill(100, NOW)
        table.backfill(100, NOW + timedelta(minutes=15))

        assert listed() == ["a"]

    def test_continues_next_time_after_so_many_pages(self):
        for number in range(66):  # three a megabyte, which is a page
            put(f"{number:02}", result=LARGE)
        table = RunList(CLIENTS, TABLE)

        table.backfill(1000, NOW)
        assert "done_at" not in progress()
        table.backfill(1000, NOW)

        assert "done_at" in progress()
        assert len(listed()) == 66

    def test_does_nothing_once_it_is_through(self):
        deliver(sweep, {})
        put("late")
        deliver(sweep, {})

        assert listed() == []

    def test_continues_where_it_ended(self):
        """Three large rows are a page of a scan."""
        for number in range(6):
            put(f"r{number}", input=LARGE)
        runs = RunList(CLIENTS, TABLE)

        steps = []
        while "done_at" not in (progress() or {}):
            steps.append(runs.backfill(1, NOW))

        assert sum(steps) == 6
        assert len(steps) > 1
        assert listed() == [f"r{number}" for number in range(6)]

    def test_no_page_has_more_rows_than_asked(self):
        for number in range(7):
            put(f"r{number}")

        first = RunList(CLIENTS, TABLE).backfill(3, NOW)

        assert 3 <= first <= 5  # its own item is in one of two pages
        assert RunList(CLIENTS, TABLE).backfill(100, NOW) == 7 - first

    def test_a_page_that_was_cut_off_comes_again(self):
        for number in range(6):
            put(f"r{number}", input=LARGE)

        class CutOff(RunList):
            left = 4

            def derive(self, row, derived):
                self.left -= 1
                if self.left < 0:
                    raise TemporaryError("cut off")
                return super().derive(row, derived)

        with pytest.raises(TemporaryError):
            CutOff(CLIENTS, TABLE).backfill(100, NOW)
        RunList(CLIENTS, TABLE).backfill(100, NOW)

        assert listed() == [f"r{number}" for number in range(6)]

    def test_one_row_that_is_refused_does_not_stop_the_others(self):
        for number in range(3):
            put(f"r{number}")

        class Refuses(RunList):
            def derive(self, row, derived):
                if row["trigger_id"].endswith("#r1"):
                    raise PermanentError("ValidationException: the item is too large")
                return super().derive(row, derived)

        assert Refuses(CLIENTS, TABLE).backfill(100, NOW) == 2
        assert listed() == ["r0", "r2"]
        assert "done_at" in progress()

    @pytest.mark.parametrize("damage", ["here", {"job_name": 5}, {"x": "y"}, {}])
    def test_a_damaged_note_is_a_beginning(self, damage):
        note({"after": damage})
        put("a")

        RunList(CLIENTS, TABLE).backfill(100, NOW)

        assert listed() == ["a"]

    def test_a_row_that_goes_in_the_meantime_does_not_come_back(self):
        key = put("a")
        CLIENTS.dynamodb.delete_item(TableName=TABLE, Key=to_dynamodb(key))

        assert not RunList(CLIENTS, TABLE).derive(key, {"run_shard": 1})
        assert read(key) is None


@pytest.mark.usefixtures("bootstrap")
class TestAWorkflowOfAnEarlierVersion:
    """It writes rows without a shard as long as its stack has not been updated."""

    @pytest.fixture(autouse=True)
    def through(self):
        deliver(sweep, {})

    @pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED", "SKIPPED"])
    def test_its_runs_are_listed_when_they_have_ended(self, status):
        key = put("a", status, error="E", cause="7")
        ended(key, status)

        assert listed() == ["a"]
        failed = status in {"FAILED", "TIMED_OUT"}
        assert read(key).get("error_group") == ("E: *" if failed else None)

    def test_one_of_a_version_with_more_shards_is_listed_when_it_has_ended(self):
        key = put("a", "SUCCEEDED", run_shard=2)
        assert listed() == []
        ended(key, "SUCCEEDED", run_shard=2)

        assert listed() == ["a"]

    def test_the_cost_and_the_rest_are_one_write(self):
        usage = {"architecture": "arm64", "memory_mb": 128}
        more = {"type": "lambda", "duration_ms": 100, "usage": usage, "error": "E", "cause": "7"}
        key = put("a", "FAILED", **more)
        ended(key, "FAILED")

        assert listed() == ["a"]
        run = read(key)
        assert "seconds" in run["usage"]
        assert run["error_group"] == "E: *"

    def test_one_that_is_listed_stays_where_it_is(self):
        key = put("a", "FAILED", error="E", run_shard=1, error_group="E")
        before = read(key)
        ended(key, "FAILED", run_shard=1)

        assert read(key) == before
