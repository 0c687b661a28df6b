"""In which deployment mode an operation is asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.jobs import spec_digest
from provisioner.settings import DeploymentMode
from provisioner.stacks.actions import Create, Delete, Update, ValidRow
from provisioner.stacks.model import OtherMode, StackRecord
from provisioner.stacks.operations import Operations
from provisioner.stacks.outcomes import Refused
from tests.support.fakes import FakeClock, FakeCloudFormation
from tests.support.generated_rows import job_of
from tests.support.platforms import PLATFORM, synthesize

STANDARD, EXPRESS = DeploymentMode
STACK = "jobs-report"


class World:
    def __init__(self, default: DeploymentMode = STANDARD) -> None:
        self.clock = FakeClock()
        self.cloudformation = FakeCloudFormation(self.clock)
        platform = replace(PLATFORM, deployment_mode=default)
        self.operations = Operations(self.cloudformation, synthesize, platform)
        self.record = StackRecord("report")

    def start(self, operation):
        observed = self.cloudformation.describe(STACK)
        outcome = self.operations.start(operation, self.record, observed, self.clock())
        mode, other = (getattr(outcome, name, None) for name in ("mode", "other_mode"))
        version = self.record.version + 1
        self.record = replace(self.record, deployment_mode=mode, other_mode=other, version=version)
        return outcome

    def made(self, **row):
        self.start(Create(wanted(**row)))
        self.cloudformation.finish(STACK)
        return self


def wanted(**row) -> ValidRow:
    base = {
        "job_name": "report",
        "type": "lambda",
        "runtime": "python3.13",
        "handler": "app.handler",
        "bundle": "s3://bundles/report.zip",
    }
    job = job_of(base | row)
    return ValidRow(job, spec_digest(job))


MODES = {
    "neither says so": (None, STANDARD, STANDARD),
    "the bootstrap does": (None, EXPRESS, EXPRESS),
    "the row does": ("express", STANDARD, EXPRESS),
    "the row does not want it": ("standard", EXPRESS, STANDARD),
}


@pytest.mark.parametrize(("row", "default", "asked"), MODES.values(), ids=MODES)
def test_the_row_says_more_than_the_bootstrap(row, default, asked):
    world = World(default).made(deployment_mode=row)

    world.start(Update(wanted(deployment_mode=row, memory_mb=512)))

    assert world.cloudformation.modes == [asked, asked]
    assert world.record.deployment_mode is asked


@pytest.mark.parametrize("row", ["standard", "express"])
def test_a_stack_is_deleted_as_it_was_deployed(row):
    world = World(EXPRESS).made(deployment_mode=row)

    world.start(Delete())

    first, last = world.cloudformation.modes
    assert first is last is DeploymentMode(row.upper())


def test_an_sdk_without_express_mode_deploys_in_standard_mode_and_the_record_says_so():
    world = World()
    world.cloudformation.lacks_express = True

    world.made(deployment_mode="express")

    assert world.cloudformation.modes == [STANDARD]
    assert world.record.deployment_mode is STANDARD
    assert world.record.other_mode is OtherMode.UNKNOWN_TO_SDK


def test_a_stack_that_takes_one_mode_only_gets_it():
    world = World().made(deployment_mode="express")
    world.cloudformation.insists_on = EXPRESS

    world.start(Update(wanted(deployment_mode="standard", memory_mb=512)))

    assert world.cloudformation.modes == [EXPRESS, EXPRESS]
    assert world.record.deployment_mode is EXPRESS
    assert world.record.other_mode is OtherMode.SAME_AFTER_FAILURE
    world.cloudformation.finish(STACK)
    world.cloudformation.insists_on = None
    world.start(Update(wanted(deployment_mode="standard", memory_mb=256)))
    assert world.record.other_mode is None


def test_a_stack_that_takes_a_mode_that_the_sdk_lacks_is_refused_with_its_reason():
    world = World().made()
    world.cloudformation.insists_on = EXPRESS
    world.cloudformation.lacks_express = True

    outcome = world.start(Update(wanted(memory_mb=512)))

    assert isinstance(outcome, Refused)
    assert "mode=EXPRESS" in outcome.failure.reason
