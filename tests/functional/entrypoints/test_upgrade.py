"""An upgrade by the functions themselves: 200 jobs, waves, failures, and steps that are cut off."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import boto3
import pytest

from provisioner.aws.items import to_dynamodb
from provisioner.aws.stacks_table import StacksTable
from provisioner.aws.upgrade_table import UpgradeTable
from provisioner.entrypoints import reconcile_queue, sweep
from provisioner.entrypoints.wiring import Runtime
from provisioner.errors import ConflictError
from provisioner.stacks.model import JobStatus
from provisioner.stacks.upgrade import Upgrade, UpgradeStatus, abort, resume
from tests.support.clients import CLIENTS
from tests.support.fakes import FakeClock, FakeCloudFormation, UnlimitedRateLimiter
from tests.support.functions import _runtimes as held
from tests.support.functions import deliver, having, runtime

A, B, C = "templates-a", "templates-b", "templates-c"
ROW = {"type": "lambda", "runtime": "python3.13", "handler": "a.b", "bundle": "s3://bundles/a.zip"}
SOAK = timedelta(minutes=10)


class World:
    """A bootstrap in moto whose stacks are in memory, and whose release can change."""

    def __init__(self, environment):
        self.clock = FakeClock()
        self.cloudformation = FakeCloudFormation(self.clock)
        self.queue = environment["RECONCILE_QUEUE_URL"]
        self.sqs = boto3.client("sqs")
        self.stacks = StacksTable(CLIENTS, "jobs-Stacks")
        self.upgrades = UpgradeTable(CLIENTS, "jobs-Triggers")
        self.spoiled = set()
        self.release(A)

    def release(self, version, **settings):
        """Let the functions be of a release."""
        own = Runtime(replace(runtime().settings, **settings), runtime().clients, self.clock)
        held[:] = [
            having(
                own,
                cloudformation=self.cloudformation,
                rate_limiter=UnlimitedRateLimiter(self.clock),
                template_version=version,
                pin=lambda _, job: job,
                synthesize=lambda *_: "{}",
            )
        ]

    def put(self, count):
        with boto3.resource("dynamodb").Table("jobs-Jobs").batch_writer() as batch:
            for number in range(count):
                batch.put_item({"job_name": f"job-{number:03}", **ROW})
        names = [f"job-{number:03}" for number in range(count)]
        runtime().reconcile_queue.send_many(dict.fromkeys(names, 0))
        self.settle()
        assert {each.status for each in self.records().values()} == {JobStatus.READY}

    def settle(self):
        """Let the functions reconcile and CloudFormation end its operations, until all is quiet."""
        while self._reconciled() or self._ended():
            pass

    def _reconciled(self):
        found = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
        messages = found.get("Messages", ())
        records = [
            {
                "messageId": each["MessageId"],
                "receiptHandle": each["ReceiptHandle"],
                "body": each["Body"],
                "attributes": {"ApproximateReceiveCount": "1"},
            }
            for each in messages
        ]
        if records:
            assert deliver(reconcile_queue, {"Records": records}) == {"batchItemFailures": []}
        for each in messages:
            self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=each["ReceiptHandle"])
        return bool(records)

    def _ended(self):
        running = self.cloudformation.running()
        for stack in running:
            reason = "Resource handler returned message: no such role"
            name = stack.removeprefix("jobs-")
            self.cloudformation.finish(stack, reason if name in self.spoiled else None)
        names = [stack.removeprefix("jobs-") for stack in running]
        runtime().reconcile_queue.send_many(dict.fromkeys(names, 0))
        return bool(running)

    def records(self):
        return {each.job_name: each for each in self.stacks.all()}

    def start(self, upgrade_id="upgrade-1", **more):
        values = {"waves": (5, 25, 100), "soak": SOAK, "pause_on_failures": 1, **more}
        before = self.upgrades.get()
        self.upgrades.save(
            Upgrade(
                upgrade_id,
                by="anna",
                started_at=self.clock.now,
                version=before.version if before else 0,
                **values,
            )
        )

    def proceed(self, times=1, event=None):
        for _ in range(times):
            deliver(sweep, event or {})
            self.settle()
            self.clock.advance(timedelta(minutes=6))

    def of_version(self, version):
        found = self.records().values()
        return {each.job_name for each in found if each.template_version == version}

    def chosen(self):
        return {each.job_name for each in self.records().values() if each.upgrade}


@pytest.fixture
def world(bootstrap):
    return World(bootstrap)


def failed_run(name, at):
    started = f"{at:%Y-%m-%dT%H:%M:%S}.000Z"
    return {
        "job_name": name,
        "trigger_id": f"{started}#run",
        "status": "FAILED",
        "started_at": started,
        "error": "ContainerFailed",
        "cause": "Exit code 3.",
    }


def put_run(item):
    CLIENTS.dynamodb.put_item(TableName="jobs-Triggers", Item=to_dynamodb(item))


def test_a_planted_failure_stops_it_and_a_person_resumes_it(world):
    world.put(10)
    world.release(B)
    world.proceed()
    assert world.of_version(A) == set(world.records())  # a release alone changes no stack

    world.start(waves=(10, 50, 100))
    world.proceed()
    assert len(world.of_version(B)) == 1
    world.spoiled = set(world.records()) - world.of_version(B)  # whichever come next
    world.proceed(2)

    failed = [each for each in world.records().values() if each.status is JobStatus.FAILED]
    assert len(failed) == 4
    world.proceed()
    upgrade = world.upgrades.get()
    assert (upgrade.status, upgrade.wave) == (UpgradeStatus.PAUSED, 1)
    assert "no such role (3 more)" in upgrade.reason
    assert len(world.chosen()) == 5
    assert failed[0].template_version == A  # the last good stack

    world.spoiled = set()
    world.upgrades.save(resume(upgrade))
    world.proceed(4)
    assert world.upgrades.get().status is UpgradeStatus.SUCCEEDED
    assert len(world.of_version(B)) == 6
    runtime().reconcile_queue.send(failed[0].job_name, retry=True)
    world.settle()
    assert world.records()[failed[0].job_name].template_version == B


def test_aborted_jobs_are_ready_with_the_stack_that_they_have(world):
    world.put(6)
    world.release(B)
    world.start(waves=(50, 100))
    world.spoiled = set(world.records())
    world.proceed(2)
    upgrade = world.upgrades.get()
    assert upgrade.status is UpgradeStatus.PAUSED

    world.upgrades.save(abort(upgrade, "not now"))
    world.proceed(2, {"upgrade": True})

    assert world.upgrades.get().ended_at is not None
    records = world.records().values()
    assert {(each.status, each.template_version) for each in records} == {(JobStatus.READY, A)}
    assert world.chosen() == set()
    operations = len(world.cloudformation.operations)
    world.proceed(2)
    assert len(world.cloudformation.operations) == operations

    # The next upgrade tries them, whatever became of the one before.
    world.spoiled = set()
    world.start("upgrade-2")
    world.proceed(12)
    assert world.of_version(B) == set(world.records())


class CutOff(StacksTable):
    """The process ends after it has marked two jobs."""

    left = 2

    def set_upgrade(self, record, mark):
        self.left -= 1
        if self.left < 0:
            raise SystemExit
        return super().set_upgrade(record, mark)


def test_a_process_that_is_killed_in_the_middle_of_a_step_is_followed_by_another(world):
    world.put(6)
    world.release(B)
    world.start(waves=(50, 100))
    held[:] = [having(runtime(), stacks=CutOff(CLIENTS, "jobs-Stacks"))]
    with pytest.raises(SystemExit):
        deliver(sweep, {"upgrade": True})
    assert len(world.chosen()) == 2  # and no message was sent for them

    world.release(B)
    world.clock.advance(timedelta(minutes=5))
    world.proceed()

    assert len(world.of_version(B)) == 3
    world.proceed(6)
    assert world.upgrades.get().status is UpgradeStatus.SUCCEEDED
    assert world.of_version(B) == set(world.records())


def test_a_run_that_fails_after_its_job_s_update_stops_it(world):
    world.put(6)
    world.release(B)
    world.start()
    world.proceed()
    [name] = world.chosen()

    put_run(failed_run(name, world.records()[name].upgrade.ended_at + timedelta(minutes=1)))
    world.proceed()

    upgrade = world.upgrades.get()
    assert upgrade.reason == f"The run of {name} failed: Exit code 3."
    assert upgrade.status is UpgradeStatus.PAUSED


def test_a_job_whose_runs_failed_before_says_nothing_of_the_upgrade(world):
    world.put(6)
    world.release(B)
    world.start()
    deliver(sweep, {})
    [name] = world.chosen()
    put_run(failed_run(name, world.clock.now - timedelta(hours=1)))
    world.settle()
    world.clock.advance(timedelta(minutes=6))

    put_run(failed_run(name, world.records()[name].upgrade.ended_at + timedelta(minutes=1)))
    world.proceed(12)

    assert world.upgrades.get().status is UpgradeStatus.SUCCEEDED


def test_edits_and_new_rows_in_the_meantime_get_the_new_templates_anyway(world):
    world.put(6)
    world.release(B)
    world.start()
    world.proceed()
    table = boto3.resource("dynamodb").Table("jobs-Jobs")
    others = sorted(set(world.records()) - world.chosen())
    table.put_item(Item={"job_name": others[0], **ROW, "memory_mb": 512})
    table.put_item(Item={"job_name": "new", **ROW})
    runtime().reconcile_queue.send_many({others[0]: 0, "new": 0})

    world.settle()

    assert {others[0], "new"} <= world.of_version(B)
    assert not {others[0], "new"} & world.chosen()
    world.proceed(12)
    assert world.upgrades.get().status is UpgradeStatus.SUCCEEDED
    assert not {others[0], "new"} & world.chosen()


def test_of_two_terminals_one_is_refused(world):
    world.start()
    first, second = world.upgrades.get(), world.upgrades.get()

    world.upgrades.save(abort(first, "no"))

    with pytest.raises(ConflictError, match="somebody else has just changed the upgrade"):
        world.upgrades.save(resume(second))
    assert world.upgrades.get().status is UpgradeStatus.ABORTED


def test_an_item_that_cannot_be_read_is_followed_by_another_upgrade(world):
    key = {"job_name": "#upgrade", "trigger_id": "#upgrade"}
    item = {**key, "upgrade": {"status": "DONE"}, "version": 3}
    CLIENTS.dynamodb.put_item(TableName="jobs-Triggers", Item=to_dynamodb(item))

    world.proceed()
    assert world.upgrades.get().status is UpgradeStatus.ABORTED
    world.start()

    assert world.upgrades.get().status is UpgradeStatus.RUNNING


class TestAutomatic:
    """The parameter AutomaticUpgrade: an upgrade begins because a release was deployed."""

    def test_each_release_begins_one(self, world):
        world.put(6)
        world.release(A, automatic_upgrade=(50, 100))
        world.proceed(3)
        first = world.upgrades.get()
        assert (first.status, first.total, first.to) == (UpgradeStatus.SUCCEEDED, 0, A)

        world.release(B, automatic_upgrade=(50, 100))
        world.proceed(8)

        second = world.upgrades.get()
        assert (second.status, second.total, second.by) == (
            UpgradeStatus.SUCCEEDED,
            6,
            "the bootstrap",
        )
        assert world.of_version(B) == set(world.records())
        world.proceed(2)
        assert world.upgrades.get() == second
        found, _ = runtime().service(None).audit.page(50, None)
        assert Counter(each.action for each in found) == {
            "start_upgrade": 2,
            "begin_wave": 2,
            "end_wave": 2,
            "finish_upgrade": 2,
        }
        assert {(each.by, each.via, each.proven) for each in found} == {
            ("provisioner", "upgrade", True)
        }

    def test_one_that_a_person_has_aborted_does_not_begin_again(self, world):
        world.put(3)
        world.release(B, automatic_upgrade=(50, 100))
        world.proceed()
        world.upgrades.save(abort(world.upgrades.get(), "not now"))

        world.proceed(5)

        assert world.upgrades.get().status is UpgradeStatus.ABORTED
        assert len(world.of_version(A)) == 1

    def test_another_release_ends_it_and_begins_another(self, world):
        world.put(6)
        world.release(B, automatic_upgrade=(5, 100))
        world.proceed()

        world.release(C, automatic_upgrade=(5, 100))
        world.proceed(10)

        assert world.upgrades.get().to == C
        assert world.of_version(C) == set(world.records())
