from __future__ import annotations

import contextlib
import json
import os
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest

from provisioner.aws.logs import LogEvent
from provisioner.cli.commands import app
from provisioner.cli.run import OverlapOption
from provisioner.cli.session import using
from provisioner.cli.watching import Watch, exit_code, print_late
from provisioner.errors import ThrottledError
from provisioner.jobs import OVERLAPS
from provisioner.runs.model import iso
from provisioner.stacks.model import JobStatus
from tests.support.cli import put_run
from tests.support.clients import CLIENTS
from tests.support.executions import recorded, stop_execution
from tests.support.rows import NOW, ROW

ECHO = {"Type": "Pass", "End": True}
ENDLESS = {"Type": "Wait", "Seconds": 3600, "End": True}
CONTAINER = {"job_name": "crunch", "type": "ecs", "image": "busybox:1"}
SCHEMA = {
    "type": "object",
    "required": ["day"],
    "properties": {"day": {"type": "string"}, "n": {"type": "integer"}},
}
FAILING = {"Type": "Fail", "Error": "ValueError", "Cause": "no good"}


class TestClosedPipe:
    """Nobody reads on: that is no error, and no answer to how a run ended."""

    @pytest.fixture
    def unread(self, monkeypatch):
        reading, writing = os.pipe()
        os.close(reading)
        with contextlib.closing(os.fdopen(writing, "w")) as stream:
            monkeypatch.setattr(sys, "stdout", stream)
            yield
            monkeypatch.undo()

    @pytest.fixture
    def failing(self, here):
        here.jobs.put(ROW)
        here.make_runnable(FAILING)
        ended = {"error": "ValueError", "output": "{}"}
        put_run("report", "of-before", "FAILED", started_at=datetime.now(UTC), **ended)
        with using(CLIENTS), recorded("report", "FAILED", **ended):
            yield

    @pytest.mark.usefixtures("failing", "unread")
    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            (["get"], 0),
            (["runs", "report"], 0),
            (["run", "report", "--wait"], 3),
        ],
        ids=["get", "runs", "run --wait"],
    )
    def test_exit_codes(self, arguments, code):
        with pytest.raises(SystemExit) as ended:
            app(arguments)

        assert ended.value.code == code


class TestRun:
    @pytest.fixture
    def job(self, here):
        here.jobs.put(ROW)
        return here

    def test_prints_the_run_and_how_to_follow(self, job):
        machine = job.make_runnable(ECHO)

        result = job.run("run", "report", "--payload", '{"day": "2026-11-20"}')

        assert result.exit_code == 0
        execution = job.wait_for_execution(machine)
        assert result.stdout == f"{execution['name']}\n"
        assert "provisioner logs report --follow" in result.stderr
        assert json.loads(execution["input"]) == {
            "day": "2026-11-20",
            "_run": {"source": "manual", "by": CLIENTS.sts.get_caller_identity()["Arn"]},
        }

    def test_payload_from_a_file_and_from_stdin(self, job, tmp_path):
        machine = job.make_runnable(ECHO)
        path = tmp_path / "payload.json"
        path.write_text('{"n": 1.5}')

        assert job.run("run", "report", "--payload", f"@{path}").exit_code == 0
        assert json.loads(job.wait_for_execution(machine)["input"])["n"] == 1.5
        assert job.run("run", "report", "--payload", "-", stdin="[]").exit_code == 1

    @pytest.mark.parametrize(
        ("payload", "words"),
        [
            ("{", "--payload: is not valid JSON"),
            ('{"day": 1, "day": 2}', '--payload: is not valid JSON: an object has "day" twice'),
            ('{"a": 1e999}', "1e999 is out of range"),
            ('{"a": NaN}', "NaN is out of range"),
            ("[1]", "must be a JSON object, not a list"),
            ('{"_run": {}}', '"_run" is set by the provisioner'),
            ("@nowhere.json", "nowhere.json: No such file"),
        ],
    )
    def test_bad_payload_starts_nothing(self, job, payload, words):
        machine = job.make_runnable(ECHO)

        result = job.run("run", "report", "--payload", payload)

        assert result.exit_code == 1
        assert words in result.stderr
        listed = CLIENTS.stepfunctions.list_executions(stateMachineArn=machine)
        assert listed["executions"] == []

    def test_no_number_of_a_payload_is_changed(self, job):
        job.make_runnable(ECHO)

        result = job.run("run", "report", "--payload", '{"a": 9007199254740993}')

        assert result.exit_code == 2
        assert ".a is 9007199254740993, of which a workflow would drop digits" in result.stderr

    @pytest.mark.parametrize(
        ("status", "states", "code"),
        [
            ("SUCCEEDED", ECHO, 0),
            ("FAILED", FAILING, 3),
            ("TIMED_OUT", FAILING, 4),
            ("STOPPED", ENDLESS, 5),
            ("SKIPPED", ECHO, 6),
        ],
    )
    def test_the_row_decides_the_exit_code(self, job, status, states, code):
        machine = job.make_runnable(states)

        result = job.start("run", "report", "--wait", "--timeout", "20s")
        execution = job.wait_for_execution(machine)
        if status == "STOPPED":
            stop_execution(execution["executionArn"])
        put_run(
            "report",
            execution["name"],
            status,
            started_at=execution["startDate"],
            duration_ms=1230,
            **({"output": '{"rows": 3}'} if status == "SUCCEEDED" else {"cause": "because"}),
        )

        assert result.result(20).exit_code == code
        assert f"report: {status}" in result.result().stderr
        assert "Took 1.23 s." in result.result().stderr
        if code:
            assert "because" in result.result().stderr
            assert result.result().stdout == ""
        else:
            assert json.loads(result.result().stdout) == {"rows": 3}

    def test_a_run_that_continues(self, job):
        job.make_runnable(ENDLESS)

        result = job.run("run", "report", "--wait", "--timeout", "0.3s")

        assert result.exit_code == 7
        assert "has not ended yet" in result.stderr

    def test_a_throttle_ends_no_waiting(self, job):
        job.make_runnable(ENDLESS)
        events, event = CLIENTS.dynamodb.meta.events, "before-call.dynamodb.Query"

        def throttle(**_):
            raise ThrottledError("Rate exceeded")

        events.register(event, throttle)
        try:
            result = job.run("run", "report", "--wait", "--timeout", "0.3s")
        finally:
            events.unregister(event, throttle)

        assert result.exit_code == 7
        assert "(Rate exceeded)" in result.stderr

    def test_a_large_output_is_where_it_says(self, job):
        job.make_runnable(ECHO)
        uri = "s3://jobs-artifacts/runs/report/output.json"

        with recorded("report", "SUCCEEDED", output=uri):
            result = job.run("run", "report", "--wait")

        assert result.stdout == f"{uri}\n"

    def test_a_job_without_a_stack(self, job):
        result = job.run("run", "report")

        assert result.exit_code == 1
        assert "report has no stack yet, it is PENDING" in result.stderr

    def test_a_job_whose_stack_could_not_be_created(self, job):
        job.save("report", status=JobStatus.FAILED)

        result = job.run("run", "report")

        assert result.exit_code == 1
        assert "report has no stack yet, it is FAILED" in result.stderr

    def test_tells_why_a_run_waits_and_then_what_it_logs(self, job):
        machine = job.make_runnable(ENDLESS)
        CLIENTS.logs.create_log_group(logGroupName="/jobs/report")
        CLIENTS.logs.create_log_stream(logGroupName="/jobs/report", logStreamName="a")
        answers = iter(
            [
                ("QUEUED", {"pending_reason": "waits in nothing"}, ()),
                ("RUNNING", {"pending_reason": "is number 2 in the queue jobs_low"}, ()),
                ("RUNNING", {"pending_reason": "is number 2 in the queue jobs_low"}, ("begins",)),
                ("SUCCEEDED", {"output": "{}"}, ("begins", "ends")),
            ]
        )

        def continues(**_):
            """Let the run be further each time that it was looked for."""
            found = CLIENTS.stepfunctions.list_executions(stateMachineArn=machine)["executions"]
            status, attributes, lines = next(answers, (None, {}, ()))
            if status is None or not found:
                return
            started_at = found[0]["startDate"]
            put_run("report", found[0]["name"], status, started_at=started_at, **attributes)
            at = int(datetime.now(UTC).timestamp() * 1000)
            for line in lines[-1:]:
                CLIENTS.logs.put_log_events(
                    logGroupName="/jobs/report",
                    logStreamName="a",
                    logEvents=[{"timestamp": at, "message": line}],
                )

        events, event = CLIENTS.dynamodb.meta.events, "after-call.dynamodb.Query"
        events.register(event, continues)
        try:
            result = job.run("run", "report", "--follow", "--timeout", "20s")
        finally:
            events.unregister(event, continues)

        assert result.exit_code == 0, result.stderr
        assert result.stderr.count("report is number 2 in the queue jobs_low") == 1
        assert "waits in nothing" not in result.stderr
        shown = result.stdout + result.stderr
        assert (shown.count("begins"), shown.count("ends")) == (1, 1)

    @pytest.mark.parametrize("command", ["run", "logs", "runs", "get", "delete"])
    def test_a_job_that_does_not_exist(self, job, command):
        job.save("gone", status=JobStatus.DELETED)

        result = job.run(command, "reports")

        assert result.exit_code == 1
        assert result.stderr == 'Error: there is no job reports; did you mean "report"?\n'


def asked(execution):
    """Return the run metadata of an execution, without the caller."""
    metadata = json.loads(execution["input"])["_run"]
    return {name: value for name, value in metadata.items() if name != "by"}


class TestContract:
    @pytest.fixture
    def machine(self, here):
        here.jobs.put(ROW | {"payload_schema": SCHEMA, "payload": {"n": 1}})
        return here.make_runnable(ECHO)

    @pytest.mark.parametrize(
        ("payload", "words"),
        [
            ("{}", ["payload.day is required"]),
            ('{"day": 1, "n": "x"}', ["payload.day must be text", "payload.n must be a whole"]),
        ],
        ids=["missing", "wrong"],
    )
    def test_a_payload_that_does_not_fit_starts_nothing(self, here, machine, payload, words):
        result = here.run("run", "report", "--payload", payload)

        assert result.exit_code == 2
        assert all(part in result.stderr for part in words)
        assert CLIENTS.stepfunctions.list_executions(stateMachineArn=machine)["executions"] == []

    def test_one_that_fits_does(self, here, machine):
        assert here.run("run", "report", "--payload", '{"day": "x"}').exit_code == 0
        assert here.wait_for_execution(machine)

    def test_a_bad_row_does_not_stop_its_stack_from_running(self, here, machine):
        here.jobs.put(ROW | {"payload_schema": {"type": "array"}})

        result = here.run("run", "report")

        assert result.exit_code == 0
        assert "was not checked: the row of report is INVALID" in result.stderr
        assert here.wait_for_execution(machine)


class TestIdempotencyKey:
    @pytest.fixture(params=[ECHO, ENDLESS], ids=["ended", "running"])
    def machine(self, here, request):
        here.jobs.put(ROW)
        return here.make_runnable(request.param)

    def run(self, here, *options):
        return here.run("run", "report", "--idempotency-key", "order 7", *options)

    def test_the_same_again_is_the_same_run(self, here, machine):
        first = self.run(here, "--payload", '{"n": 1}')
        here.wait_for_execution(machine)
        again = self.run(here, "--payload", '{"n": 1.0}')

        assert (first.exit_code, again.exit_code) == (0, 0)
        assert first.stdout == again.stdout
        assert (first.stderr.split(";")[0], again.stderr.split(";")[0]) == (
            "Started",
            "Started before",
        )
        assert len(first.stdout.strip()) == len("manual-") + 32
        listed = CLIENTS.stepfunctions.list_executions(stateMachineArn=machine)
        assert len(listed["executions"]) == 1

    @pytest.mark.parametrize(
        "options", [["--payload", '{"n": 2}'], ["--overlap", "allow"]], ids=["payload", "overlap"]
    )
    def test_something_else_is_refused(self, here, machine, options):
        self.run(here)
        here.wait_for_execution(machine)

        result = self.run(here, *options)

        assert result.exit_code == 1
        assert "was used before, for another request" in result.stderr

    def test_another_key_is_another_run(self, here, machine):
        self.run(here)
        here.run("run", "report", "--idempotency-key", "order 8")

        listed = CLIENTS.stepfunctions.list_executions(stateMachineArn=machine)
        assert len(listed["executions"]) == 2

    def test_an_empty_key_is_refused(self, here, machine):
        result = here.run("run", "report", "--idempotency-key", "")

        assert result.exit_code == 2
        assert CLIENTS.stepfunctions.list_executions(stateMachineArn=machine)["executions"] == []


class TestOverrides:
    @pytest.fixture
    def machine(self, here):
        here.jobs.put(CONTAINER | {"allow_overrides": ["command", "environment", "size"]})
        return here.make_runnable(ECHO, "crunch")

    def test_what_is_asked_for_is_passed_on(self, here, machine):
        options = [
            "--env",
            "DAY=a=b",
            "--env",
            "N=1",
            "--cpu",
            ".5",
            "--memory",
            "1024",
            "--overlap",
            "queue_one",
        ]
        result = here.run("run", "crunch", "--command", "sh -c 'echo $DAY'", *options)

        assert result.exit_code == 0, result.stderr
        assert asked(here.wait_for_execution(machine)) == {
            "source": "manual",
            "overlap": "queue_one",
            "overrides": {
                "command": ["sh", "-c", "echo $DAY"],
                "environment": {"DAY": "a=b", "N": "1"},
                "cpu": 512,
                "memory_mb": 1024,
            },
        }

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (["--env", "PAYLOAD=1"], "--env PAYLOAD is set for every container"),
            (["--env", "DAY"], '--env "DAY" must be NAME=VALUE'),
            (["--env", "A=1", "--env", "A=2"], "--env A is given twice"),
            (["--cpu", "3"], "--cpu must be one of"),
            (["--memory", "700"], "--memory is not a Fargate size"),
            (["--cpu", "4"], "Fargate has no task of 4096 CPU units and 512 MB"),
            (["--command", ""], "--command is empty"),
            (["--overlap", "queue"], "Invalid value for '--overlap': 'queue' is not one of"),
        ],
        ids=lambda value: value if isinstance(value, str) else " ".join(value),
    )
    def test_what_cannot_be_is_refused_before_anything_starts(self, here, machine, options, words):
        result = here.run("run", "crunch", *options)

        assert result.exit_code == 2
        assert words in " ".join(result.stderr.split())
        assert CLIENTS.stepfunctions.list_executions(stateMachineArn=machine)["executions"] == []

    def test_the_row_has_to_allow_it(self, here):
        here.jobs.put(CONTAINER)
        here.make_runnable(ECHO, "crunch")

        result = here.run("run", "crunch", "--cpu", "512")

        assert result.exit_code == 2
        assert 'the row\'s allow_overrides lacks "size"' in result.stderr

    def test_a_function_has_none(self, here):
        here.jobs.put(ROW)
        here.make_runnable(ECHO)

        result = here.run("run", "report", "--command", "x")

        assert result.exit_code == 2
        assert "only containers" in result.stderr

    def test_every_policy_can_be_asked_for(self):
        assert {*OverlapOption} == {*OVERLAPS}

    @pytest.mark.usefixtures("machine")
    def test_a_bad_row_allows_nothing(self, here):
        here.jobs.put(CONTAINER | {"cpu": 3})

        result = here.run("run", "crunch", "--command", "x")

        assert result.exit_code == 1
        assert "the row of crunch is INVALID" in result.stderr


class TestFollow:
    @pytest.fixture
    def job(self, here):
        here.jobs.put(CONTAINER)
        here.machine = here.make_runnable(ENDLESS, "crunch")
        logs = CLIENTS.logs
        logs.create_log_group(logGroupName="/jobs/crunch")
        logs.create_log_stream(logGroupName="/jobs/crunch", logStreamName="one")
        return here

    def print(self, *messages, at):
        CLIENTS.logs.put_log_events(
            logGroupName="/jobs/crunch",
            logStreamName="one",
            logEvents=[
                {"timestamp": int(at.timestamp() * 1000), "message": message}
                for message in messages
            ],
        )

    def test_the_lines_and_the_exit_code_are_the_jobs(self, job):
        result = job.start("run", "crunch", "--follow", "--timeout", "20s")
        execution = job.wait_for_execution(job.machine)
        self.print("before", at=execution["startDate"] - timedelta(minutes=5))
        self.print("first", "second", at=execution["startDate"] + timedelta(seconds=1))
        put_run(
            "crunch",
            execution["name"],
            "FAILED",
            started_at=execution["startDate"],
            exit_code=42,
            output='{"rows": 3}',
        )

        ended = result.result(20)
        assert ended.exit_code == 42
        assert [line.split()[-1] for line in ended.stdout.splitlines()] == ["first", "second"]
        assert "crunch: FAILED" in ended.stderr
        assert '"rows": 3' in ended.stderr

    def test_lines_that_have_to_wait_are_said_to_wait_once(self, job, capsys):
        begins = {"one": 0, "two": 1}
        for name, seconds in begins.items():
            at = NOW + timedelta(seconds=seconds)
            put_run("crunch", name, "RUNNING", started_at=at)
        self.print("whose?", at=NOW + timedelta(seconds=2))
        row = job.service.triggers.run("crunch", f"{iso(NOW)}#one")
        watch = Watch(job.service, "crunch", None, log_group="/jobs/crunch")

        for _ in range(2):
            watch._print_new(row)

        shown = capsys.readouterr()
        assert (shown.out, shown.err.count("when this one has ended")) == ("", 1)

    def test_a_run_that_waits_is_waited_for(self, job):
        result = job.start("run", "crunch", "--wait", "--timeout", "20s")
        execution = job.wait_for_execution(job.machine)
        put = partial(put_run, "crunch", execution["name"], started_at=execution["startDate"])
        put("QUEUED")
        stop_execution(execution["executionArn"])
        put("FAILED")

        assert result.result(20).exit_code == 3


@pytest.mark.parametrize(
    ("status", "own", "followed", "code"),
    [
        ("FAILED", 42, True, 42),
        ("FAILED", 42, False, 3),
        ("FAILED", None, True, 3),
        ("FAILED", 0, True, 3),
        ("TIMED_OUT", 137, True, 137),
        ("SUCCEEDED", 9, True, 0),
        ("SKIPPED", None, True, 6),
    ],
    ids=["its own", "not followed", "none", "zero", "timed out", "ignored", "skipped"],
)
def test_the_exit_code(status, own, followed, code):
    row = {"status": status} | ({} if own is None else {"exit_code": Decimal(own)})

    assert exit_code(row, followed=followed) == code


def test_late_lines_are_waited_for_until_no_more_come(capsys):
    batches = iter([["a"], [], ["b"], [], [], []])
    now = 0.0

    def sleep(seconds):
        nonlocal now
        now += seconds

    print_late(lambda: [LogEvent(0, "one", text) for text in next(batches, [])], lambda: now, sleep)

    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()] == ["a", "b"]


def test_lines_without_end_are_not_waited_for(capsys):
    now = 0.0

    def sleep(seconds):
        nonlocal now
        now += seconds

    print_late(lambda: [LogEvent(0, "one", f"line {now}")], lambda: now, sleep)

    assert 10 < len(capsys.readouterr().out.splitlines()) < 40


def test_the_drift_of_a_deleted_state_machine_is_detected(here):
    here.jobs.put(ROW)
    machine = here.make_runnable(ECHO)
    CLIENTS.stepfunctions.delete_state_machine(stateMachineArn=machine)

    result = here.run("run", "report")

    assert result.exit_code == 1
    assert "provisioner retry report" in result.stderr
    assert here.queued() == [{"job_name": "report", "detect_drift": True}]
