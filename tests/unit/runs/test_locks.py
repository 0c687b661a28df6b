"""The lock of a job as functions see it, and the order in which a run is completed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from provisioner.runs.completion import complete
from provisioner.runs.model import LONGEST_LEASE_SECONDS, EndedExecution, Lock, RunStatus
from provisioner.runs.work import WorkByType

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
RUN = "2026-11-21T08:00:00.000Z#x"

LEASES = {
    "over": (-1, True),
    "over within this second": (0, False),  # BETWEEN in the workflow's condition holds both ends
    "the longest": (LONGEST_LEASE_SECONDS, False),
    "longer than any": (LONGEST_LEASE_SECONDS + 1, True),
}


@pytest.mark.parametrize(("left", "free"), LEASES.values(), ids=LEASES)
def test_a_lock_is_held_as_long_as_the_workflow_thinks_so(left, free):
    until = int(NOW.timestamp()) + left

    assert Lock(owner="x", lease_until=until).is_free(NOW) is free
    assert Lock(lease_until=until).is_free(NOW)


def test_whoever_dies_while_completing_a_run_leaves_what_the_sweep_finds():
    """A row that is RUNNING brings the sweep back; a lock alone does not."""
    left = {"work": True, "lock": True, "row": True}

    class Runs:
        def job_type(self, _):
            return "ecs"

        def release(self, *_):
            left["lock"] = False
            return True

        def end(self, _):
            raise KeyboardInterrupt

    class Work:
        def stop(self, *_):
            left["work"] = False
            return 1

    ended = EndedExecution("job", "x", "arn", RunStatus.STOPPED, NOW, NOW, waited=RUN)
    with pytest.raises(KeyboardInterrupt):
        complete(ended, Runs(), WorkByType({"ecs": (Work(),)}))

    assert left == {"work": False, "lock": False, "row": True}
