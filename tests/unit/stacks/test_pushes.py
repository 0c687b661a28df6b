"""New code: how a job is found by what was pushed, and what a look for other code costs."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from random import Random

import pytest

from provisioner.stacks.actions import Nothing
from provisioner.stacks.model import Drift, DriftStatus, JobStatus
from provisioner.stacks.outcomes import Done
from provisioner.stacks.reconcile import Reconciler
from provisioner.stacks.stack_status import IN_PROGRESS
from tests.simulation.faults import Crash
from tests.support.platforms import PLATFORM
from tests.unit.stacks.test_reconcile import NAME, STACK, World, row

REPORT, OTHER = "s3/bundles/report.zip", "s3/bundles/other.zip"


@pytest.fixture
def world():
    return World()


@pytest.fixture
def ready(world):
    world.put()
    world.finish()
    assert world.record.status is JobStatus.READY
    return world


def with_pin(world, pin):
    ports = replace(world.ports, pin=pin)
    world.reconciler = Reconciler(ports, PLATFORM, world.clock, Random())


class TestTheIndexOfArtifacts:
    def test_a_row_is_found_by_what_it_names(self, ready):
        assert ready.artifact_index.pairs == {(REPORT, NAME)}
        assert ready.record.artifacts == (REPORT,)

        ready.put(bundle="s3://bundles/other.zip")
        assert ready.artifact_index.pairs == {(REPORT, NAME), (OTHER, NAME)}
        ready.finish()
        assert ready.artifact_index.pairs == {(OTHER, NAME)}
        assert ready.record.former_artifacts == ()

        ready.put(bundle="s3://bundles/other.zip?versionId=v1")
        ready.finish()
        assert ready.artifact_index.pairs == set()

    def test_a_deleted_row_is_no_longer_found(self, ready):
        ready.remove()
        ready.finish()
        assert ready.artifact_index.pairs == set()
        assert (ready.record.artifacts, ready.record.former_artifacts) == ((), ())

    def test_what_a_row_names_that_does_not_exist_yet_is_waited_for(self, world):
        world.missing.add("s3://bundles/report.zip")
        world.put()
        assert world.record.status is JobStatus.INVALID
        assert world.artifact_index.pairs == {(REPORT, NAME)}

    def test_an_invalid_row_is_found_by_what_it_named_before(self, ready):
        ready.put(memory_mb=1)
        assert ready.artifact_index.pairs == {(REPORT, NAME)}

    def test_an_artifact_is_in_the_index_before_it_is_looked_up(self, world):
        seen = []

        def pin(job):
            seen.extend(world.artifact_index.pairs)
            return world.pin(job)

        with_pin(world, pin)
        world.put()
        assert seen == [(REPORT, NAME)]

    @pytest.mark.parametrize("calls", range(5))
    @pytest.mark.parametrize("then", ["other.zip", "report.zip", None], ids=str)
    def test_wherever_a_function_ends_the_index_has_what_the_row_names(self, ready, calls, then):
        """A call to the index, to CloudFormation or a save never returns; then the row changes."""
        ready.jobs.rows[NAME] = row(bundle="s3://bundles/other.zip")
        ready.artifact_index.faults = ready.faults
        ready.faults.planned = [*([None] * calls), Crash()]
        with contextlib.suppress(Crash):
            ready.reconcile()
            ready.finish()
        ready.faults.planned = []
        if then is None:
            del ready.jobs.rows[NAME]
        else:
            ready.jobs.rows[NAME] = row(bundle=f"s3://bundles/{then}")

        for _ in range(4):
            ready.reconcile()
            stack = ready.cloudformation.stacks.get(STACK)
            if stack and stack.state.status in IN_PROGRESS:
                ready.finish()

        wanted = {(f"s3/bundles/{then}", NAME)} if then else set()
        assert ready.artifact_index.pairs >= wanted
        assert ready.artifact_index.pairs - wanted <= {(OTHER, NAME)}  # whose pushes do no harm


class TestLookingForOtherCode:
    def check(self, world):
        return dict(world.reconciler.reconcile([NAME], check_code=[NAME]))[NAME]

    def test_a_job_that_runs_what_it_should_costs_no_call(self, ready):
        before, described = ready.record, ready.cloudformation.described

        result = self.check(ready)

        assert (result.action, result.outcome) == (Nothing(JobStatus.READY), Done())
        assert ready.record is before
        assert ready.cloudformation.described == described

    def test_new_code_is_deployed(self, ready):
        with_pin(ready, newer)
        self.check(ready)
        assert ready.record.status is JobStatus.UPDATING

    def test_a_job_of_an_earlier_version_is_added_to_the_index(self, ready):
        ready.artifact_index.versions.clear()
        ready.stacks.records[NAME] = replace(ready.record, artifacts=())

        self.check(ready)

        assert ready.artifact_index.pairs == {(REPORT, NAME)}
        assert ready.record.artifacts == (REPORT,)

    def test_a_row_that_means_the_same_is_recorded(self, ready):
        ready.jobs.rows[NAME] = row(description="other words")
        self.check(ready)
        digest = ready.record.row_digest
        assert ready.record.row.description == "other words"
        ready.reconcile()
        assert ready.record.row_digest == digest

    def test_a_pinned_job_says_that_code_waits_and_keeps_its_drift(self, ready):
        ready.jobs.rows[NAME] = row(pin={"version": "v1"})
        with_pin(ready, pinned_to("v1"))
        ready.reconcile()
        ready.finish()
        drift = Drift(DriftStatus.DRIFTED, ready.clock.now)
        ready.stacks.records[NAME] = replace(ready.record, drift=drift)
        described, deployed = ready.cloudformation.described, ready.record.deployed_digest
        with_pin(ready, pinned_to("v2"))

        self.check(ready)

        [current] = [each for each in ready.record.conditions if each.type == "CodeCurrent"]
        assert (current.status, "v2 waits" in current.message) == ("False", True)
        assert (ready.record.deployed_digest, ready.record.drift) == (deployed, drift)
        assert ready.cloudformation.described == described

    def test_any_other_job_is_reconciled_as_ever(self, world):
        world.put()
        world.cloudformation.finish(STACK)
        self.check(world)
        assert world.record.status is JobStatus.READY


def newer(job):
    return job.model_copy(update={"bundle": replace(job.bundle, version_id="v2")})


def pinned_to(newest):
    """Return what looks up the code of a job that is pinned to v1."""

    def pin(job):
        pinned = replace(job.bundle, version_id=job.pin.version)
        return job.model_copy(update={"bundle": pinned}).with_newest(newest)

    return pin
