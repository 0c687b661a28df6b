"""What builds have left of a job may go once nothing names it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from provisioner.jobs.unbuilt import archive_key, image_tag
from provisioner.stacks.built_code import (
    KEPT,
    MOST_A_DAY,
    Built,
    has_built,
    old_of,
    remove_old,
    to_clean,
)
from provisioner.stacks.model import (
    BuildAttempt,
    BuildStatus,
    Cause,
    Deployment,
    JobStatus,
    Pinned,
    StackRecord,
)
from tests.support.rows import NOW

IMAGES = [Built(f"sha256:{n:02}", NOW + timedelta(hours=n)) for n in range(KEPT + 20)]
OLD = {each.name for each in IMAGES[:20]}


def deployed(number, digest):
    artifact = f"registry/jobs/report:b-1@{digest}"
    return Deployment(number, NOW, Cause.BUILD, "d", "r", "c", artifact)


RECORD = StackRecord(
    "report",
    status=JobStatus.READY,
    build=BuildAttempt("d", BuildStatus.SUCCEEDED),
    deployments=(deployed(2, "sha256:03"), deployed(1, "sha256:00")),
)


class Repository:
    def __init__(self):
        self.images = list(IMAGES)

    def of(self, job_name):
        assert job_name == "report"
        return self.images

    def remove(self, job_name, names):
        assert job_name == "report"
        gone = set(names)
        self.images = [each for each in self.images if each.name not in gone]


def test_what_is_deployed_stays_however_much_was_built_since():
    assert set(old_of(IMAGES, RECORD)) == OLD - {"sha256:03", "sha256:00"}


def test_what_the_row_pins_stays():
    pinned = replace(RECORD, pinned=Pinned("sha256:07"))

    assert "sha256:07" not in old_of(IMAGES, pinned)


def test_the_newest_stay_in_whatever_order_they_are_listed():
    assert not set(old_of(IMAGES[::-1], RECORD)) & {each.name for each in IMAGES[20:]}


def test_old_images_are_removed_once():
    repository = Repository()

    assert remove_old(repository, RECORD) == 18
    assert len(repository.images) == KEPT + 2
    assert remove_old(repository, RECORD) == 0


def test_of_a_job_whose_builds_never_ran_only_the_newest_stay():
    """Or whose row is invalid: no drift detection comes to it."""
    failed = replace(RECORD, status=JobStatus.FAILED, deployments=())
    repository = Repository()

    assert remove_old(repository, failed) == 20
    assert {each.name for each in repository.images} == {each.name for each in IMAGES[20:]}


def test_of_a_job_that_is_deleted_all_go_and_a_part_of_many_each_day():
    deleted = replace(RECORD, status=JobStatus.DELETED)
    repository = Repository()
    repository.images += [Built(f"sha256:more{n}", NOW) for n in range(MOST_A_DAY)]

    assert remove_old(repository, deleted) == MOST_A_DAY
    assert remove_old(repository, deleted) == KEPT + 20
    assert repository.images == []


DIGESTS = [f"{n:064x}" for n in range(KEPT + 20)]
ARCHIVES = [
    Built(archive_key("report", digest), NOW + timedelta(hours=n))
    for n, digest in enumerate(DIGESTS)
]


def zipped(digest, job_name="report"):
    return f"s3://bundles/builds/{job_name}/{digest}.zip?versionId=v1"


def test_archives_that_a_deployment_a_pin_or_the_last_build_names_stay():
    record = replace(
        RECORD,
        build=BuildAttempt(DIGESTS[1], BuildStatus.RUNNING),
        pinned=Pinned(DIGESTS[2]),
        deployments=(replace(deployed(1, ""), artifact=zipped(DIGESTS[3])),),
    )

    named = {archive_key("report", each) for each in DIGESTS[1:4]}
    assert set(old_of(ARCHIVES, record)) == {each.name for each in ARCHIVES[:20]} - named


def test_the_image_of_the_last_build_stays():
    tagged = replace(IMAGES[0], tags=frozenset({image_tag(DIGESTS[0])}))
    record = replace(RECORD, build=BuildAttempt(DIGESTS[0], BuildStatus.SUCCEEDED))

    assert tagged.name not in old_of([tagged, *IMAGES[1:]], replace(record, deployments=()))


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (RECORD, True),
        (replace(RECORD, build=None, former_builds=(RECORD.build,)), True),
        (replace(RECORD, build=None), False),
        (
            replace(
                RECORD,
                build=None,
                deployments=(replace(deployed(1, ""), artifact=zipped(DIGESTS[0])),),
            ),
            True,
        ),
        (
            replace(
                RECORD,
                build=None,
                deployments=(replace(deployed(1, ""), artifact=zipped(DIGESTS[0], "other")),),
            ),
            False,
        ),
    ],
    ids=["last", "former", "none", "deployed", "another-job's"],
)
def test_a_stacks_row_tells_whether_there_was_a_build(record, expected):
    assert has_built(record) == expected


def test_the_daily_check_comes_to_those_that_no_drift_detection_comes_to():
    records = {
        status.value: replace(RECORD, job_name=status.value, status=status) for status in JobStatus
    }
    records["unbuilt"] = replace(RECORD, status=JobStatus.FAILED, build=None)

    assert set(to_clean(records)) == {"FAILED", "INVALID", "RETAINED", "DELETED"}


@pytest.mark.parametrize(
    "record",
    [None, replace(RECORD, status=JobStatus.UPDATING), replace(RECORD, build=None)],
    ids=["no-job", "about-to-run-another", "not-built"],
)
def test_of_others_nothing_is_removed(record):
    repository = Repository()

    assert remove_old(repository, record) == 0
    assert repository.images == IMAGES
