from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from provisioner.aws.upgrade_table import UpgradeTable
from provisioner.cli import upgrade
from provisioner.jobs.row_summary import RowSummary
from provisioner.runs.model import iso
from provisioner.stacks.model import JobStatus, StackRecord
from provisioner.stacks.upgrade import (
    FailureKind,
    UpgradeFailure,
    UpgradeProgress,
    UpgradeStatus,
    pause,
)
from tests.support.cli import NOW, OUTPUTS
from tests.support.clients import CLIENTS


@pytest.fixture
def jobs(here):
    """Three jobs, one of them of this release."""
    for name, version, status in (
        ("old", "before", JobStatus.READY),
        ("older", None, JobStatus.PAUSED),
        ("new", OUTPUTS["TemplateVersion"], JobStatus.READY),
    ):
        record = StackRecord(
            name,
            status=status,
            deployed_digest="d",
            template_version=version,
            updated_at=NOW,
            row=RowSummary(type="lambda"),
        )
        here.stacks.save(record)
    return here


@pytest.fixture
def table():
    return UpgradeTable(CLIENTS, "jobs-Triggers")


def test_outdated_jobs_are_listed(jobs):
    result = jobs.run("get", "--outdated")

    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == ["old", "older"]


def test_a_dry_run_starts_nothing(jobs, table):
    result = jobs.run("upgrade", "--dry-run")

    assert result.exit_code == 0
    assert result.stdout.splitlines()[1].split() == ["lambda", "2", "1"]
    assert "Not READY, so left as they are: 1." in result.stderr
    assert table.get() is None


def test_the_report_says_what_changes_and_of_how_many_jobs(capsys):
    change = {"verb": "replaced", "type": "AWS::SQS::Queue", "property": "", "jobs": 2}
    found = {"outdated": 9, "compared": 4, "differences": [{**change, "example": "old"}]}
    sweep = SimpleNamespace(call=lambda _: found)

    upgrade._show_report(SimpleNamespace(sweep_function=sweep))

    shown = capsys.readouterr()
    assert shown.out.splitlines()[1].split() == ["replaced", "AWS::SQS::Queue", "-", "2", "old"]
    assert "Compared with their stacks: 4 of 9 READY jobs" in shown.err


def test_without_an_answer_it_says_so(capsys):
    sweep = SimpleNamespace(call=lambda _: None)  # of functions of an earlier release

    upgrade._show_report(SimpleNamespace(sweep_function=sweep))

    assert "is not known" in capsys.readouterr().err


def test_it_asks_first(jobs, table):
    result = jobs.run("upgrade", stdin="n\n")

    assert result.exit_code == 1
    assert "Update the stacks of 2 jobs in 3 waves?" in result.stderr
    assert table.get() is None


def test_it_starts_with_what_was_asked_for_and_is_in_the_audit(jobs, table):
    words = ["--wave", "10%", "--wave", "100", "--soak", "1h", "--pause-on-failures", "3"]

    result = jobs.run("upgrade", *words, "--yes")

    assert result.exit_code == 0
    kept = table.get()
    assert result.stdout.splitlines()[-1].split() == ["RUNNING", kept.id]
    assert (kept.waves, kept.soak, kept.pause_on_failures) == ((10, 100), timedelta(hours=1), 3)
    assert "start_upgrade" in jobs.run("audit").stdout


def test_only_one_upgrade_runs_at_a_time(jobs):
    jobs.run("upgrade", "--yes")

    result = jobs.run("upgrade", "--yes")

    assert result.exit_code == 1
    assert "is RUNNING: resume or abort it first" in result.stderr


@pytest.mark.parametrize("more", ["--yes", "--dry-run"])
@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--wave", "50%"], "the waves 50% are not valid"),
        (["--wave", "half"], '"half" is not a percentage: write 5%'),
        (["--soak", "8d"], "the soak time must be from 0 seconds to 7 days"),
        (["--pause-on-failures", "0"], "pause_on_failures must be from 1 to 100"),
    ],
    ids=["waves", "percent", "soak", "failures"],
)
def test_what_is_not_valid(jobs, table, words, problem, more):
    result = jobs.run("upgrade", *words, more)

    assert result.exit_code == 2
    assert problem in " ".join(result.stderr.replace("│", " ").split())
    assert table.get() is None


def test_nothing_is_outdated(here):
    assert "No job is outdated." in here.run("upgrade").stderr


def test_there_was_none_yet(here):
    assert "there has been no upgrade yet" in here.run("upgrade", "status").stderr


class TestPaused:
    @pytest.fixture
    def paused(self, jobs, table):
        jobs.run("upgrade", "--yes")
        failure = UpgradeFailure("old", FailureKind.STACK, "no such role", at=NOW)
        stepped = replace(
            table.get(),
            to="b",
            total=2,
            progress=(UpgradeProgress(1, failed=1),),
            failures=(failure,),
        )
        table.save(pause(stepped, "The stack of old failed: no such role"))
        return jobs

    def test_its_status_says_why(self, paused):
        result = paused.run("upgrade", "status")

        lines = [line.split() for line in result.stdout.splitlines()]
        assert lines[0][0] == "PAUSED"
        assert lines[0][2:] == ["The", "stack", "of", "old", "failed:", "no", "such", "role"]
        assert ["1", "5%", "1", "0", "0", "1", "0"] in lines
        assert ["old", "stack", "no", "such", "role"] in lines

    def test_its_status_as_json(self, paused):
        found = json.loads(paused.run("upgrade", "status", "-o", "json").stdout)

        assert found["failures"] == [
            {
                "job_name": "old",
                "kind": "stack",
                "reason": "no such role",
                "accepted": False,
                "at": iso(NOW),
            }
        ]
        assert (found["status"], found["soak"], found["ended_at"]) == ("PAUSED", 600, None)

    def test_resumed_it_continues(self, paused, table):
        assert paused.run("upgrade", "resume").exit_code == 0

        assert table.get().status is UpgradeStatus.RUNNING
        assert [each.accepted for each in table.get().failures] == [True]
        assert paused.queued() == []
        assert "resume_upgrade" in paused.run("audit").stdout

    @pytest.mark.parametrize(("word", "status"), [("resume", "RUNNING"), ("abort", "ABORTED")])
    def test_a_dry_run_only_says_what_would_become_of_it(self, paused, table, word, status):
        before = table.get()

        assert paused.run("upgrade", word, "--dry-run").stdout.split()[:1] == [status]

        assert table.get() == before

    def test_resumed_with_what_failed(self, paused):
        paused.run("upgrade", "resume", "--retry-failed")

        assert paused.queued() == [{"job_name": "old", "retry": True}]

    def test_aborted(self, paused, table):
        paused.run("upgrade", "abort", "--reason", "not now")

        assert (table.get().status, table.get().reason) == (UpgradeStatus.ABORTED, "not now")
        assert "abort_upgrade" in paused.run("audit").stdout
        again = paused.run("upgrade", "abort")
        assert "there is nothing to abort" in again.stderr
        assert "only a PAUSED one can be resumed" in paused.run("upgrade", "resume").stderr
