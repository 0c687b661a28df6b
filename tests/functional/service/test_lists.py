"""Pages of jobs, one run in detail, and its log."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from provisioner.aws.items import to_dynamodb
from provisioner.errors import InvalidRequestError, NotFoundError
from provisioner.jobs.row_summary import ScheduleFilter
from provisioner.runs.model import Pause, RunStatus
from provisioner.service import jobs, overview, run_detail
from provisioner.service.jobs import JobsWanted
from provisioner.stacks.model import Condition, JobStatus
from tests.support.cli import NOW, put_run
from tests.support.clients import CLIENTS
from tests.support.rows import ROW

START = "2026-11-21T09:00:00.000Z"
LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def service(here):
    return replace(here.service, clock=lambda: NOW)


def page_of(service, **filters):
    return [line.job_name for line in jobs.page(service, 100, JobsWanted(**filters)).jobs]


class TestAPageOfJobs:
    @pytest.fixture(autouse=True)
    def jobs(self, here):
        for name, more in {
            "a-invalid": {"memory_mb": 1, "owner": "data"},
            "a-paused": {"paused": True, "tags": {"team": "data"}},
            "b-daily": {"schedule": "cron(0 6 * * ? *)", "timezone": "Europe/Berlin"},
            "b-off": {"schedule": "rate(1 hour)", "schedule_enabled": False, "owner": "data"},
        }.items():
            here.jobs.put(ROW | {"job_name": name, **more})
        here.save("a-invalid", status=JobStatus.INVALID)
        here.save("c-kept", status=JobStatus.RETAINED)
        here.save("d-gone", status=JobStatus.DELETED)
        here.list_all()

    def test_is_in_order_and_continues(self, service):
        first = jobs.page(service, 3)
        second = jobs.page(service, 3, cursor=first.cursor)

        assert [line.job_name for line in first.jobs] == ["a-invalid", "a-paused", "b-daily"]
        assert [line.job_name for line in second.jobs] == ["b-off", "c-kept"]
        assert second.cursor is None

    @pytest.mark.parametrize(
        ("filters", "names"),
        [
            ({"prefix": "a-"}, ["a-invalid", "a-paused"]),
            ({"prefix": "a" * 3000}, []),
            ({"status": JobStatus.INVALID}, ["a-invalid"]),
            ({"owner": "data"}, ["a-invalid", "b-off"]),
            ({"tag": "team"}, ["a-paused"]),
            ({"tag": "team=data"}, ["a-paused"]),
            ({"tag": "team=web"}, []),
            ({"type": "ecs"}, []),
            ({"schedule": ScheduleFilter.SCHEDULED}, ["b-daily", "b-off"]),
            ({"schedule": ScheduleFilter.PAUSED}, ["b-off"]),
            ({"schedule": ScheduleFilter.NONE}, ["a-invalid", "a-paused", "c-kept"]),
            ({"schedule": ScheduleFilter.NONE, "tag": "team"}, ["a-paused"]),
            ({"type": "lambda", "prefix": "b"}, ["b-daily", "b-off"]),
        ],
        ids=str,
    )
    def test_filters(self, service, filters, names):
        assert page_of(service, **filters) == names

    def test_a_line(self, here, service):
        ready = Condition("Ready", "False", "Failed", "no  such\nbundle", NOW)
        here.save("b-daily", status=JobStatus.FAILED, conditions=(ready,))
        put_run("b-daily", "one", "SUCCEEDED", duration_ms=1500)
        put_run("b-daily", "two", "RUNNING", started_at=LATER, source="manual")
        here.list_all()

        (line,) = jobs.page(service, 1, JobsWanted(prefix="b-daily")).jobs

        assert (line.type, line.status, line.reason) == ("lambda", "FAILED", "no such bundle")
        assert (line.schedule, line.time_zone) == ("cron(0 6 * * ? *)", "Europe/Berlin")
        assert line.next_at == datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
        assert (line.strip, line.usual_seconds) == ((RunStatus.SUCCEEDED, RunStatus.RUNNING), 1.5)
        assert (line.last_run.run, line.last_run.source) == ("two", "manual")
        assert line.running_since == LATER
        assert (line.row_exists, line.paused) == (True, False)

    def test_what_starts_nothing_has_no_next_time(self, service):
        off = {line.job_name: line for line in jobs.page(service, 100).jobs}

        assert {name for name, line in off.items() if line.paused} == {"a-paused", "b-off"}
        assert off["b-off"].next_at is None
        assert not off["c-kept"].row_exists

    def test_a_schedule_that_is_paused_after_failures(self, here, service):
        here.jobs.put(here.row("b-daily") | {"pause_on_failures": 2})
        here.triggers.set_pause("b-daily", Pause(paused=True, since="", note=""))
        here.list_all()

        (line,) = jobs.page(service, 1, JobsWanted(prefix="b-daily")).jobs

        assert (line.paused, line.next_at) == (True, None)

    def test_it_takes_three_requests(self, here, service):
        for number in range(100):
            here.jobs.put(ROW | {"job_name": f"many-{number:03}", "pause_on_failures": 2})
        here.list_all()
        asked = []
        CLIENTS.dynamodb.meta.events.register(
            "before-call.dynamodb", lambda model, **_: asked.append(model.name), unique_id="asked"
        )

        found = jobs.page(service, 100, JobsWanted(prefix="many-"))

        CLIENTS.dynamodb.meta.events.unregister("before-call.dynamodb", unique_id="asked")
        assert len(found.jobs) == 100
        assert asked == ["Query", "BatchGetItem", "BatchGetItem"]

    @pytest.mark.parametrize(
        "recent",
        [
            {"last": {"status": "RUNNING"}},
            {"last": {"trigger_id": 5}, "version": 1},
            {"last": {"trigger_id": f"{START}#x", "attempts": "many", "started_at": 5}},
            {"last": "text", "seen": 5},
            {"seen": "[" * 100_000},
            {"seen": json.dumps({f"{START}#x": ["SUCCEEDED", 10**400]})},
            {"seen": json.dumps({f"{START}#x": ["SUCCEEDED", True]})},
            {"seen": json.dumps({f"{START}#x": ["RUNNING", "9999-12-31T23:59:59-12:00"]})},
            {"seen": json.dumps({f"{START}#x": ["RUNNING", "0001-01-01T00:00:00+12:00"]})},
            {"seen": json.dumps({"x": [["RUNNING"], {}], "y": {}, "z": None})},
        ],
        ids=lambda recent: str(recent)[:60],
    )
    def test_one_damaged_item_does_not_hide_the_others(self, here, service, recent):
        put_run("b-daily", "one", "SUCCEEDED", duration_ms=1500)
        here.list_all()
        item = {"job_name": "b-off", "trigger_id": "#recent", **recent}
        CLIENTS.dynamodb.put_item(TableName="jobs-Triggers", Item=to_dynamodb(item))
        CLIENTS.dynamodb.update_item(
            TableName="jobs-Stacks",
            Key={"job_name": {"S": "a-paused"}},
            UpdateExpression="SET #row = :row, updated_at = :soon",
            ExpressionAttributeNames={"#row": "row"},
            ExpressionAttributeValues=to_dynamodb(
                {":row": {"tags": 5, "schedule": [{}]}, ":soon": "soon"}
            ),
        )

        lines = {line.job_name: line for line in jobs.page(service, 100).jobs}

        assert list(lines) == ["a-invalid", "a-paused", "b-daily", "b-off", "c-kept"]
        assert lines["b-daily"].usual_seconds == 1.5
        assert lines["b-off"].usual_seconds is None
        assert not any(overview.is_late(line, NOW) for line in lines.values())
        assert (lines["a-paused"].tags, lines["a-paused"].next_at) == ({}, None)

    @pytest.mark.parametrize("tag", ["", "=data"])
    def test_a_tag_without_a_name(self, service, tag):
        with pytest.raises(InvalidRequestError, match="name=value"):
            jobs.page(service, 1, JobsWanted(tag=tag))

    @pytest.mark.parametrize("cursor", ["_w", "", "eA"])
    def test_a_cursor_that_no_page_had(self, service, cursor):
        with pytest.raises(InvalidRequestError, match="begin without one"):
            jobs.page(service, 1, JobsWanted(prefix="b"), cursor=cursor or "=")

    @pytest.mark.parametrize(
        "damage",
        [
            {"row": {"S": "x"}},
            {"row": {"M": {"schedule": {"L": [{"S": "rate(x)"}]}, "timezone": {"S": "Mars"}}}},
            {
                "row": {
                    "M": {"schedule_start": {"S": "x"}, "schedule": {"L": [{"S": "rate(1 hour)"}]}}
                }
            },
            {"status": {"S": "WHATEVER"}},
            {"updated_at": {"S": "yesterday"}},
            {"ready_message": {"N": "5"}},
        ],
        ids=str,
    )
    def test_a_row_that_somebody_damaged_is_listed(self, service, damage):
        (name, value), *_ = damage.items()
        CLIENTS.dynamodb.update_item(
            TableName="jobs-Stacks",
            Key={"job_name": {"S": "b-daily"}},
            UpdateExpression="SET #name = :value",
            ExpressionAttributeNames={"#name": name},
            ExpressionAttributeValues={":value": value},
        )

        assert page_of(service, prefix="b-daily") == ["b-daily"]

    @pytest.mark.parametrize(
        "damage",
        [
            {"last": {"S": "x"}},
            {"seen": {"L": []}},
            {"seen": {"S": "{"}},
            {"seen": {"S": "[]"}},
            {"seen": {"S": '{"k": "RUNNING"}'}},
            {"seen": {"S": '{"k": ["WHATEVER"]}'}},
        ],
        ids=str,
    )
    def test_runs_that_somebody_damaged_are_left_out(self, service, damage):
        key = {"job_name": {"S": "b-daily"}, "trigger_id": {"S": "#recent"}}
        CLIENTS.dynamodb.put_item(TableName="jobs-Triggers", Item={**key, **damage})

        (line,) = jobs.page(service, 1, JobsWanted(prefix="b-daily")).jobs

        assert (line.last_run, line.strip) == (None, ())


class TestARunInDetail:
    @pytest.fixture(autouse=True)
    def job(self, here):
        here.jobs.put(ROW)

    def test_all_of_its_row(self, service):
        CLIENTS.s3.put_object(Bucket="jobs-artifacts", Key="in.json", Body=b'{"n": 1}')
        put_run(
            "report",
            "one",
            "FAILED",
            queued_at="2026-11-21T08:59:00.000Z",
            ended_at="2026-11-21T09:01:00.000Z",
            queued_ms=1000,
            input="s3://jobs-artifacts/in.json",
            output="text",
            overrides='{"cpu": 1}',
            error="E",
            cause="why",
        )

        found = run_detail.detail(service, "report", "one")

        assert (found.line.run, found.error, found.cause) == ("one", "E", "why")
        assert found.input == run_detail.Stored({"n": 1}, "s3://jobs-artifacts/in.json")
        assert (found.result.value, found.overrides) == ("text", {"cpu": 1})
        assert [phase.name for phase in found.phases] == ["waiting", "queued", "run"]
        assert found.phases[-1].ended_at == LATER

    def test_by_its_key(self, service):
        put_run("report", "one", "RUNNING")

        assert (
            run_detail.detail(service, "report", "2026-11-21T09:00:00.000Z#one").line.run == "one"
        )

    @pytest.mark.parametrize("run", ["none", "2026-11-21T09:00:00.000Z#none", "#lock"])
    def test_one_that_does_not_exist(self, service, run):
        with pytest.raises(NotFoundError):
            run_detail.detail(service, "report", run)

    @pytest.mark.parametrize("damage", [{"input": 5}, {"overrides": "{"}, {"usage": "x"}], ids=str)
    def test_one_that_somebody_damaged(self, service, damage):
        put_run("report", "one", "SUCCEEDED", **damage)

        assert run_detail.detail(service, "report", "one").line.run == "one"
