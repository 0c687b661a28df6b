"""Runs over HTTP: lists with cursors, starts that may be repeated, waiting for an end."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from provisioner.runs.keys import object_folder
from provisioner.runs.model import iso
from provisioner.stacks.model import Deletion, JobStatus
from tests.support.api import by_iam, by_scopes
from tests.support.cli import NOW, OUTPUTS, put_run
from tests.support.clients import CLIENTS
from tests.support.rows import ROW

ENDLESS = {"Type": "Wait", "Seconds": 3600, "End": True}
RUNS = "/v1/jobs/report/runs"


@pytest.fixture
def job(api, here):
    here.jobs.put(
        ROW | {"payload_schema": {"type": "object", "properties": {"n": {"type": "integer"}}}}
    )
    return api


@pytest.fixture
def runnable(job, here):
    here.machine = here.make_runnable(ENDLESS)
    return job


@pytest.fixture
def history(job):
    for number in range(5):
        status = "FAILED" if number % 2 else "SUCCEEDED"
        at = NOW + timedelta(minutes=number)
        put_run("report", f"run-{number}", status, started_at=at, error="E" if number % 2 else "")
    return job


def names(reply):
    return [run["run"] for run in reply.json["runs"]]


def following(client, reply):
    """Return the page to which a page's link leads."""
    path, _, query = reply.headers["Link"].partition(">")[0].removeprefix("<").partition("?")
    assert reply.headers["Link"].endswith('>; rel="next"')
    return client("GET", path, query=query)


@pytest.mark.parametrize("path", ["/v1/runs", RUNS])
def test_a_list_continues_page_by_page(history, path):
    first = history("GET", path, query="limit=2&fields=run,status")
    second = following(history, first)
    last = following(history, second)

    assert [names(each) for each in (first, second, last)] == [
        ["run-4", "run-3"],
        ["run-2", "run-1"],
        ["run-0"],
    ]
    assert first.json["runs"][0] == {"run": "run-4", "status": "SUCCEEDED"}
    assert last.json["next"] is None or names(following(history, last)) == []


@pytest.mark.parametrize("path", ["/v1/runs", RUNS])
def test_a_list_is_filtered(history, path):
    assert names(history("GET", path, query="status=FAILED")) == ["run-3", "run-1"]
    since = (NOW + timedelta(minutes=3)).isoformat().replace("+00:00", "Z")
    assert names(history("GET", path, query=f"since={since}")) == ["run-4", "run-3"]
    assert history("GET", path, query="since=yesterday").status == 400


@pytest.mark.parametrize("path", ["/v1/runs", RUNS])
def test_a_list_of_who_started_runs(history, path):
    later = (NOW + timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
    put_run("report", "of-ada", "FAILED", started_at=NOW, started_by="user/ada")

    assert names(history("GET", path, query="started_by=ada")) == ["of-ada"]
    assert names(history("GET", path, query=f"started_by=ada&since={later}")) == []
    assert len(names(history("GET", path, query="started_by="))) == 6


@pytest.mark.parametrize("path", ["/v1/runs", RUNS])
def test_a_list_ends_before_a_time(history, path):
    def at(minutes):
        return (NOW + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")

    assert names(history("GET", path, query=f"until={at(2)}")) == ["run-1", "run-0"]
    assert names(history("GET", path, query=f"since={at(1)}&until={at(3)}")) == ["run-2", "run-1"]
    assert names(history("GET", path, query=f"since={at(3)}&until={at(1)}")) == []
    first = history("GET", path, query=f"until={at(3)}&limit=2")
    assert names(first) == ["run-2", "run-1"]
    assert names(following(history, first)) == ["run-0"]
    other = f"until={at(4)}&limit=2&cursor={first.json['next']}"
    assert history("GET", path, query=other).slug == "invalid-cursor"


def test_runs_of_jobs_with_a_tag(api, here):
    here.jobs.put(ROW | {"tags": {"team": "data"}})
    here.jobs.put(ROW | {"job_name": "other", "tags": {"team": "web"}})
    here.list_all()
    for job in ("report", "other", "gone"):
        put_run(job, f"of-{job}", "SUCCEEDED")

    def found(query):
        return set(names(api("GET", "/v1/runs", query=query)))

    assert found("tag=team=data") == {"of-report"}
    assert found("tag=team") == {"of-report", "of-other"}
    assert found("tag=team=data&status=FAILED") == set()
    assert api("GET", "/v1/runs", query="tag==x").status == 400


def test_items_of_a_fan_out(api, here):
    here.jobs.put(ROW)
    put_run("report", "r1", "RUNNING", started_at=NOW)
    folder = f"{object_folder('report', f'{iso(NOW)}#r1')}items"
    for name, said in {
        "succeeded/0": {"index": 0, "status": "SUCCEEDED", "output": [1]},
        "failed/1": {"index": 1, "status": "FAILED", "error": "E", "cause": "because"},
        "succeeded/10": {"index": 10, "status": "SUCCEEDED"},
    }.items():
        CLIENTS.s3.put_object(
            Bucket=OUTPUTS["ArtifactsBucketName"],
            Key=f"{folder}/{name}.json",
            Body=json.dumps(said),
        )

    first = api("GET", f"{RUNS}/r1/items", query="limit=2&fields=index,error")
    second = following(api, first)

    assert first.json["items"] == [{"index": 0, "error": None}, {"index": 1, "error": "E"}]
    assert (first.json["succeeded"], first.json["failed"], first.json["total"]) == (2, 1, None)
    assert [each["index"] for each in second.json["items"]] == [10]
    one = api("GET", f"{RUNS}/r1/items/0").json
    assert one == {"index": 0, "status": "SUCCEEDED", "output": [1]}
    assert api("GET", f"{RUNS}/r1/items/2").status == 404
    assert api("GET", f"{RUNS}/r1/items/01").status == 404
    assert api("GET", f"{RUNS}/none/items").status == 404


def test_a_cursor_is_only_of_its_own_list(history):
    cursor = history("GET", RUNS, query="limit=2").json["next"]

    for path, query in (
        ("/v1/runs", f"cursor={cursor}"),
        (RUNS, f"status=FAILED&cursor={cursor}"),
        (RUNS, f"cursor={cursor[:-2]}"),
        (RUNS, "cursor=AAAAA"),
        (RUNS, f"cursor=A{cursor[1:]}"),
        ("/v1/jobs/other/runs", f"cursor={cursor}"),
    ):
        assert history("GET", path, query=query).slug == "invalid-cursor"
    other_key = replace(history, app=replace(history.app, cursor_key=lambda: "other"))
    assert other_key("GET", RUNS, query=f"cursor={cursor}").slug == "invalid-cursor"


def test_of_a_job_that_does_not_exist(api):
    for path in ("/v1/jobs/none/runs", "/v1/jobs/none/runs/r-1", "/v1/jobs/none/runs/r-1/log"):
        assert api("GET", path).status == 404


class TestStart:
    def test_a_run_can_be_followed(self, runnable):
        reply = runnable("POST", RUNS, {"payload": {"n": 1}})

        assert reply.status == 202
        assert reply.headers["Location"] == f"{RUNS}/{reply.json['run']}"
        assert reply.headers["Idempotency-Replayed"] == "false"

    def test_a_run_is_there_before_its_row(self, runnable):
        place = runnable("POST", RUNS, {"payload": {"n": 1}}).headers["Location"]

        assert runnable("GET", place).json["status"] == "STARTING"
        assert runnable("GET", f"{RUNS}/none").status == 404

    def test_the_same_key_is_the_same_run(self, runnable):
        first = runnable("POST", RUNS, {"payload": {"n": 1}}, idempotency_key="k")
        again = runnable("POST", RUNS, {"payload": {"n": 1}}, idempotency_key="k")
        other = runnable("POST", RUNS, {"payload": {"n": 2}}, idempotency_key="k")

        assert (again.json, again.headers["Idempotency-Replayed"]) == (first.json, "true")
        assert (other.status, other.slug) == (422, "key-reused")
        for key in ("", "k" * 256):
            assert runnable("POST", RUNS, {}, idempotency_key=key).status == 400

    def test_what_the_row_does_not_allow(self, runnable):
        reply = runnable("POST", RUNS, {"payload": {"n": "x"}, "overrides": {"cpu": 4}})

        assert (reply.status, reply.slug) == (422, "invalid-run")
        pointers = [each["pointer"] for each in reply.json["errors"]]
        assert pointers == ["/payload/n", "/overrides"]
        reserved = runnable("POST", RUNS, {"payload": {"_run": {}}})
        assert reserved.json["errors"][0]["pointer"] == "/payload"

    @pytest.mark.parametrize("number", ["9007199254740993", "0.1000000000000000055"])
    @pytest.mark.parametrize("row", ["valid", "gone"])
    def test_no_number_changes_on_its_way(self, runnable, here, number, row):
        if row == "gone":
            here.jobs.remove(here.row())
        payload = f'{{"payload": {{"n": 1, "ids": [{number}]}}}}'

        reply = runnable("POST", RUNS, raw=payload)

        assert (reply.status, reply.slug) == (422, "invalid-run")
        (error,) = reply.json["errors"]
        assert error["pointer"] == "/payload/ids/0"
        assert number in str(error)

    def test_a_try_starts_nothing(self, runnable, here):
        reply = runnable("POST", RUNS, {"payload": {"n": 1}}, query="dry_run=true")

        assert reply.json == {"run": None, "dry_run": True, "unchecked": None}
        executions = here.clients.stepfunctions.list_executions(stateMachineArn=here.machine)
        assert executions["executions"] == []
        assert runnable("POST", RUNS, {"payload": {"n": ""}}, query="dry_run=true").status == 422

    def test_a_job_without_a_stack_cannot_run_yet(self, job):
        assert job("POST", RUNS, {}).slug == "conflict"

    def test_a_run_is_repeated_with_its_input(self, runnable, here):
        put_run("report", "before", "FAILED", input='{"n": 7, "_run": {"by": "x"}}')

        reply = runnable("POST", f"{RUNS}/before/again", {})

        arn = f"{here.machine.replace(':stateMachine:', ':execution:')}:{reply.json['run']}"
        given = here.clients.stepfunctions.describe_execution(executionArn=arn)["input"]
        assert '"n": 7' in given or '"n":7' in given
        assert '"parent"' in given


class TestOneRun:
    def test_all_that_its_row_says(self, history):
        put_run("report", "whole", "FAILED", input='{"n": 1}', error="E", cause="why", exit_code=3)

        run = history("GET", f"{RUNS}/whole").json

        assert run["input"] == {"value": {"n": 1}, "location": None}
        assert (run["error"], run["cause"], run["exit_code"]) == ("E", "why", 3)

    def test_overridden_environment_values_are_hidden(self, history):
        put_run("report", "o", "FAILED", overrides='{"environment": {"A": "hunter2"}}')

        reply = history("GET", f"{RUNS}/o")

        assert reply.json["overrides"] == {"environment": {"A": None}}
        assert "hunter2" not in reply.text

    def test_a_log_that_lambda_could_not_return(self, runnable):
        ended = iso(NOW + timedelta(seconds=1))
        put_run("report", "loud", "SUCCEEDED", ended_at=ended, log_stream="a")
        CLIENTS.logs.create_log_group(logGroupName="/jobs/report")
        CLIENTS.logs.create_log_stream(logGroupName="/jobs/report", logStreamName="a")
        at = int(NOW.timestamp() * 1000)
        for _ in range(2):  # a quotation mark becomes four bytes
            CLIENTS.logs.put_log_events(
                logGroupName="/jobs/report",
                logStreamName="a",
                logEvents=[{"timestamp": at, "message": '"' * 250_000} for _ in range(4)],
            )

        reply = runnable("GET", f"{RUNS}/loud/log")

        assert (reply.status, reply.slug) == (400, "invalid-parameter")
        assert "limit" in reply.json["detail"]
        assert len(runnable("GET", f"{RUNS}/loud/log", query="limit=2").json["events"]) == 2

    def test_waiting_ends_with_the_run(self, history, paused):
        put_run("report", "slow", "RUNNING")

        def ends(seconds):
            paused.append(seconds)
            put_run("report", "slow", "SUCCEEDED")

        client = replace(history, app=replace(history.app, pause=ends))
        reply = client("GET", f"{RUNS}/slow", query="wait=20")

        assert (reply.json["status"], paused) == ("SUCCEEDED", [1.0])
        assert client("GET", f"{RUNS}/slow", query="wait=21").status == 400

    def test_stopping(self, history):
        put_run("report", "waits", "QUEUED", execution_arn="arn:aws:states:x")

        tried = history("POST", f"{RUNS}/waits/stop", {}, query="dry_run=true")
        stopped = history("POST", f"{RUNS}/waits/stop", {"reason": "enough"})

        assert (tried.json["before"], stopped.json["before"]) == ("QUEUED", "QUEUED")
        assert history("GET", f"{RUNS}/waits").json["status"] == "STOPPED"
        assert history("POST", f"{RUNS}/none/stop", {}).status == 404


class TestSchedule:
    @pytest.fixture
    def scheduled(self, api, here):
        here.jobs.put(ROW | {"schedule": "rate(1 day)", "pause_on_failures": 3})
        return api

    def test_pause_and_resume(self, scheduled):
        path = "/v1/jobs/report/schedule"

        assert scheduled("GET", path, query="count=3").json["state"] == "on"
        assert scheduled("POST", f"{path}/pause", {"note": "n"}, query="dry_run=true").status == 200
        assert scheduled("GET", path).json["state"] == "on"
        assert scheduled("POST", f"{path}/pause", {"note": "holiday"}).json["paused"]
        said = scheduled("GET", path).json
        assert (said["state"], said["note"]) == ("off", "holiday")
        assert scheduled("POST", f"{path}/pause", {"note": " "}).status == 422
        assert scheduled("POST", f"{path}/resume", query="dry_run=true").status == 200
        assert scheduled("GET", path).json["state"] == "off"
        assert not scheduled("POST", f"{path}/resume").json["paused"]
        assert scheduled("GET", path).json["state"] == "on"

    def test_a_backfill_says_what_it_starts(self, scheduled, here):
        here.jobs.put(ROW | {"schedule": "cron(0 6 * * ? *)"})
        here.make_runnable(ENDLESS)
        body = {"start": "2026-10-22", "end": "2026-10-25", "overlap": "allow"}
        path = "/v1/jobs/report/schedule/backfill"

        tried = scheduled("POST", path, body, query="dry_run=true").json
        done = scheduled("POST", path, body).json

        assert (tried["started"], tried["left"], done["started"], done["left"]) == (0, 3, 3, 0)
        assert tried["runs"] == done["runs"]
        assert scheduled("POST", path, body | {"end": "2027-01-01"}).status == 422


def test_jobs_are_listed_page_by_page(api, here):
    for number in range(3):
        here.jobs.put(ROW | {"job_name": f"job-{number}"})
    here.list_all()

    first = api("GET", "/v1/jobs", query="limit=2&prefix=job&fields=job_name")

    assert [job["job_name"] for job in first.json["jobs"]] == ["job-0", "job-1"]
    assert [job["job_name"] for job in following(api, first).json["jobs"]] == ["job-2"]


def test_jobs_by_their_schedule(api, here):
    for name, more in (("off", {"schedule_enabled": False}), ("on", {})):
        here.jobs.put(ROW | {"job_name": name, "schedule": "rate(1 day)", **more})
    here.jobs.put(ROW)
    here.list_all()

    def found(schedule):
        reply = api("GET", "/v1/jobs", query=f"schedule={schedule}")
        return [job["job_name"] for job in reply.json["jobs"]]

    assert found("scheduled") == ["off", "on"]
    assert found("paused") == ["off"]
    assert found("none") == ["report"]
    assert api("GET", "/v1/jobs", query="schedule=x").slug == "invalid-parameter"
    body = {"action": "resume_schedules", "filter": {"schedule": "paused"}, "expected_count": 1}
    tried = api("POST", "/v1/bulk", body | {"reason": "r"}, query="dry_run=true")
    assert tried.json["targets"] == ["off"]


def test_retry(job, here):
    assert job("POST", "/v1/jobs/report/retry", query="dry_run=yes").slug == "invalid-parameter"
    assert job("POST", "/v1/jobs/report/retry", query="dry_run=true").status == 202
    assert here.queued() == []
    assert job("POST", "/v1/jobs/report/retry").status == 202
    assert [each["job_name"] for each in here.queued()] == ["report"]
    assert job("POST", "/v1/jobs/none/retry").status == 404
    assert job("POST", "/v1/jobs/report/confirm-deletion").slug in {"conflict", "not-found"}


def test_a_held_deletion_is_confirmed(api, here):
    path = "/v1/jobs/report/confirm-deletion"
    assert api("POST", path).slug == "not-found"
    here.save(status=JobStatus.READY)
    assert api("POST", path).slug == "conflict"
    here.save(status=JobStatus.PENDING, deletion=Deletion.HELD, updated_at=NOW)

    assert (api("POST", path, query="dry_run=true").status, here.queued()) == (202, [])
    assert api("POST", path).status == 202
    assert here.queued() == [{"job_name": "report", "confirm_deletion": True}]


def test_a_job_that_has_not_been_reconciled_has_no_stack(job, here):
    path = "/v1/jobs/report/stack"
    assert job("GET", path).slug == job("GET", "/v1/jobs/none/stack").slug == "not-found"

    here.save(status=JobStatus.READY)

    assert job("GET", path).json["status"] == "READY"


class TestBulk:
    @pytest.fixture
    def jobs(self, api, here):
        for number in range(12):
            here.jobs.put(ROW | {"job_name": f"job-{number}"})
        here.list_all()
        return api

    def body(self, **more):
        return {"action": "retry_jobs", "expected_count": 12, "reason": "because", **more}

    def test_an_action_is_done_step_by_step(self, jobs, here):
        body = self.body(filter={"prefix": "job"})

        tried = jobs("POST", "/v1/bulk", body, query="dry_run=true").json
        begun = jobs("POST", "/v1/bulk", body)
        place = begun.headers["Location"]
        first, last = jobs("POST", f"{place}/step"), jobs("POST", f"{place}/step")

        assert (tried["id"], len(tried["targets"])) == (None, 12)
        assert begun.json["digest"] == tried["digest"]
        assert (first.json["done"], first.json["is_over"]) == (10, False)
        assert (last.json["done"], last.json["is_over"]) == (12, True)
        assert jobs("GET", place).json == last.json
        assert len(here.queued()) == 12

    @pytest.mark.parametrize(
        ("change", "status"),
        [
            ({"filter": {}}, 422),
            ({}, 422),
            ({"ids": ["job-1"], "filter": {"prefix": "job"}}, 422),
            ({"filter": {"prefix": "job"}, "expected_count": 11}, 412),
            ({"ids": ["job-1"]}, 412),
            ({"ids": ["job-1/run"], "expected_count": 1}, 422),
            ({"ids": ["job-1"], "expected_count": 1, "reason": " "}, 422),
            ({"filter": {"prefix": "job", "error_group": "E: *"}}, 422),
            ({"filter": {"prefix": "job", "since": "2026-01-01T00:00:00Z"}}, 422),
            ({"filter": {"prefix": "job", "until": "2026-01-01T00:00:00Z"}}, 422),
            ({"filter": {"prefix": "job", "started_by": "ada"}}, 422),
            ({"filter": {"status": "DONE"}}, 422),
        ],
        ids=str,
    )
    def test_nothing_is_done_that_was_not_seen(self, jobs, change, status):
        assert jobs("POST", "/v1/bulk", self.body(**change)).status == status

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            ({"started_by": ""}, 422),
            ({"started_by": "ada"}, []),
            ({"job": "job-1"}, []),
            ({"job": "job-1", "until": "2026-11-10T00:00:00Z"}, ["job-1/old"]),
            ({"job": "job-1", "until": "2026-11-12T00:00:00Z"}, []),
        ],
        ids=str,
    )
    def test_the_usual_span_of_runs_ends_when_the_filter_does(self, jobs, wanted, found):
        at = datetime(2026, 11, 9, 12, tzinfo=UTC)
        put_run("job-1", "old", "FAILED", started_at=at, ended_at=iso(at))
        body = self.body(action="run_again", filter=wanted)

        answer = jobs("POST", "/v1/bulk", body, query="dry_run=true")

        seen = answer.json["targets"] if answer.status < 400 else answer.status
        assert seen == found

    def test_they_are_listed_page_by_page(self, jobs):
        for number in range(3):
            ids = [f"job-{each}" for each in range(number + 1)]
            body = self.body(ids=ids, expected_count=number + 1, reason=f"no. {number}")
            made = jobs("POST", "/v1/bulk", body, idempotency_key="one" if number == 1 else None)
        jobs("POST", f"{made.headers['Location']}/step")

        first = jobs("GET", "/v1/bulk", query="limit=2")
        second = following(jobs, first)

        lines = first.json["bulk_actions"] + second.json["bulk_actions"]
        assert [line["created_at"] for line in lines] == sorted(
            (line["created_at"] for line in lines), reverse=True
        )
        assert {(line["reason"], line["targets"], line["done"]) for line in lines} == {
            ("no. 0", 1, 0),
            ("no. 1", 2, 0),
            ("no. 2", 3, 3),
        }
        assert (first.json["complete"], second.json["next"]) == (True, None)

    def test_nothing_is_done_when_a_colleague_has_changed_what_was_seen(self, jobs, here):
        body = self.body(filter={"prefix": "job"})
        seen = jobs("POST", "/v1/bulk", body, query="dry_run=true").json["digest"]
        assert jobs("POST", "/v1/bulk", body | {"expected": seen}).status == 202

        here.jobs.remove(here.row("job-7"))
        key = {"job_name": {"S": "job-7"}}
        here.clients.dynamodb.delete_item(TableName="jobs-Stacks", Key=key)
        here.jobs.put(ROW | {"job_name": "job-12"})
        here.list_all()

        other = jobs("POST", "/v1/bulk", body | {"expected": seen})
        assert (other.status, other.slug) == (412, "stale")
        assert "but others" in other.json["detail"]

    def test_the_same_request_again_begins_nothing_new(self, jobs, here):
        body = self.body(filter={"prefix": "job"})
        begun = jobs("POST", "/v1/bulk", body, idempotency_key="one")
        here.jobs.put(ROW | {"job_name": "job-12"})  # so that the filter means others now
        here.list_all()

        again = jobs("POST", "/v1/bulk", body, idempotency_key="one")
        jobs("POST", f"{begun.headers['Location']}/step")
        later = jobs("POST", "/v1/bulk", body, idempotency_key="one")

        assert (begun.status, again.status, later.status) == (202, 202, 202)
        assert begun.headers["Idempotency-Replayed"] == "false"
        assert again.headers["Idempotency-Replayed"] == "true"
        assert again.json == begun.json
        assert later.json["id"] == begun.json["id"]
        assert later.json["done"] == 10
        assert jobs("POST", "/v1/bulk", body, idempotency_key="two").status == 412

    @pytest.mark.parametrize("change", [{"reason": "other"}, {"ids": ["job-1"], "filter": None}])
    def test_a_key_stands_for_one_request(self, jobs, change):
        body = self.body(filter={"prefix": "job"})
        jobs("POST", "/v1/bulk", body, idempotency_key="one")

        other = jobs("POST", "/v1/bulk", body | change, idempotency_key="one")

        assert (other.status, other.slug) == (422, "key-reused")

    def test_a_key_gives_nobody_more_rights(self, jobs):
        body = self.body(action="delete_jobs", ids=["job-1"], expected_count=1)
        begun = jobs("POST", "/v1/bulk", body, idempotency_key="one")
        operator = replace(jobs, authorizer=by_scopes("jobs/operate"))

        assert begun.status == 202
        assert operator("POST", "/v1/bulk", body, idempotency_key="one").status == 403

    def test_a_dry_run_uses_no_key_up(self, jobs):
        body = self.body(filter={"prefix": "job"})
        tried = jobs("POST", "/v1/bulk", body, query="dry_run=true", idempotency_key="one")

        assert tried.status == 202
        assert jobs("POST", "/v1/bulk", body | {"reason": "x"}, idempotency_key="one").status == 202

    @pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256])
    def test_what_is_not_a_key(self, jobs, key):
        body = self.body(filter={"prefix": "job"})

        assert jobs("POST", "/v1/bulk", body, idempotency_key=key).slug == "invalid-parameter"

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            ({"tag": "team=a"}, ["job-3/mine"]),
            ({"tag": "team"}, ["job-3/mine"]),
            ({"tag": "team=b"}, []),
            ({"type": "lambda", "job": "job-4"}, ["job-4/other"]),
            ({"status": "RUNNING", "prefix": "job-3"}, ["job-3/mine"]),
        ],
        ids=str,
    )
    def test_only_runs_of_jobs_that_match_are_stopped(self, jobs, here, wanted, found):
        here.jobs.put(ROW | {"job_name": "job-3", "tags": {"team": "a"}})
        here.list_all()
        put_run("job-3", "mine", "RUNNING", started_at=NOW - timedelta(days=40))
        put_run("job-4", "other", "RUNNING")

        body = self.body(action="stop_runs", filter=wanted, expected_count=0)
        tried = jobs("POST", "/v1/bulk", body, query="dry_run=true")

        assert tried.json["targets"] == found

    def test_rows_are_deleted_by_who_may_write_them(self, jobs):
        body = self.body(action="delete_jobs", ids=["job-1"], expected_count=1)

        operator = replace(jobs, authorizer=by_scopes("jobs/operate"))
        by_policy = replace(jobs, authorizer=by_iam())

        assert operator("POST", "/v1/bulk", body).status == 403
        assert by_policy("POST", "/v1/bulk", body).status == 403
        assert jobs("POST", "/v1/bulk", body).status == 202
