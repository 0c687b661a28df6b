from __future__ import annotations

import json

import pytest

from provisioner.aws.clients import client
from provisioner.stack import JobStatus
from tests.support.cli import ROW, put_run

ECHO = {"Type": "Pass", "End": True}
ENDLESS = {"Type": "Wait", "Seconds": 3600, "End": True}
FAILING = {"Type": "Fail", "Error": "ValueError", "Cause": "no good"}


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
            "_run": {"source": "manual"},
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
            ("{", "--payload: no valid JSON"),
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
        listed = client("stepfunctions").list_executions(stateMachineArn=machine)
        assert listed["executions"] == []

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
            client("stepfunctions").stop_execution(executionArn=execution["executionArn"])
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

    def test_a_run_that_goes_on(self, job):
        job.make_runnable(ENDLESS)

        result = job.run("run", "report", "--wait", "--timeout", "0.3s")

        assert result.exit_code == 7
        assert "has not ended yet" in result.stderr

    def test_a_job_without_a_stack(self, job):
        result = job.run("run", "report")

        assert result.exit_code == 1
        assert "report has no stack yet, it is PENDING" in result.stderr

    @pytest.mark.parametrize("command", ["run", "logs", "runs", "get", "delete"])
    def test_a_job_that_does_not_exist(self, job, command):
        job.save("gone", status=JobStatus.DELETED)

        result = job.run(command, "reports")

        assert result.exit_code == 1
        assert result.stderr == 'Error: there is no job reports; did you mean "report"?\n'
