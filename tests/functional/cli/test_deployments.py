"""`provisioner deployments`, `rollback` and `unpin` over moto."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from provisioner.runs.model import iso
from tests.support.cli import put_run
from tests.support.deployments import pushed_twice, write
from tests.support.rows import ROW


@pytest.fixture
def pushed(here):
    """Return the versions of two deployments of the same row."""
    return pushed_twice(here, ROW | {"environment": {"LEVEL": "hunter2"}})


def test_deployments_are_listed(here, pushed):
    result = here.run("deployments", "report")

    header, second, first = (line.split() for line in result.stdout.splitlines())
    assert header == ["NUMBER", "SINCE", "CAUSE", "BY", "ROW", "CODE"]
    assert (second[0], first[0]) == ("2", "1")
    assert second[-1] == f"s3://jobs-bundles/report.zip?versionId={pushed[1]}"
    assert 'Go back with "provisioner rollback report"' in result.stderr
    found = json.loads(here.run("deployments", "report", "-o", "json").stdout)
    assert [(each["number"], each["cause"], each["current"]) for each in found] == [
        (2, "push", True),
        (1, "row", False),
    ]
    assert {*found[0]} == {
        *("number", "at", "cause", "by", "artifact", "pinned", "row_version"),
        *("template_version", "current", "canary"),
    }


def test_a_canary_is_shown_until_it_is_rolled_back(here):
    pushed_twice(here, ROW | {"deploy": {"canary": {"runs": 2}}})
    at = here.record().deployments[0].at + timedelta(minutes=1)
    put_run("report", "first", "SUCCEEDED", started_at=at, ended_at=iso(at))
    going_on = "1 of 2 runs succeeded; the first that fails rolls the job back to deployment 1"

    assert f"Canary of deployment 2: {going_on}." in here.run("deployments", "report").stdout
    assert going_on in here.run("get", "report").stdout
    found = json.loads(here.run("get", "report", "-o", "json").stdout)["canary"]
    assert found.pop("since") == iso(here.record().deployments[0].at)
    assert found == {
        "deployment": 2,
        "runs": 2,
        "succeeded": 1,
        "state": "running",
        "run": None,
        "rolls_back_to": 1,
    }
    put_run("report", "second", "FAILED", started_at=at, ended_at=iso(at))
    later = "failed: run second failed; it is rolled back to deployment 1"
    assert later in here.run("deployments", "report").stdout


def test_a_job_without_any(here):
    here.jobs.put(ROW)

    assert "never been deployed" in here.run("deployments", "report").stderr
    assert json.loads(here.run("deployments", "report", "-o", "json").stdout) == []


def test_a_rollback_is_shown_asked_and_in_the_audit(here, pushed):
    shown = here.run("rollback", "report", "--dry-run")
    assert ["pin", "added"] in [line.split()[:2] for line in shown.stdout.splitlines()]
    assert "nothing was written" in shown.stderr
    refused = here.run("rollback", "report", stdin="n\n")
    assert "This changes pin in the row. Roll report back to deployment 1?" in refused.stderr
    assert "pin" not in here.row()

    result = here.run("rollback", "report", "--to", "1", "--yes")

    assert "report is being rolled back to deployment 1;" in result.stderr
    assert here.row()["pin"]["version"] == pushed[0]
    (entry,) = json.loads(here.run("audit", "report", "-o", "json").stdout)
    assert (entry["action"], entry["detail"]) == ("roll_back", "deployment 1")
    assert "hunter2" not in json.dumps(entry)


def test_unpin(here, pushed):
    write(here, ROW | {"pin": {"version": pushed[0]}})

    assert "the newest code is being deployed" in here.run("unpin", "report").stderr
    assert here.row() == ROW
    assert "is not pinned" in here.run("unpin", "report").stderr
    (entry,) = json.loads(here.run("audit", "report", "-o", "json").stdout)
    assert (entry["action"], entry["detail"]) == ("unpin", f"from version {pushed[0]}")


@pytest.mark.usefixtures("pushed")
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["deployments", "other"], 1),
        (["rollback", "other", "--yes"], 1),
        (["rollback", "report", "--to", "9", "--yes"], 1),
        (["rollback", "report", "--to", "2", "--yes"], 1),
        (["rollback", "report", "--to", "0"], 2),
        (["unpin", "other"], 1),
    ],
    ids=str,
)
def test_what_cannot_be(here, arguments, code):
    result = here.run(*arguments)

    assert result.exit_code == code
    assert result.stdout == ""
