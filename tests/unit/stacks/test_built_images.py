"""Which images of a job's builds may go."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from provisioner.stacks.built_images import KEPT, BuiltImage, old_images, remove_old
from provisioner.stacks.model import (
    BuildAttempt,
    BuildStatus,
    Cause,
    Deployment,
    JobStatus,
    Pinned,
    StackRecord,
)
from tests.support.cli import NOW

IMAGES = [BuiltImage(f"sha256:{n:02}", NOW + timedelta(hours=n)) for n in range(KEPT + 20)]
OLD = {each.digest for each in IMAGES[:20]}


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

    def remove(self, job_name, digests):
        assert job_name == "report"
        gone = set(digests)
        self.images = [each for each in self.images if each.digest not in gone]


def test_what_is_deployed_stays_however_much_was_built_since():
    assert set(old_images(IMAGES, RECORD)) == OLD - {"sha256:03", "sha256:00"}


def test_what_the_row_pins_stays():
    pinned = replace(RECORD, pinned=Pinned("sha256:07"))

    assert "sha256:07" not in old_images(IMAGES, pinned)


def test_the_newest_stay_in_whatever_order_they_are_listed():
    assert not set(old_images(IMAGES[::-1], RECORD)) & {each.digest for each in IMAGES[20:]}


def test_old_images_are_removed_once():
    repository = Repository()

    assert remove_old(repository, RECORD) == 18
    assert len(repository.images) == KEPT + 2
    assert remove_old(repository, RECORD) == 0


@pytest.mark.parametrize(
    "record",
    [None, replace(RECORD, status=JobStatus.UPDATING), replace(RECORD, build=None)],
    ids=["no-job", "about-to-run-another", "not-built"],
)
def test_of_others_nothing_is_removed(record):
    repository = Repository()

    assert remove_old(repository, record) == 0
    assert repository.images == IMAGES
