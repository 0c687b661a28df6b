"""Items of the Stacks table: what is written is read, and what older versions wrote as well."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest

from provisioner.aws.items import to_dynamodb, to_plain
from provisioner.aws.stack_items import LISTED, entry_of, from_item, to_item
from provisioner.jobs import FieldError
from provisioner.jobs.row_summary import RowSummary
from provisioner.settings import DeploymentMode
from provisioner.stacks.model import (
    BuildAttempt,
    BuildStatus,
    Cause,
    Condition,
    Deletion,
    Deployment,
    Drift,
    DriftStatus,
    Failure,
    JobStatus,
    OtherMode,
    Pinned,
    StackRecord,
    UpgradeMark,
)
from provisioner.stacks.rate_limits import Quota, Reservation
from provisioner.stacks.stack_status import StackStatus

NOW = datetime(2026, 11, 21, 9, 0, 0, 123000, tzinfo=UTC)

BLANK = StackRecord("report")
FULL = StackRecord(
    "report",
    status=JobStatus.RETRYING,
    cloudformation_status=StackStatus.UPDATE_ROLLBACK_COMPLETE,
    stack_id="arn:stack",
    stack_name="jobs-report",
    row_digest="r" * 64,
    spec_digest="s" * 64,
    deployed_digest="d" * 64,
    template_version="0123456789ab",
    outputs={"RoleArn": "arn:role", "Failure": "must not stand for the failure"},
    failure=Failure("reason", NOW, "Function", "s" * 64, ("Function", "Role")),
    errors=(FieldError("type", "is missing"),),
    attempts=2,
    recoveries=1,
    next_attempt_at=NOW,
    reservation=Reservation(Quota.CREATE, NOW, kept=False),
    drift=Drift(DriftStatus.DRIFTED, NOW, ("Function",)),
    retained_resources=("Bucket",),
    depends_on=("extract",),
    artifacts=("s3/bundles/report.zip",),
    former_artifacts=("ecr/123456789012/eu-west-1/jobs/report:1",),
    missed_schedules=3,
    conditions=(Condition("Ready", "False", "Retrying", "reason", NOW),),
    row=RowSummary(
        type="lambda",
        description="Adds up",
        owner="data",
        tags={"team": "data"},
        schedule=("rate(1 hour)",),
        timezone="Europe/Berlin",
        schedule_start="2026-11-21T09:00:00Z",
        schedule_end="2027-11-21T09:00:00Z",
        schedule_enabled=False,
        paused=True,
        pauses=True,
    ),
    deployments=(
        Deployment(
            2,
            NOW,
            Cause.PUSH,
            "d" * 64,
            "w" * 64,
            "c" * 32,
            artifact="s3://bundles/report.zip?versionId=2",
            pinned=True,
            template_version="3",
        ),
        Deployment(1, NOW, Cause.ROW, "e" * 64, "w" * 64, "c" * 32),
    ),
    pinned=Pinned("2", "3"),
    retain=True,
    deletion=Deletion.HELD,
    upgrade=UpgradeMark("upgrade-1", "0123456789ab", 2, NOW, ended_at=NOW),
    deployment_mode=DeploymentMode.EXPRESS,
    other_mode=OtherMode.SAME_AFTER_FAILURE,
    build=BuildAttempt(
        "b" * 64, BuildStatus.FAILED, "jobs_build_arm64:1", "BUILD: it failed", "https://log"
    ),
    former_builds=(
        BuildAttempt(
            "a" * 64,
            BuildStatus.SUCCEEDED,
            "jobs_build_arm64:0",
            source_version="v1",
            started_at=NOW,
        ),
    ),
    updated_at=NOW,
    expires_at=1_900_000_000,
    version=7,
)


ROWS_OF_NO_KIND = [
    {"row": found}
    for found in (
        "text",
        {"type": 5},
        {"owner": ["data"]},
        {"tags": "team"},
        {"tags": {"team": {"of": "two"}}},
        {"schedule": "rate(1 hour)"},
        {"schedule": [5]},
        {"timezone": {}},
        {"schedule_start": 5},
        {"paused": "yes"},
        {"schedule_enabled": 0},
    )
]


def stored(record):
    """Return an item as DynamoDB gives it back."""
    return to_plain(to_dynamodb(to_item(record) | {"version": record.version}))


@pytest.mark.parametrize("record", [BLANK, FULL], ids=["blank", "full"])
def test_what_is_written_is_read(record):
    assert from_item(stored(record)) == record


def test_no_field_of_the_full_record_is_a_default():
    same = [
        each.name for each in fields(FULL) if getattr(FULL, each.name) == getattr(BLANK, each.name)
    ]

    assert same == ["job_name"]


def test_outputs_have_attributes_of_their_own_but_never_those_of_the_record():
    item = to_item(FULL)

    assert item["role_arn"] == "arn:role"
    assert item["failure"]["reason"] == "reason"


@pytest.mark.parametrize(
    ("former", "name"), [("orphans", "retained_resources"), ("admission", "reservation")]
)
def test_what_older_versions_wrote_under_another_name_is_read(former, name):
    item = stored(FULL)
    item[former] = item.pop(name)

    assert from_item(item) == FULL


@pytest.mark.parametrize(
    "damage",
    [
        {"status": None},
        {"status": "WELL"},
        {"cloudformation_status": "BROKEN"},
        {"attempts": "many"},
        {"failure": "text"},
        {"failure": {"reason": "no time"}},
        {"failure": {"reason": "r", "at": "2026-11-21T09:00:00"}},
        {"errors": [{"field": "type"}]},
        {"next_attempt_at": "soon"},
        {"reservation": {"quota": "lunch", "at": "2026-11-21T09:00:00Z", "kept": True}},
        {"conditions": [{}]},
        {"deletion": "maybe"},
        {"retain": "no"},
        {"stack_id": 5},
        {"outputs": "text"},
        {"outputs": {"RoleArn": 5}},
        {"depends_on": "extract"},
        *ROWS_OF_NO_KIND,
    ],
    ids=str,
)
def test_what_cannot_be_read_is_an_error(damage):
    with pytest.raises((ValueError, TypeError, AttributeError)):
        from_item(stored(FULL) | damage)


def test_an_attribute_that_is_null_is_absent():
    assert from_item(stored(BLANK) | {"failure": None, "attempts": None}) == BLANK
    assert from_item(stored(replace(BLANK, version=2)) | {"errors": None}).version == 2


@pytest.mark.parametrize("damage", ROWS_OF_NO_KIND, ids=str)
def test_an_entry_that_cannot_be_read_is_one_without_a_row(damage):
    entry = entry_of(stored(FULL) | damage)

    assert (entry.job_name, entry.status, entry.row) == ("report", "RETRYING", None)


def test_a_name_that_no_index_can_hold_is_not_listed():
    assert to_item(replace(BLANK, job_name=1024 * "x"))["listed"] == LISTED
    assert to_item(replace(BLANK, job_name=512 * "ä" + "x"))["listed"] is None
