"""The commands that pages show are those that do the same: executed, some as a dry run only."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from provisioner.audit.versions import Written
from provisioner.aws.row_versions import RowVersions
from provisioner.runs.model import iso
from tests.support.cli import NOW, put_run
from tests.support.clients import CLIENTS
from tests.support.console_world import commands_of
from tests.support.deployments import pushed_twice
from tests.support.executions import put_running, start_execution
from tests.support.rows import ROW

SCHEDULED = ROW | {"schedule": "cron(0 6 * * ? *)"}
PAGES = {
    "/jobs/report/run": "run",
    "/jobs/report/edit": "apply",
    "/new": "apply",
    "/jobs/report/backfill": "backfill",
}


@pytest.fixture
def ready(here, tmp_path, monkeypatch):
    here.jobs.put(SCHEDULED)
    here.make_runnable({"Type": "Succeed"})
    monkeypatch.chdir(tmp_path)
    (tmp_path / "row.json").write_text(json.dumps(SCHEDULED))
    return here


@pytest.mark.parametrize(("path", "name"), PAGES.items(), ids=PAGES)
def test_the_command_of_a_page_works_as_a_try(ready, browser, path, name):
    commands = commands_of(browser.get(path).html)

    assert [command[0] for command in commands] == [name]
    for command in commands:
        done = ready.run(*command, "--dry-run")
        assert done.exit_code == 0, (command, done.stderr)


@pytest.fixture
def changed(ready):
    """Let a job have deployments, versions, and another one a run."""
    pushed_twice(ready, SCHEDULED)
    rows = [None, SCHEDULED, SCHEDULED | {"memory_mb": 256}, SCHEDULED]
    versions = RowVersions(CLIENTS, "jobs-Audit", 400, lambda: NOW)
    for number, (before, after) in enumerate(pairwise(rows), 1):
        at = NOW + timedelta(minutes=number)
        versions.record(Written("report", str(100 + number), at, before, after))
    ready.jobs.put(ROW | {"job_name": "endless"})
    machine = ready.make_runnable({"Type": "Wait", "Seconds": 3600, "End": True}, "endless")
    arn = start_execution(machine, "one")
    put_running("endless", arn)
    return ready


DOING = {
    "/jobs/endless/runs/one/stop": (["stop", "endless", "one"], []),
    "/jobs/report/retry": (["retry", "report"], []),
    "/jobs/report/versions/1": (["restore", "report", "1"], ["--yes"]),
    "/jobs/report/rollback?to=1": (["rollback", "report", "--to", "1"], ["--yes"]),
    "/jobs/report/delete": (["delete", "report"], ["--yes"]),
    "/jobs/report/unpin": (["unpin", "report"], []),
    "/jobs/report/resume": (["resume", "report"], []),
}


@pytest.mark.parametrize(("path", "does"), DOING.items(), ids=DOING)
def test_the_command_of_a_confirmation_does_it(changed, browser, path, does):
    command, more = does
    if "unpin" in path:
        changed.jobs.put(changed.row() | {"pin": {"version": "1", "note": "old"}})
    if "resume" in path:
        changed.jobs.put(changed.row() | {"schedule_enabled": False})

    assert commands_of(browser.get(path).html) == [command]
    done = changed.run(*command, *more)
    assert done.exit_code == 0, done.stderr


def test_what_no_command_does_shows_none(changed, browser):  # noqa: ARG001
    assert commands_of(browser.get("/jobs/report/pause").html) == []


LISTS = {
    "/runs?started_by=ada": {"of-ada", "of-ada-too"},
    "/runs?started_by=ada&status=FAILED": {"of-ada-too"},
    "/runs?status=FAILED": {"of-ada-too", "failed"},
    "/runs?status=RUNNING": {"runs-on"},
    "/runs?job=report&started_by=ada": {"of-ada"},
    "/runs?tag=team": {"of-ada"},
    "/runs?until=2026-11-20T09:00Z": {"of-ada"},
    "/runs?since=2026-11-20T09:00:01Z": {"of-ada-too", "failed", "runs-on"},
}


@pytest.fixture
def listed(ready):
    """Let runs of two jobs be days and weeks old."""
    ready.jobs.put(ROW | {"tags": {"team": "data"}})
    ready.make_runnable({"Type": "Succeed"})
    put_run("report", "of-ada", "SUCCEEDED", started_at=DAY, started_by="ada", ended_at=iso(DAY))
    for name, more in {"of-ada-too": {"started_by": "ada"}, "failed": {}}.items():
        at = DAY + timedelta(days=3)
        put_run("other", name, "FAILED", started_at=at, ended_at=iso(at), **more)
    put_run("other", "runs-on", "RUNNING", started_at=DAY + timedelta(days=2))
    ready.list_all()
    return ready


DAY = datetime(2026, 11, 20, 8, tzinfo=UTC)


@pytest.mark.parametrize(("path", "runs"), LISTS.items(), ids=LISTS)
def test_the_command_of_a_list_shows_the_same_runs(listed, browser, path, runs):
    page = browser.get(path).html
    [command] = commands_of(page)
    shown = json.loads(listed.run(*command, "-o", "json").stdout)

    assert set(re.findall(r'class="mono">([a-z-]+)</a>', page)) == runs
    assert {each["trigger_id"].partition("#")[2] for each in shown} == runs
