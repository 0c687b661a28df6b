"""`provisioner resume` over moto."""

from __future__ import annotations

from provisioner.runs.model import Pause
from tests.support.rows import ROW

PAUSED = Pause(paused=True, since="2026-11-20T09:00:00.000Z", note="2 runs failed in a row")


def test_a_paused_schedule_continues(here):
    here.jobs.put(ROW)
    here.triggers.set_pause("report", PAUSED)

    result = here.run("resume", "report")

    assert result.exit_code == 0
    assert "is resumed" in result.stderr
    assert "2 runs failed in a row" in result.stderr
    found = here.triggers.pause("report")
    assert found.paused is False
    assert found.note.startswith("by arn:aws:sts:")


def test_what_is_not_paused_stays(here):
    here.jobs.put(ROW)

    assert "is not paused" in here.run("resume", "report").stderr
    assert here.triggers.pause("report") is None


def test_an_unknown_job(here):
    assert here.run("resume", "nightly").exit_code == 1
