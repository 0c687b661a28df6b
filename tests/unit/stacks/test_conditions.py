"""What the conditions of a Stacks row say of drift and of deployment modes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from provisioner.stacks.conditions import conditions_of
from provisioner.stacks.model import Drift, DriftStatus, OtherMode, StackRecord

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
SAID = {
    DriftStatus.DRIFTED: ("True", "ResourcesChanged"),
    DriftStatus.IN_SYNC: ("False", "ResourcesAsDeployed"),
    DriftStatus.UNKNOWN: ("Unknown", "NotFoundOut"),
    DriftStatus.NOT_CHECKED: ("Unknown", "NotFoundOut"),
}


@pytest.mark.parametrize("status", DriftStatus)
def test_drift(status):
    record = StackRecord("report", drift=Drift(status, NOW))

    drifted = conditions_of(record, "", NOW)[-1]

    assert drifted.type == "Drifted"
    assert (drifted.status, drifted.reason) == SAID[status]
    assert "2026-11-21 09:00 UTC" in drifted.message


@pytest.mark.parametrize("why", OtherMode)
def test_another_deployment_mode(why):
    said = conditions_of(StackRecord("report", other_mode=why), "", NOW)[-1]

    assert (said.type, said.status, said.reason) == ("DeploymentMode", "False", why)
    assert "mode" in said.message


def test_the_deployment_mode_that_is_asked_for_is_not_a_condition():
    assert {each.type for each in conditions_of(StackRecord("report"), "", NOW)} == {
        "Ready",
        "InSync",
    }
