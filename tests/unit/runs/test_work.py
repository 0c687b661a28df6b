"""Whose work is stopped: that of the type that the run's row says, or of all when it says none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

import pytest

from provisioner.entrypoints.wiring import Runtime
from provisioner.errors import PermanentError, TemporaryError
from provisioner.jobs.types import Job
from provisioner.runs.model import EndedExecution, RunStatus
from provisioner.runs.work import WorkByType
from tests.support.platforms import SETTINGS

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ENDED = EndedExecution("job", "run-1", "arn", RunStatus.STOPPED, NOW, NOW)


class Work:
    """What a run has left running; it can be stopped unless there is an `error`."""

    def __init__(self, running=2, error=None):
        self.running, self.error = running, error

    def stop(self, job_name, execution_name, reason):
        assert (job_name, execution_name, reason) == ("job", "run-1", "why")
        if self.error:
            raise self.error
        stopped, self.running = self.running, 0
        return stopped


TYPES = {
    "a type with work": ("ecs", {"ecs": 0, "batch": 2}),
    "a type that leaves none": ("lambda", {"ecs": 2, "batch": 2}),
    "a type of another version": ("quantum", {"ecs": 0, "batch": 0}),
    "no type": (None, {"ecs": 0, "batch": 0}),
}


@pytest.mark.parametrize(("job_type", "left"), TYPES.values(), ids=TYPES)
def test_work_is_stopped_by_the_type_that_the_run_had(job_type, left):
    work = {"ecs": Work(), "batch": Work()}
    by_type = WorkByType({"lambda": (), **{kind: (one,) for kind, one in work.items()}})

    stopped = by_type.stop(ENDED, job_type, "why")

    assert {kind: one.running for kind, one in work.items()} == left
    assert stopped == 4 - sum(left.values())


def test_one_that_fails_does_not_keep_the_others_running():
    refused, busy, last = Work(error=PermanentError("no")), Work(error=TemporaryError()), Work()
    by_type = WorkByType({"ecs": (refused,), "batch": (busy,), "ec2": (last,)})

    with pytest.raises(TemporaryError):  # so that all are asked again
        by_type.stop(ENDED, None, "why")

    assert last.running == 0


def test_every_type_of_job_says_what_it_leaves_running():
    types = {value for kind in get_args(Job) for value in get_args(type_of(kind))}

    assert set(Runtime(SETTINGS).work.adapters) == types


def type_of(kind):
    return kind.model_fields["type"].annotation
