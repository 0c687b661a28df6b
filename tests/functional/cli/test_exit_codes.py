"""Every row of the documented table of exit codes, on the command as a shell calls it."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from provisioner.cli.commands import app
from provisioner.cli.exits import ExitCode
from provisioner.cli.session import using
from provisioner.jobs import FieldError
from provisioner.stacks.model import Failure, JobStatus
from tests.support.cli import NOW
from tests.support.clients import CLIENTS
from tests.support.executions import recorded
from tests.support.rows import ROW
from tests.support.waiting import wait_until

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"
DONE = {"Type": "Succeed"}
ENDLESS = {"Type": "Wait", "Seconds": 3600, "End": True}
RUN = ("run", "report", "--timeout", "20s")
DAY = ("--from", "2026-10-22", "--to", "2026-10-24")
WHY = Failure("no such subnet", NOW, "Function")
CONTRACT = {"type": "object", "required": ["day"]}


def documented():
    """Return the first column of the table."""
    section = PAGE.read_text().partition("## Exit codes")[2].partition("\n## ")[0]
    return re.findall(r"^\| (\d.*?) \|", section, re.MULTILINE)


def of(*arguments):
    """Return a scenario: a command of a job that could run."""

    def scenario(here):
        here.make_runnable(ENDLESS)
        return here.run(*arguments).exit_code

    return scenario


def of_run(status, *options, **attributes):
    """Return a scenario: a run that ends so, and is waited for."""

    def scenario(here):
        here.make_runnable(DONE)
        write_a_line()
        with recorded("report", status, **attributes):
            return here.run(*RUN, *options).exit_code

    return scenario


def write_a_line():
    at = int(datetime.now(UTC).timestamp() * 1000) + 600_000  # of the run, however late it starts
    group, logs = "/jobs/report", CLIENTS.logs
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="one")
    lines = [{"timestamp": at, "message": "a line"}]
    logs.put_log_events(logGroupName=group, logStreamName="one", logEvents=lines)


def of_failure(*arguments, status, gone=False):
    """Return a scenario: what a command asks for fails while it waits."""

    def scenario(here):
        here.save(status=JobStatus.READY)
        result = here.start(*arguments, "--wait")
        wait_until(lambda: not here.row() if gone else here.queued(), "the command")
        digest = None if gone else here.digest()
        error = (FieldError("network", "is not allowed"),)
        here.save(status=status, failure=WHY, errors=error, spec_digest=digest)
        assert result.result(10).stderr
        return result.result().exit_code

    return scenario


def apply(here, *options, row=ROW):
    path = here.folder / "row.yaml"
    path.write_text(yaml.safe_dump(row))
    return here.start("apply", str(path), *options)


def applied(*, status):
    """Return a scenario: the row that is applied does not become a stack."""

    def scenario(here):
        result = apply(here, "--wait", row=ROW | {"memory_mb": 512})
        wait_until(lambda: "memory_mb" in here.row(), "the row")
        error = (FieldError("network", "is not allowed"),)
        here.save(status=status, failure=WHY, errors=error, spec_digest=here.digest())
        return result.result(10).exit_code

    return scenario


def retry_continues(here):
    here.save(status=JobStatus.FAILED, failure=WHY, spec_digest=here.digest())
    return here.run("retry", "report", "--wait", "--timeout", "0.3s").exit_code


def apply_continues(here):
    options = ("--wait", "--timeout", "0.3s")
    return apply(here, *options, row=ROW | {"memory_mb": 512}).result(10).exit_code


def payload_does_not_fit(here):
    here.jobs.put(ROW | {"payload_schema": CONTRACT})
    return of("run", "report")(here)


def interrupted(here):
    """Press Ctrl-C when the run is first asked about."""
    machine = here.make_runnable(ENDLESS)
    events, event = CLIENTS.dynamodb.meta.events, "after-call.dynamodb.Query"

    def interrupt(**_):
        events.unregister(event, interrupt)
        raise KeyboardInterrupt

    events.register(event, interrupt)
    result = here.run("run", "report", "--wait")
    (execution,) = CLIENTS.stepfunctions.list_executions(stateMachineArn=machine)["executions"]
    assert execution["status"] == "RUNNING"
    assert "continues" in result.stderr
    return result.exit_code


def unread(option, *streams):
    """Return a scenario: what a run prints is read no more."""

    def scenario(here):
        here.make_runnable(ENDLESS)
        write_a_line()
        with contextlib.ExitStack() as stack:
            stack.enter_context(using(CLIENTS))
            stack.enter_context(recorded("report", "RUNNING"))
            patched = stack.enter_context(pytest.MonkeyPatch.context())
            for name in streams:
                reading, writing = os.pipe()
                os.close(reading)
                patched.setattr(sys, name, stack.enter_context(os.fdopen(writing, "w")))
            with pytest.raises(SystemExit) as ended:
                app([*RUN, option])
        return ended.value.code

    return scenario


SCENARIOS = {
    "0": {
        "done": of("get"),
        "succeeded": of_run("SUCCEEDED", "--wait"),
    },
    "1": {
        "an error": of("get", "nobody"),
        "apply: FAILED": applied(status=JobStatus.FAILED),
        "apply: INVALID": applied(status=JobStatus.INVALID),
        "retry: FAILED": of_failure("retry", "report", status=JobStatus.FAILED),
        "retry: INVALID": of_failure("retry", "report", status=JobStatus.INVALID),
        "delete: FAILED": of_failure(
            "delete", "report", "--yes", status=JobStatus.FAILED, gone=True
        ),
    },
    "2": {
        "no such option": of("get", "--sideways"),
        "no such command": of("gte"),
        "a payload that does not fit": payload_does_not_fit,
        "an override that is not allowed": of("run", "report", "--cpu", "512"),
    },
    "3": {"failed": of_run("FAILED", "--wait", exit_code=42)},
    "4": {"timed out": of_run("TIMED_OUT", "--wait")},
    "5": {"stopped": of_run("STOPPED", "--wait")},
    "6": {"skipped": of_run("SKIPPED", "--wait")},
    "7": {
        "run": of("run", "report", "--wait", "--timeout", "0.3s"),
        "apply": apply_continues,
        "retry": retry_continues,
        "delete": of("delete", "report", "--yes", "--wait", "--timeout", "0.3s"),
        "backfill": of("backfill", "report", *DAY, "--timeout", "0s"),
    },
    "1 to 255": {
        f"its own {code}": of_run("FAILED", "--follow", exit_code=code) for code in (1, 42, 255)
    },
    "130": {"Ctrl-C": interrupted},
    "141": {
        "run --follow | head -1": unread("--follow", "stdout"),
        "run --wait 2>&1 | head -1": unread("--wait", "stdout", "stderr"),
    },
}


@pytest.fixture
def bootstrap(here, tmp_path):
    here.jobs.put(ROW | {"schedule": "cron(0 6 * * ? *)"})
    here.folder = tmp_path
    return here


@pytest.mark.parametrize(
    ("documented_code", "name", "scenario"),
    [(code, *scenario) for code, found in SCENARIOS.items() for scenario in found.items()],
    ids=[f"{code}-{name}" for code, found in SCENARIOS.items() for name in found],
)
def test_a_command_ends_with(bootstrap, documented_code, name, scenario):
    code = scenario(bootstrap)

    assert str(code) == documented_code or name == f"its own {code}"


def test_the_table_is_whole():
    assert sorted(documented()) == sorted(SCENARIOS)
    assert {str(code.value) for code in ExitCode} <= {*SCENARIOS}
