"""When the Stacks row answers a change of a job's row."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from provisioner.service.following import Expected, reasons
from provisioner.stacks.model import JobStatus, StackRecord

ANSWERS = {
    "one that is paused has its answer when it is PAUSED": (True, JobStatus.PAUSED, True),
    "not by what an earlier row became": (True, JobStatus.READY, False),
    "nor by an earlier row's failure": (True, JobStatus.FAILED, False),
    "one that is resumed has none from when it was paused": (False, JobStatus.PAUSED, False),
}


@pytest.mark.parametrize(("paused", "status", "done"), ANSWERS.values(), ids=ANSWERS)
def test_paused(paused, status, done):
    expected = Expected("report", paused=paused, digest="d", errors=(), version=None)
    record = StackRecord("report", status=status, spec_digest="d")

    found = expected.progress(record)

    assert found.done is done


def test_a_job_that_is_not_reconciled_yet_has_no_reasons():
    nothing = SimpleNamespace(record=lambda job_name: None)  # noqa: ARG005
    assert list(reasons(nothing, "report")) == []
