"""The commands that pages with forms show are those that do the same: executed, as far as a try."""

from __future__ import annotations

import json

import pytest

from tests.support.console_world import commands_of
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
