"""Redriving reaches functions that the bootstrap has, under the names that it gives them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from provisioner.aws.dead_letters import DeadLetterLocation, HeldMessages
from provisioner.dead_letters.content import Content, Redrive
from provisioner.dead_letters.model import DeadLetterMessage
from tests.support.bootstrap import bootstrap_of, load

ROOT = Path(__file__).parents[3]
PLACE = DeadLetterLocation("jobs", "dead-letters", "artifacts", "reconcile", "arn:run_events")
INVOKED = [Redrive.RUN_RECORDS, Redrive.NOTIFICATION, Redrive.MESSAGE]


class Stop(Exception):  # noqa: N818
    """The call was made."""


class Functions:
    def __init__(self):
        self.names = []

    @property
    def lambda_(self):
        return self

    def invoke(self, **request):
        self.names.append(request["FunctionName"])
        raise Stop


@pytest.mark.parametrize("redrive", INVOKED)
def test_the_function_is_one_of_the_bootstrap(redrive):
    functions = Functions()
    content = Content("source", redrive, ("report",))
    message = DeadLetterMessage("1", datetime.now(UTC), "", "", "{}", content, "m")

    with pytest.raises(Stop):
        HeldMessages(functions, PLACE).redrive(message)

    [name] = functions.names
    assert name in declared()


def declared():
    """Return the names of the bootstrap's functions."""
    bootstrap = bootstrap_of(load(ROOT / "template.yaml"), Prefix="jobs")
    return {
        stack.resource(name)["FunctionName"]
        for stack in (bootstrap, *bootstrap.nested.values())
        for name, resource in stack.template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
