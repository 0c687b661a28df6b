"""Definitions that no run needs are deregistered, whatever becomes of one of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from provisioner.entrypoints import sweep_revisions
from provisioner.entrypoints.wiring import Runtime
from provisioner.errors import DeniedError, PermanentError, ThrottledError
from provisioner.stacks.model import JobStatus, StackRecord
from provisioner.stacks.task_definitions import revision_of
from tests.support.functions import having
from tests.support.platforms import SETTINGS

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ARNS = [f"arn:aws:ecs:eu-west-1:1:task-definition/jobs-report:{number}" for number in (1, 2, 3)]


class Definitions:
    def __init__(self, refused, error):
        self.refused, self.error, self.deregistered = refused, error, []

    def deregister(self, arn):
        if arn == self.refused:
            raise self.error
        self.deregistered.append(arn)


class NothingRuns:
    def open(self, status, *, until):
        del status, until
        return iter(())


@pytest.mark.parametrize(
    ("error", "deregistered"),
    [
        (PermanentError("ClientException: it is in use"), [ARNS[0], ARNS[2]]),
        (ThrottledError("ThrottlingException: later"), [ARNS[0]]),
        (DeniedError("AccessDeniedException: not yours"), [ARNS[0]]),
    ],
    ids=["refused", "throttled", "denied"],
)
def test_one_that_stays_leaves_the_others_to_go_unless_all_would_fail(error, deregistered):
    definitions = Definitions(ARNS[1], error)
    runtime = having(Runtime(SETTINGS), task_definitions=definitions, triggers=NothingRuns())
    gone = StackRecord("report", status=JobStatus.DELETED, updated_at=NOW - timedelta(hours=1))
    revisions = [revision_of(arn, "jobs") for arn in ARNS]

    sweep_revisions.deregister(runtime, revisions, {"report": gone}, NOW)

    assert definitions.deregistered == deregistered
