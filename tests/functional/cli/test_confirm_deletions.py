from __future__ import annotations

import pytest

from provisioner.stacks.model import Deletion, JobStatus
from tests.support.cli import NOW


@pytest.fixture
def held(here):
    here.save(status=JobStatus.PENDING, deletion=Deletion.HELD, updated_at=NOW)
    return here


@pytest.mark.parametrize("names", [["report"], ["report", "report"], ["--all"]], ids=str)
def test_asks_for_the_deletion_of_what_is_held(held, names):
    result = held.run("confirm-deletions", *names, "--yes")

    assert result.exit_code == 0
    assert result.stdout == "queued     report\n"
    assert held.queued() == [{"job_name": "report", "confirm_deletion": True}]


def test_asks_first(held):
    result = held.run("confirm-deletions", "--all", stdin="n\n")

    assert result.exit_code == 1
    assert "Delete the stacks of 1 job: report?" in result.stderr
    assert held.queued() == []


@pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.READY], ids=str)
def test_what_is_not_held_is_not_asked_for(here, status):
    here.save(status=status)

    assert "the deletion of report is not held" in here.run("confirm-deletions", "report").stderr
    assert "No deletion is held" in here.run("confirm-deletions", "--all").stderr
    assert here.queued() == []


@pytest.mark.parametrize("arguments", [[], ["report", "--all"]], ids=str)
def test_either_names_or_all(here, arguments):
    result = here.run("confirm-deletions", *arguments)

    assert result.exit_code == 2
    assert "name the jobs, or say --all" in result.stderr


def test_deleting_does_not_wait_for_what_somebody_has_to_confirm(here):
    here.jobs.put({"job_name": "report"})
    here.save(status=JobStatus.PENDING, deletion=Deletion.HELD)

    result = here.run("delete", "report", "--yes", "--wait", "--timeout", "20s")

    assert result.exit_code == 1
    assert "confirm-deletions" in result.stderr
