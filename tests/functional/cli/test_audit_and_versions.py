"""`provisioner audit`, `versions`, `diff` and `restore` over moto."""

from __future__ import annotations

import json

import pytest

from provisioner.audit.versions import Written
from tests.support.cli import NOW
from tests.support.rows import ROW

LARGER = ROW | {"memory_mb": 512, "environment": {"LEVEL": "hunter2"}}


@pytest.fixture
def changed(here):
    here.jobs.put(LARGER)
    for sequence, (before, after) in enumerate([(None, ROW), (ROW, LARGER)], start=1):
        here.service.row_versions.record(Written("report", str(sequence), NOW, before, after))
    return here


def lines(result):
    assert result.exit_code == 0, result.stderr
    return [line.split() for line in result.stdout.splitlines()]


def test_versions_are_listed(changed):
    header, second, first = lines(changed.run("versions", "report"))

    assert header == ["VERSION", "WHEN", "BY", "CHANGED"]
    assert second[0], second[-2:] == ("2", ["environment.LEVEL,", "memory_mb"])
    assert first[0] == "1"
    found = json.loads(changed.run("versions", "report", "-o", "json").stdout)
    assert [(each["version"], each["by"]) for each in found] == [(2, None), (1, None)]


def test_a_difference_shows_no_value_of_a_variable(changed):
    result = changed.run("diff", "report")

    assert lines(result)[1:] == [
        ["environment.LEVEL", "added", "…"],
        ["memory_mb", "added", "512"],
    ]
    as_json = json.loads(
        changed.run("diff", "report", "--from", "1", "--to", "2", "-o", "json").stdout
    )
    assert as_json[0]["after"] == "hunter2"
    assert "The two versions are the same" in changed.run("diff", "report", "--from", "2").stderr


def test_the_audit_is_filtered(changed):
    changed.run("restore", "report", "1", "--yes")

    def found(*options):
        return json.loads(changed.run("audit", *options, "-o", "json").stdout)

    assert len(found("--action", "restore_version", "--outcome", "done", "--since", "1h")) == 1
    assert found("report", "--action", "stop_run") == []
    assert found("--outcome", "refused") == []
    assert found("--by", "nobody") == []
    assert found("--until", "1h") == []


def test_a_version_is_restored_and_the_audit_has_it(changed):
    result = changed.run("restore", "report", "1", "--yes")

    assert "is restored" in result.stderr
    assert changed.row() == ROW
    (entry,) = json.loads(changed.run("audit", "report", "-o", "json").stdout)
    assert (entry["action"], entry["detail"]) == ("restore_version", "version 1")
    assert (entry["proven"], entry["via"], entry["outcome"]) == (False, "cli", "done")
    assert [each["path"] for each in entry["changes"]] == ["environment.LEVEL", "memory_mb"]
    assert "hunter2" not in json.dumps(entry)


def test_restoring_asks_first(changed):
    result = changed.run("restore", "report", "1", stdin="n\n")

    assert "This changes environment.LEVEL, memory_mb." in result.stderr
    assert changed.row() == LARGER
    assert "already" in changed.run("restore", "report", "2", "--yes").stderr


def test_a_deleted_job_is_restored(changed):
    changed.run("delete", "report", "--yes")

    assert "is restored" in changed.run("restore", "report", "2", "--yes").stderr
    assert changed.row() == LARGER


def test_the_audit_of_all_jobs(changed):
    changed.run("retry", "report")
    changed.run("delete", "report", "--yes")

    header, *shown = lines(changed.run("audit", "--since", "1h"))

    assert header == ["WHEN", "ACTION", "JOB", "RUN", "OUTCOME", "BY", "VIA", "FROM"]
    assert "delete_row" in shown[0]
    assert "says" in shown[0]
    assert "retry_job" in shown[-1]
    assert "Nothing has been recorded" in changed.run("audit", "other").stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["versions", "other"], 1),
        (["diff", "report", "--from", "9"], 1),
        (["restore", "report", "9", "--yes"], 1),
        (["audit", "--run", "x"], 2),
        (["audit", "--since", "99999999999999d"], 2),
    ],
    ids=str,
)
def test_what_cannot_be(changed, arguments, code):
    result = changed.run(*arguments)

    assert result.exit_code == code
    assert result.stdout == ""
