from __future__ import annotations

from datetime import UTC, datetime

import pytest

from provisioner.runs.model import Pause
from provisioner.runs.pausing import pause_after

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
PAUSED = Pause(paused=True, since="2026-11-20", note="")
RESUMED = Pause(paused=False, since="2026-11-20T12", note="")


def runs(*statuses):
    """Return rows, newest first, an hour apart, the newest at noon of November 20."""
    return [
        {"status": status, "trigger_id": f"2026-11-20T{12 - hours:02}:00#r"}
        for hours, status in enumerate(statuses)
    ]


CASES = {
    "enough": (2, runs("FAILED", "FAILED", "SUCCEEDED"), None, "2 runs failed in a row"),
    "one is enough": (1, runs("FAILED", "SUCCEEDED"), None, "a run failed"),
    "timed out is failed": (2, runs("TIMED_OUT", "FAILED"), None, "2 runs failed in a row"),
    "too few": (3, runs("FAILED", "FAILED"), None, None),
    "a success between": (2, runs("FAILED", "SUCCEEDED", "FAILED"), None, None),
    "others say nothing": (
        2,
        runs("SKIPPED", "FAILED", "STOPPED", "RUNNING", "FAILED"),
        None,
        "2 runs failed in a row",
    ),
    "paused already": (1, runs("FAILED"), PAUSED, None),
    "before it was resumed": (2, runs("FAILED", "FAILED"), RESUMED, None),
    "after it was resumed": (1, runs("FAILED", "FAILED"), RESUMED, "a run failed"),
}


@pytest.mark.parametrize(("failures", "rows", "before", "note"), CASES.values(), ids=CASES)
def test_pause_after(failures, rows, before, note):
    pause = pause_after(failures, rows, before, NOW)

    assert (pause.note if pause else None) == note
    if pause:
        assert (pause.paused, pause.since) == (True, "2026-11-21T09:00:00.000Z")
