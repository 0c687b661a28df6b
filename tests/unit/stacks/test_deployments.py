"""The deployments of a job: which there are, and because of what, told by record and stack."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from provisioner.jobs import S3Object, parse
from provisioner.stacks.actions import Create, GiveUp, Nothing, Update, ValidRow, Wait
from provisioner.stacks.deployments import KEPT, pinned_version
from provisioner.stacks.model import Cause, Failure, JobStatus, Pinned, StackRecord, StackState
from provisioner.stacks.outcomes import Done, Unchanged
from provisioner.stacks.record import after
from provisioner.stacks.stack_status import StackStatus

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
ROW = {
    "job_name": "report",
    "type": "lambda",
    "runtime": "python3.13",
    "handler": "app.handler",
    "bundle": "s3://bundles/report.zip",
}


def wanted(version="v1", row="r1", *, pin=False):
    """Return what a row asks for: `row` stands for all it says, but for the pin."""
    named = {"pin": {"version": version}} if pin else {}
    job = parse(ROW | named)
    job = job.model_copy(update={"bundle": replace(job.bundle, version_id=version)})
    content = f"{row}{named or ''}"
    return ValidRow(job, f"{row}-{version}", row_digest=row, row_content=content)


def stack(digest, status=StackStatus.UPDATE_COMPLETE, failure=None, template_version=None):
    return StackState(
        "arn:stack",
        status,
        ours=True,
        digest=digest,
        failure=failure,
        template_version=template_version,
    )


def deployed(*each):
    """Return the record after these were deployed, one after the other."""
    record = StackRecord("report")
    for number, desired in enumerate(each):
        at = NOW + timedelta(minutes=number)
        ready = Nothing(JobStatus.READY)
        observed = stack(desired.digest, template_version=desired.template_version or None)
        record = after(record, desired, observed, ready, Done(), at)
    return record


CAUSES = {
    "the first": ((wanted(),), Cause.ROW),
    "a change of the row": ((wanted(), wanted(row="r2")), Cause.ROW),
    "the row and the code": ((wanted(), wanted("v2", row="r2")), Cause.ROW),
    "new code": ((wanted(), wanted("v2")), Cause.PUSH),
    "code that came back": ((wanted(), wanted("v2"), wanted("v1")), Cause.PUSH),
    "a pin of what ran before": ((wanted(), wanted("v2"), wanted(pin=True)), Cause.ROLLBACK),
    "a pin of what never ran": ((wanted(), wanted("v0", pin=True)), Cause.ROW),
    "another pin": (
        (wanted(), wanted("v2"), wanted("v3"), wanted(pin=True), wanted("v2", pin=True)),
        Cause.ROLLBACK,
    ),
    "a row as it was before": ((wanted(), wanted(row="r2"), wanted()), Cause.ROLLBACK),
    "the pin's end, newer code": (
        (wanted(), wanted("v2"), wanted(pin=True), wanted("v3")),
        Cause.ROW,
    ),
    "the same, made otherwise": (
        (wanted(), replace(wanted(), template_version="2")),
        Cause.UPGRADE,
    ),
    "the same, pinned and made otherwise": (
        (wanted(pin=True), replace(wanted(pin=True), template_version="2")),
        Cause.UPGRADE,
    ),
}


@pytest.mark.parametrize(("each", "cause"), CAUSES.values(), ids=CAUSES)
def test_a_deployment_says_because_of_what(each, cause):
    record = deployed(*each)

    last = record.deployments[0]
    assert (last.number, last.cause, last.digest) == (len(each), cause, each[-1].digest)
    assert last.template_version == (each[-1].template_version or None)
    assert last.artifact == each[-1].job.bundle.uri
    assert (last.row_digest, last.row_content) == (each[-1].row_digest, each[-1].row_content)


BUILT = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/jobs/report"
CODE = {
    "an object": ({}, "s3://bundles/report.zip?versionId=v1", "v1"),
    "an object without versions": ({}, "s3://bundles/report.zip", None),
    "another object": ({}, "s3://bundles/other.zip?versionId=v1", None),
    "one that the row names": (
        {"bundle": "s3://bundles/report.zip?versionId=v2"},
        "s3://bundles/report.zip?versionId=v1",
        None,
    ),
    "an image": ({"image": f"{BUILT}:1"}, f"{BUILT}@sha256:{'1' * 64}", f"sha256:{'1' * 64}"),
    "another image": ({"image": f"{BUILT}:1"}, f"{BUILT}2@sha256:{'1' * 64}", None),
    "an image for an object": ({}, f"{BUILT}@sha256:{'1' * 64}", None),
    "a build of an archive": (
        {"build": {"source": "s3://sources/report.zip"}},
        f"s3://bundles/builds/report/{'b' * 64}.zip?versionId=v1",
        "b" * 64,
    ),
    "a build of an image": (
        {"build": {"source": "s3://sources/report.zip"}, "runtime": None},
        f"{BUILT}@sha256:{'1' * 64}",
        f"sha256:{'1' * 64}",
    ),
    "an image whose digest is not known": ({"image": f"{BUILT}:1"}, f"{BUILT}:1", None),
    "an image of a container": (
        {"type": "ecs", "image": f"{BUILT}:1"},
        f"{BUILT}@sha256:{'1' * 64}",
        f"sha256:{'1' * 64}",
    ),
    "a build of an image whose digest is not known": (
        {"build": {"source": "s3://sources/report.zip"}, "runtime": None},
        f"{BUILT}:1",
        None,
    ),
    "code of which nothing was noted": ({}, None, None),
    "a build of which nothing was noted": (
        {"build": {"source": "s3://sources/report.zip"}},
        None,
        None,
    ),
    "what was there before the build": (
        {"build": {"source": "s3://sources/report.zip"}},
        "s3://bundles/report.zip?versionId=v1",
        None,
    ),
}


@pytest.mark.parametrize(("changes", "artifact", "version"), CODE.values(), ids=CODE)
def test_by_which_version_a_row_can_pin_code(changes, artifact, version):
    row = ROW | changes
    if "image" in row or row["runtime"] is None:
        row = {name: row[name] for name in row if name not in {"runtime", "handler", "bundle"}}
    if "build" in row:
        row.pop("bundle", None)
    job = parse(row)
    deployment = replace(deployed(wanted()).deployments[0], artifact=artifact)

    assert pinned_version(job, deployment) == version
    if version:
        assert parse(row | {"pin": {"version": version}}).pin.version == version


def test_new_code_of_a_build_is_of_the_build():
    job = parse({**ROW, "bundle": None, "build": {"source": "s3://sources/report.zip"}})

    def built(version):
        bundle = S3Object("bundles", f"builds/report/{version}.zip", "1")
        made = job.model_copy(update={"bundle": bundle})
        return ValidRow(made, version, row_digest="r", row_content="r")

    assert deployed(built("a"), built("b")).deployments[0].cause is Cause.BUILD


def test_what_is_reconciled_again_is_not_another_deployment():
    record = deployed(wanted())

    again = after(
        record, wanted(), stack("r1-v1"), Nothing(JobStatus.READY), Done(), NOW + timedelta(days=1)
    )

    assert again == record


def test_the_pin_of_what_runs_is_not_another_deployment():
    record = deployed(wanted(), wanted(pin=True))

    assert [each.number for each in record.deployments] == [1]
    assert record.pinned == Pinned("v1")


def test_ten_are_kept_and_no_number_comes_twice():
    record = deployed(*(wanted(f"v{number}") for number in range(13)))

    assert [each.number for each in record.deployments] == list(range(13, 3, -1))
    assert len(record.deployments) == KEPT


FAILED = Failure("no", NOW, digest="r1-v2")
NOT_DEPLOYED = {
    "begun": (Update(wanted("v2")), stack("r1-v1"), Done()),
    "created": (Create(wanted("v2")), None, Done("arn:new")),
    "goes on": (
        Wait(JobStatus.UPDATING),
        stack("r1-v2", StackStatus.UPDATE_IN_PROGRESS),
        Done(),
    ),
    "not what is wanted": (Nothing(JobStatus.READY), stack("r1-v1"), Done()),
    "failed, and CloudFormation went back": (
        GiveUp(FAILED),
        stack("r1-v1", StackStatus.UPDATE_ROLLBACK_COMPLETE, FAILED),
        Done(),
    ),
}


@pytest.mark.parametrize(("action", "observed", "outcome"), NOT_DEPLOYED.values(), ids=NOT_DEPLOYED)
def test_what_is_not_there_yet_is_not_deployed(action, observed, outcome):
    record = deployed(wanted())

    fresh = after(record, wanted("v2"), observed, action, outcome, NOW)

    assert fresh.deployments == record.deployments


def test_an_update_that_had_nothing_to_do_is_deployed():
    record = deployed(wanted())

    fresh = after(record, wanted("v2"), stack("r1-v1"), Update(wanted("v2")), Unchanged(), NOW)

    assert fresh.deployments[0].digest == "r1-v2"


def test_a_deleted_job_of_the_same_name_continues_counting():
    record = deployed(wanted(), wanted("v2"))
    gone = after(record, None, None, Nothing(JobStatus.DELETED), Done(), NOW)

    back = after(gone, wanted("v3"), stack("r1-v3"), Nothing(JobStatus.READY), Done(), NOW)

    assert [each.number for each in back.deployments] == [3, 2, 1]


@pytest.mark.parametrize(
    ("newest", "status", "message"),
    [
        ("v1", "True", ""),
        ("v2", "False", "The row pins v1; v2 waits until the row no longer pins a version"),
        (None, "Unknown", "The row pins v1; whether there is newer code is not known"),
    ],
    ids=["the newest", "an older one", "cannot be looked up"],
)
def test_a_pinned_job_says_whether_newer_code_waits(newest, status, message):
    desired = wanted(pin=True)
    desired = replace(desired, job=desired.job.with_newest(newest))

    record = deployed(desired)

    (found,) = [each for each in record.conditions if each.type == "CodeCurrent"]
    assert (found.status, found.reason, found.message) == (status, "Pinned", message)
    assert not [each for each in deployed(desired, wanted()).conditions if "Code" in each.type]


def test_a_paused_row_says_of_its_pin_what_was_last_known():
    record = deployed(wanted(pin=True))
    paused = wanted("v2")
    paused = replace(paused, job=paused.job.model_copy(update={"paused": True}))

    fresh = after(record, paused, stack("r1-v1"), Nothing(JobStatus.PAUSED), Done(), NOW)

    assert fresh.pinned == Pinned("v1")
