"""Builds beside stacks: what is built when, and what runs until then."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

import templates
from provisioner import jobs
from provisioner.errors import DeniedError
from provisioner.jobs.artifacts import S3Object
from provisioner.jobs.unbuilt import build_digest, image_tag, unbuilt
from provisioner.stacks.building import Building
from provisioner.stacks.builds import LOOK_AGAIN, OVERTAKEN, BuildReport
from provisioner.stacks.model import BuildAttempt, BuildStatus, JobStatus, StackRecord
from provisioner.stacks.ports import Ports
from provisioner.stacks.reconcile import Reconciler
from tests.support.fakes import (
    FakeArtifactIndex,
    FakeBuilds,
    FakeClock,
    FakeCloudFormation,
    FakeDeletionBudget,
    FakeDependants,
    FakeJobRuns,
    FakeJobs,
    FakePauses,
    FakeQueue,
    FakeStacks,
    UnlimitedRateLimiter,
)
from tests.support.platforms import PLATFORM

NAME = "report"
STACK = "jobs-report"
SOURCE = {"source": "s3://sources/report.zip"}
CONTAINER = {"job_name": NAME, "type": "ecs", "build": SOURCE}
ARCHIVE = {
    "job_name": NAME,
    "type": "lambda",
    "runtime": "python3.14",
    "handler": "main.handler",
    "build": SOURCE,
}
BUNDLE = {each: ARCHIVE[each] for each in ARCHIVE if each != "build"} | {
    "bundle": "s3://bundles/report.zip"
}
BOTH = pytest.mark.parametrize("row", [CONTAINER, ARCHIVE], ids=["image", "archive"])


class World:
    """One job whose source has versions, and what was built of them."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.jobs = FakeJobs()
        self.stacks = FakeStacks()
        self.cloudformation = FakeCloudFormation(self.clock)
        self.queue = FakeQueue()
        self.builds = FakeBuilds()
        self.version = "v1"
        self.results: set[str] = set()
        ports = Ports(
            self.jobs,
            self.stacks,
            self.cloudformation,
            self.queue,
            UnlimitedRateLimiter(self.clock),
            self.pin,
            FakeDependants(),
            FakeArtifactIndex(),
            FakeDeletionBudget(self.clock),
            FakeJobRuns(),
            FakePauses(),
            lambda job, now, missing: templates.synthesize(job, PLATFORM, now, missing),
            "templates",
            self.builds,
        )
        self.reconciler = Reconciler(ports, PLATFORM, self.clock, Random(1))

    def pin(self, job):
        if job.build is None:
            return job
        digest = build_digest(job, self.version)
        if digest not in self.results:
            return unbuilt(job, "jobs", S3Object("sources", "report.zip", self.version), digest)
        if job.type == "lambda":
            bundle = S3Object("bundles", f"builds/{NAME}/{digest}.zip", "1")
            return job.model_copy(update={"bundle": bundle}).with_build(digest)
        image = f"{PLATFORM.allowed.registry}/jobs/{NAME}@sha256:{digest}"
        return job.with_image(image, tag=image_tag(digest)).with_build(digest)

    def reconcile(self, **options):
        return dict(self.reconciler.reconcile([NAME], **options))[NAME]

    def put(self, row):
        self.jobs.rows[NAME] = row
        return self.reconcile()

    def push(self, version):
        self.version = version
        return self.reconcile()

    def finish(self, failure=None):
        """End the stack's operation; its outputs are those of its template."""
        self.cloudformation.finish(STACK, failure)
        if (stack := self.cloudformation.stacks.get(STACK)) and failure is None:
            names = json.loads(self.cloudformation.templates[STACK]).get("Outputs", {})
            stack.state = replace(stack.state, outputs=dict.fromkeys(names, "x"))
        return self.reconcile()

    def end_build(self, status=BuildStatus.SUCCEEDED, reason=None):
        """End the newest build, and have its job reconciled."""
        build_id, wanted = list(self.builds.started.items())[-1]
        self.builds.reports[build_id] = BuildReport(status, None, self.clock.now, reason, "log")
        if status is BuildStatus.SUCCEEDED:
            self.results.add(wanted.digest)
        return self.reconcile()

    def make_ready(self, row):
        self.put(row)
        if row is CONTAINER:
            self.finish()
        self.end_build()
        self.finish()
        assert self.record.status is JobStatus.READY
        return self

    @property
    def record(self):
        return self.stacks.records[NAME]

    @property
    def resources(self):
        return json.loads(self.cloudformation.templates[STACK])["Resources"]

    def built(self):
        return next(each for each in self.record.conditions if each.type == "Built")


@pytest.fixture
def world():
    return World()


def test_a_new_container_gets_its_repository_and_then_its_image(world):
    world.put(CONTAINER)
    assert set(world.resources) == {"Repository"}
    assert not world.builds.started

    world.finish()
    (wanted,) = world.builds.started.values()
    assert wanted.variables["BUILD_REPOSITORY"] == "jobs/report"
    assert (world.record.status, world.record.in_sync) == (JobStatus.CREATING, False)
    assert world.built().status == "Unknown"

    world.end_build()
    assert {"Repository", "TaskDefinition", "StateMachine"} <= set(world.resources)
    world.finish()

    assert (world.record.status, world.record.in_sync) == (JobStatus.READY, True)
    assert world.built().status == "True"
    assert [each.number for each in world.record.deployments] == [1]
    assert world.cloudformation.operations == [("create", STACK), ("update", STACK)]


def test_a_new_archive_is_built_before_there_is_a_stack(world):
    world.put(ARCHIVE)
    assert len(world.builds.started) == 1
    assert world.record.status is JobStatus.CREATING
    assert not world.cloudformation.stacks

    world.end_build()
    world.finish()

    assert world.record.status is JobStatus.READY
    assert "Repository" not in world.resources


@BOTH
def test_new_source_is_built_once_while_the_old_version_runs(world, row):
    world.make_ready(row)
    before = world.record.deployed_digest

    for _ in range(3):
        world.push("v2")

    assert len(world.builds.started) == 2
    assert (world.record.status, world.record.deployed_digest) == (JobStatus.UPDATING, before)
    world.end_build()
    world.finish()
    assert world.record.status is JobStatus.READY
    assert world.record.deployed_digest != before


@BOTH
def test_of_two_pushes_at_once_the_last_one_is_deployed(world, row):
    world.make_ready(row)
    world.push("v2")
    world.push("v3")
    second, third = list(world.builds.started)[1:]

    assert world.builds.reports[second].status is not BuildStatus.RUNNING
    assert [each.reason for each in world.record.former_builds[:1]] == [OVERTAKEN]

    world.builds.reports[second] = BuildReport(BuildStatus.SUCCEEDED)
    world.results.add(world.builds.started[second].digest)
    world.reconcile()
    assert world.record.status is JobStatus.UPDATING
    assert world.record.build.id == third
    world.end_build()
    world.finish()

    assert world.record.status is JobStatus.READY
    assert world.record.build.digest == world.builds.started[third].digest


@BOTH
def test_a_build_that_fails_leaves_the_running_version_and_is_not_tried_again(world, row):
    world.make_ready(row)
    before = world.record.deployed_digest
    world.push("v2")

    world.end_build(BuildStatus.FAILED, "BUILD: exit status 1")
    saved = world.record
    world.clock.advance(timedelta(hours=1))
    world.reconcile()

    assert world.record == saved
    assert saved.status is JobStatus.FAILED
    assert saved.failure.reason == "Its build failed: BUILD: exit status 1"
    assert saved.deployed_digest == before
    assert (world.built().status, world.built().message) == ("False", "BUILD: exit status 1")
    assert saved.build.log_url == "log"
    assert len(world.builds.started) == 2
    assert [verb for verb, _ in world.cloudformation.operations][-1] != "delete"


def test_a_failed_build_is_tried_again_when_a_person_asks(world):
    world.make_ready(ARCHIVE).push("v2")
    world.end_build(BuildStatus.FAILED, "BUILD: no network")

    world.reconcile(retry=[NAME])
    assert (len(world.builds.started), world.record.status) == (3, JobStatus.UPDATING)
    world.end_build()
    world.finish()

    assert world.record.status is JobStatus.READY


def test_a_build_whose_start_nobody_could_record_is_not_started_again(world):
    world.make_ready(ARCHIVE)
    saved, (first,) = world.record, world.builds.started
    world.push("v2")
    world.stacks.records[NAME] = replace(saved, version=saved.version + 1)

    world.reconcile()

    assert len(world.builds.started) == 2
    assert world.record.build.id not in {None, first}


def test_a_build_that_failed_stays_among_the_former_ones_when_it_is_tried_again(world):
    world.make_ready(ARCHIVE).push("v2")
    world.end_build(BuildStatus.FAILED, "BUILD: no network")
    failed = world.record.build

    world.reconcile(retry=[NAME])

    assert world.record.former_builds[0] == failed


def test_a_failed_build_is_forgotten_when_the_source_changes_back(world):
    world.make_ready(ARCHIVE).push("v2")
    world.end_build(BuildStatus.FAILED, "BUILD: no")

    world.push("v1")

    assert (world.record.status, world.built().status) == (JobStatus.READY, "True")
    assert len(world.builds.started) == 2


def test_without_room_a_build_waits_and_a_message_brings_it_back(world):
    world.builds.room = 0
    result = world.put(ARCHIVE)

    assert result.requeue_after == world.record.build.retry_at - world.clock.now
    assert len(world.queue.sent) == 1
    assert world.built().reason == "Waiting"
    world.reconcile()
    assert len(world.queue.sent) == 1

    world.builds.room = 1
    world.clock.advance(result.requeue_after)
    world.reconcile()
    assert world.record.build.status is BuildStatus.RUNNING


NOT_WANTED = {
    "the source is as it was": lambda world: world.push("v1"),
    "the row names a bundle": lambda world: world.put(BUNDLE),
    "the row is removed": lambda world: world.jobs.rows.clear() or world.reconcile(),
}


@pytest.mark.parametrize("change", NOT_WANTED.values(), ids=NOT_WANTED)
def test_a_build_that_nobody_needs_is_stopped(world, change):
    world.make_ready(ARCHIVE).push("v2")
    (*_, running) = world.builds.started

    change(world)

    assert world.builds.reports[running].reason == "STOPPED"
    assert world.record.failure is None
    assert world.record.former_builds[0].reason == OVERTAKEN


def test_a_build_that_was_stopped_is_started_again_when_it_is_wanted_after_all(world):
    world.make_ready(ARCHIVE).push("v2")
    world.push("v1")

    world.push("v2")
    world.end_build()
    world.finish()

    assert len(world.builds.started) == 3
    assert world.record.status is JobStatus.READY
    assert world.record.build.digest == build_digest(jobs.parse(ARCHIVE), "v2")


class Chance(Random):
    """Has the least or the most of what is asked for."""

    def __init__(self, *, most):
        super().__init__()
        self.most = most

    def randint(self, a, b):
        return b if self.most else a


WAITS = {"least": (False, 60), "most": (True, 90)}


@pytest.mark.parametrize(("most", "seconds"), WAITS.values(), ids=WAITS)
def test_how_long_a_build_waits_for_room(world, most, seconds):
    world.builds.room = 0
    building = Building(world.builds, Chance(most=most))
    wanted, now = world.pin(jobs.parse(ARCHIVE)), world.clock.now

    record, due = building.advance(StackRecord(NAME), wanted, now)

    assert due == timedelta(seconds=seconds)
    assert record.build.retry_at == now + due
    soon = now + due - timedelta(seconds=1)
    assert building.advance(record, wanted, soon) == (record, None)  # its message is under way
    assert building.advance(record, wanted, now + due) == (
        record.with_build(replace(record.build, retry_at=now + 2 * due)),
        due,
    )


def test_a_build_is_news_when_it_starts_and_when_it_ends(world):
    building = Building(world.builds, Random(1))
    wanted, now = world.pin(jobs.parse(ARCHIVE)), world.clock.now

    record, due = building.advance(StackRecord(NAME), wanted, now)
    assert (record.build.status, due) == (BuildStatus.RUNNING, None)
    assert building.advance(record, wanted, now) == (record, None)

    world.builds.reports[record.build.id] = BuildReport(BuildStatus.FAILED, reason="no")
    ended, due = building.advance(record, wanted, now)
    assert (ended.build.status, ended.build.reason, due) == (BuildStatus.FAILED, "no", None)
    assert building.advance(ended, wanted, now) == (ended, None)


def test_a_build_without_an_id_is_not_stopped(world):
    building = Building(world.builds, Random(1))
    waiting = StackRecord(NAME).with_build(BuildAttempt("old", BuildStatus.WAITING))

    assert building.without_overtaken(waiting, "new", world.clock.now) == waiting


def test_a_build_that_may_not_be_stopped_is_not_a_reason_to_wait(world, caplog):
    world.make_ready(ARCHIVE).push("v2")
    world.builds.faults.planned = [DeniedError("codebuild:StopBuild is not allowed")]

    world.push("v3")
    world.end_build()
    world.finish()

    assert world.record.status is JobStatus.READY
    (said,) = [each for each in caplog.records if "continues" in each.getMessage()]
    assert said.getMessage().endswith("of report continues: codebuild:StopBuild is not allowed")
    assert said.job_name == NAME


def test_the_one_that_is_stopped_makes_room(world):
    world.builds.room = 1
    world.make_ready(ARCHIVE).push("v2")

    world.push("v3")

    assert world.record.build.status is BuildStatus.RUNNING


def test_a_result_that_came_after_it_was_looked_for_is_found(world):
    world.put(ARCHIVE)
    (build_id,) = world.builds.started
    world.builds.reports[build_id] = BuildReport(BuildStatus.SUCCEEDED)

    result = world.reconcile()
    assert result.requeue_after == LOOK_AGAIN
    world.results.add(world.builds.started[build_id].digest)
    world.clock.advance(LOOK_AGAIN)
    world.reconcile()

    assert world.record.build == replace(world.record.build, status=BuildStatus.SUCCEEDED)
    assert world.cloudformation.operations == [("create", STACK)]


def test_a_build_without_a_result_fails_in_the_end(world):
    world.put(ARCHIVE)
    (build_id,) = world.builds.started
    world.builds.reports[build_id] = BuildReport(BuildStatus.SUCCEEDED)
    world.reconcile()
    world.clock.advance(LOOK_AGAIN)

    world.reconcile()

    assert world.record.status is JobStatus.FAILED
    assert "has left no result" in world.record.failure.reason


def test_a_build_that_codebuild_does_not_know_fails(world):
    world.put(ARCHIVE)
    world.builds.reports.clear()

    world.reconcile()

    assert "no longer knows" in world.record.failure.reason


def test_a_result_that_is_gone_is_built_again(world):
    world.make_ready(ARCHIVE)
    world.results.clear()

    world.reconcile()

    assert len(world.builds.started) == 2
    assert world.record.status is JobStatus.UPDATING


def test_a_paused_row_is_not_built(world):
    world.put(CONTAINER | {"paused": True})

    assert world.record.status is JobStatus.PAUSED
    assert not world.builds.started


@BOTH
def test_a_row_that_is_removed_during_its_build_takes_its_stack_along(world, row):
    world.put(row)
    if row is CONTAINER:
        world.finish()
    del world.jobs.rows[NAME]

    world.reconcile()
    if row is CONTAINER:
        world.finish()

    assert world.record.status is JobStatus.DELETED
    assert not world.cloudformation.stacks


def test_a_job_that_ran_an_image_gets_a_repository_and_keeps_running(world):
    image = "public.ecr.aws/docker/library/busybox:1.37"
    world.put({"job_name": NAME, "type": "ecs", "image": image})
    world.finish()
    before = world.resources
    assert world.record.status is JobStatus.READY

    world.put(CONTAINER)
    assert world.resources == before | {"Repository": world.resources["Repository"]}
    world.finish()
    assert world.record.status is JobStatus.UPDATING
    world.end_build()
    world.finish()

    assert world.record.status is JobStatus.READY
    assert world.resources["TaskDefinition"] != before["TaskDefinition"]


def test_a_repository_that_cannot_be_made_is_the_stacks_failure(world):
    world.put(CONTAINER)
    world.finish("Repository: limit exceeded")

    assert world.record.status in {JobStatus.DELETING, JobStatus.RETRYING, JobStatus.FAILED}
    assert not world.builds.started


def test_a_denied_build_says_so(world):
    world.builds.faults.planned = [DeniedError("codebuild:StartBuild is not allowed")]
    world.put(ARCHIVE)

    assert world.record.status is JobStatus.FAILED
    assert "codebuild:StartBuild" in world.record.failure.reason


def test_a_row_without_build_forgets_its_last_one(world):
    world.make_ready(CONTAINER)

    world.put({"job_name": NAME, "type": "ecs", "image": "public.ecr.aws/a/b:1"})

    assert world.record.build is None
    assert "Repository" not in world.resources
