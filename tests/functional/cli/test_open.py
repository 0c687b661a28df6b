"""`provisioner open` over moto; a test's output is not a terminal, so no browser opens."""

from __future__ import annotations

import pytest

from tests.support.cli import OUTPUTS, put_run
from tests.support.rows import ROW

CONSOLE = "https://abc.execute-api.eu-west-1.amazonaws.com/"
WITH_CONSOLE = ("--stack", "seen")


@pytest.fixture
def seen(here):
    here.deploy("seen", OUTPUTS | {"ConsoleUrl": CONSOLE})
    here.jobs.put(ROW)
    put_run("report", "one", "FAILED", execution_arn="arn:x")
    return here


PAGES = {
    "the overview": ((), ""),
    "a job": (("report",), "jobs/report"),
    "a run": (("report", "one"), "jobs/report/runs/one"),
}


@pytest.mark.parametrize(("arguments", "path"), PAGES.values(), ids=PAGES)
def test_the_address_is_printed(seen, arguments, path):
    result = seen.run("open", *arguments, *WITH_CONSOLE)

    assert result.stdout == f"{CONSOLE}{path}\n"


WRONG = {
    "no such job": (("raport",), 'there is no job raport; did you mean "report"?'),
    "no such run": (("report", "two"), 'report has no run "two"'),
}


@pytest.mark.parametrize(("arguments", "words"), WRONG.values(), ids=WRONG)
def test_what_is_not_there(seen, arguments, words):
    result = seen.run("open", *arguments, *WITH_CONSOLE)

    assert result.exit_code == 1
    assert words in " ".join(result.stderr.split())


def test_a_bootstrap_without_a_console(here):
    result = here.run("open")

    assert result.exit_code == 1
    assert "jobs has no console: deploy it with the parameter Console" in result.stderr
