"""A job rolls itself back when one of the first runs of a new deployment fails."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from provisioner.aws.jobs_table import JobsTable
from provisioner.aws.stacks_table import StacksTable
from provisioner.entrypoints import run_stream
from provisioner.errors import TemporaryError
from provisioner.jobs import parse, spec_digest
from provisioner.service import canary
from provisioner.stacks.model import Cause, Deployment, JobStatus, StackRecord, StackSummary
from provisioner.stacks.stack_status import StackStatus
from tests.functional.aws.test_dependants import put_run as put_ended
from tests.functional.cli.conftest import account, environment, here
from tests.functional.entrypoints.test_notify import (
    events,
    handle,
    published,
    run,
    subscribe,
    topic,
)
from tests.support.cli import put_run
from tests.support.clients import CLIENTS
from tests.support.deployments import deploy, pushed_twice, write
from tests.support.functions import deliver
from tests.support.rows import ROW

__all__ = ["account", "environment", "here", "published", "subscribe", "topic"]

CANARY = ROW | {"deploy": {"canary": {"runs": 2}}}
LARGER = CANARY | {"memory_mb": 512}


def judge(here, digest=None):
    """Judge the job while its stack carries a digest, if none is given, the recorded one."""

    def stack_of(stack_id):
        carried = digest or here.record().deployments[0].digest
        return StackSummary("report", stack_id, StackStatus.UPDATE_COMPLETE, carried)

    service = replace(here.service, caller=lambda: canary.CALLER)
    return canary.judge(service, "report", stack_of)


def end(status, name="first", minutes=1, **more):
    at = datetime.now(UTC) + timedelta(minutes=minutes)
    ended_at = f"{at + timedelta(seconds=5):%FT%TZ}"
    put_run("report", name, status, started_at=at, ended_at=ended_at, **more)


@pytest.fixture
def pushed(here):
    """Return the versions of two deployments of the same row."""
    return pushed_twice(here, CANARY)


def test_new_code_that_fails_is_rolled_back_once(here, pushed):
    end("FAILED")

    assert judge(here).to.number == 1
    row = here.row()
    assert row["pin"]["version"] == pushed[0]
    assert row["pin"]["note"] == (
        "rolled back to deployment 1: run first of deployment 2 has failed"
    )
    assert judge(here) is None
    deploy(here)
    end("FAILED", "second", 2)
    assert judge(here) is None
    assert here.row() == row
    (entry,) = here.service.audit.of_each_kind("report", 9, since="2026")
    assert (entry.action, entry.by, entry.via, entry.proven) == (
        "roll_back",
        "provisioner",
        "canary",
        True,
    )
    assert entry.detail == "deployment 1: run first of deployment 2 has failed"


def test_a_row_that_fails_is_rolled_back_to_its_version(here):
    for row in (CANARY, LARGER):
        write(here, row)
        deploy(here)
    end("TIMED_OUT")

    assert judge(here).to.number == 1
    assert here.row() == CANARY


@pytest.mark.usefixtures("pushed")
def test_a_run_of_what_could_not_be_recorded_yet_decides_nothing(here):
    end("FAILED")
    row = here.row()

    with pytest.raises(TemporaryError, match="in the meantime"):
        judge(here, "f" * 64)
    assert here.row() == row


@pytest.mark.usefixtures("pushed")
def test_a_stack_that_is_gone_is_not_rolled_back(here):
    end("FAILED")

    assert canary.judge(here.service, "report", lambda _: None) is None


def succeeded_first(_):
    end("SUCCEEDED", "one", 1)
    end("SUCCEEDED", "two", 2)
    end("FAILED", "three", 3)


def stopped(_):
    end("STOPPED")


def before(_):
    end("FAILED", minutes=-60)


def no_capacity(_):
    end("FAILED", error="InsufficientCapacity")


def first_runs_deleted(here):
    end("FAILED")
    write(here, CANARY | {"history_limit": 1})


def edited(here):
    end("FAILED")
    write(here, LARGER)


def not_wanted(here):
    end("FAILED")
    write(here, CANARY | {"deploy": {"canary": {"rollback_on_failure": False}}})


def invalid(here):
    end("FAILED")
    write(here, CANARY | {"memory_mb": 1})


def paused(here):
    end("FAILED")
    write(here, CANARY | {"paused": True})


def on_its_way(here):
    end("FAILED")
    here.stacks.save(replace(here.record(), status=JobStatus.UPDATING, spec_digest="f" * 64))


def upgraded(here):
    end("FAILED")
    last, *others = here.record().deployments
    last = replace(last, cause=Cause.UPGRADE)
    here.stacks.save(replace(here.record(), deployments=(last, *others)))


def the_only_one(here):
    end("FAILED")
    here.stacks.save(replace(here.record(), deployments=here.record().deployments[:1]))


def gone(here):
    end("FAILED")
    here.jobs.delete("report")


NOTHING = (
    succeeded_first, stopped, before, no_capacity, first_runs_deleted, edited, not_wanted, invalid,
    paused, on_its_way, upgraded, the_only_one, gone,
)  # fmt: skip


@pytest.mark.usefixtures("pushed")
@pytest.mark.parametrize("given", NOTHING, ids=lambda given: given.__name__)
def test_nothing_is_rolled_back(here, given):
    given(here)
    row = here.row()

    assert judge(here) is None
    assert here.row() == row


def test_a_row_of_that_time_that_is_not_kept_leaves_the_job_as_it_is(here):
    write(here, CANARY)
    deploy(here)
    here.jobs.put(LARGER)
    deploy(here)
    last, first = here.record().deployments
    first = replace(first, row_content="of a version that is gone")
    here.stacks.save(replace(here.record(), deployments=(last, first)))
    end("FAILED")

    assert judge(here) is None
    assert here.row() == LARGER


@pytest.mark.usefixtures("pushed")
def test_the_first_runs_to_end_decide_not_the_first_to_start(here):
    now = datetime.now(UTC)
    for name, status, began, ended in (
        ("slow", "FAILED", 1, 30),
        ("quick", "SUCCEEDED", 2, 3),
        ("second", "SUCCEEDED", 3, 4),
    ):
        started, over = (now + timedelta(minutes=each) for each in (began, ended))
        put_run("report", name, status, started_at=started, ended_at=f"{over:%FT%TZ}")

    assert judge(here) is None


def deployed_twice(jobs):
    """Put a job with a canary and two deployments."""
    stacks, parameter = StacksTable(CLIENTS, "jobs-Stacks"), "SpecDigest"
    row = CANARY | {"bundle": "s3://bundles/report.zip"}
    jobs.put(row)
    job = parse(row)
    newest = Deployment(
        2, datetime(2026, 11, 20, tzinfo=UTC), Cause.PUSH, "2" * 64, spec_digest(job), "c",
        artifact="s3://bundles/report.zip?versionId=2",
    )  # fmt: skip
    earlier = replace(
        newest, number=1, digest="1" * 64, artifact="s3://bundles/report.zip?versionId=1"
    )
    body = {
        "Parameters": {parameter: {"Type": "String"}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
    }
    made = CLIENTS.cloudformation.create_stack(
        StackName="jobs-report",
        TemplateBody=json.dumps(body),
        Parameters=[{"ParameterKey": parameter, "ParameterValue": newest.digest}],
        Tags=[{"Key": "provisioner", "Value": "jobs"}],
    )
    stacks.save(
        StackRecord(
            "report",
            stack_id=made["StackId"],
            status=JobStatus.READY,
            spec_digest=newest.digest,
            deployed_digest=newest.digest,
            deployments=(newest, earlier),
        )
    )


@pytest.mark.usefixtures("bootstrap")
def test_the_end_of_a_run_has_it_rolled_back():
    """Of one that succeeded nothing comes; a record that comes twice changes nothing."""
    jobs = JobsTable(CLIENTS, "jobs-Jobs")
    deployed_twice(jobs)
    put_ended("report", "2026-11-21T09:00:00.000Z#r", "FAILED")

    for status in ("SUCCEEDED", "FAILED", "FAILED"):
        record = {
            "dynamodb": {
                "Keys": {"job_name": {"S": "report"}},
                "NewImage": {"status": {"S": status}},
                "SequenceNumber": "1",
            }
        }
        assert deliver(run_stream, {"Records": [record]}) == {"batchItemFailures": []}
        pinned = jobs.get_many(["report"])["report"].get("pin")
        assert (pinned and pinned["version"]) == (None if status == "SUCCEEDED" else "1")


def test_its_last_run_is_notified_once_all_have_succeeded(published):
    deployed_twice(JobsTable(CLIENTS, "jobs-Jobs"))
    runs = [f"2026-11-21T09:0{n}:00.000Z#r{n}" for n in range(2)]
    for trigger_id in runs:
        put_ended("report", trigger_id, "SUCCEEDED")
        assert handle(run("SUCCEEDED", trigger_id=trigger_id)) == []

    assert events(published()) == [("report", "canary_passed")]
