"""What holds of the ports of a job's code in every adapter and fake."""

from __future__ import annotations

import pytest

from provisioner.errors import TemporaryError
from provisioner.jobs import parse
from provisioner.jobs.artifacts import S3Object
from provisioner.jobs.unbuilt import unbuilt
from provisioner.stacks.model import BuildStatus

IMAGE = "ecr/123456789012/eu-west-1/jobs/report:1"
BUNDLE = "s3/bundles/größe 1.zip"


class ArtifactIndexContract:
    """`index` is the port, with nothing in it."""

    def test_pairs_are_added_once_and_removed(self, index):
        for _ in range(2):
            index.add("report", [IMAGE, BUNDLE], 1)
        index.add("other", [IMAGE], 0)
        index.add("third", [IMAGE + "0"], 1)
        assert [*index.jobs_of(IMAGE)] == ["other", "report"]
        assert [*index.jobs_of(BUNDLE)] == ["report"]

        for _ in range(2):
            index.remove("other", [IMAGE], 2)
        assert [*index.jobs_of(IMAGE)] == ["report"]
        assert [*index.jobs_of("s3/bundles/none.zip")] == []

    def test_many_jobs_of_one_artifact(self, index):
        names = [f"job-{number:03}" for number in range(60)]
        index.add_all((name, [IMAGE], 1) for name in names)

        assert [*index.jobs_of(IMAGE)] == names

    def test_what_another_reconcile_adds_at_the_same_time_stays(self, index):
        index.add("report", [IMAGE], 7)
        index.remove("report", [IMAGE], 7)
        assert [*index.jobs_of(IMAGE)] == ["report"]

        index.remove("report", [IMAGE], 8)
        assert [*index.jobs_of(IMAGE)] == []

    def test_what_is_added_again_counts_from_then(self, index):
        index.add("report", [IMAGE], 1)
        index.add("report", [IMAGE], 3)
        index.remove("report", [IMAGE], 2)

        assert [*index.jobs_of(IMAGE)] == ["report"]


def wanted(name="report", digest="d" * 64):
    """Return what is to be built for a job."""
    row = {"job_name": name, "type": "ecs", "build": {"source": "s3://sources/a.zip"}}
    return unbuilt(parse(row), "jobs", S3Object("sources", "a.zip", "v1"), digest)


UNKNOWN = "jobs_build_arm64:00000000-0000-4000-8000-000000000000"


class BuildsContract:
    """`builds` is the port, without any build."""

    def test_a_build_is_found_by_its_id(self, builds):
        assert builds.find(builds.start(wanted(), "token")) is not None

    def test_a_build_runs_until_it_ends(self, builds):
        build_id = builds.start(wanted(), "token")

        assert builds.find(build_id).status is BuildStatus.RUNNING

    def test_the_same_token_starts_one_build(self, builds):
        build_id = builds.start(wanted(), "token")

        assert builds.start(wanted(), "token") == build_id

    def test_another_token_starts_another_build(self, builds):
        build_id = builds.start(wanted(), "token")

        assert builds.start(wanted("other"), "other token") != build_id

    def test_a_build_that_is_stopped_has_failed(self, builds):
        build_id = builds.start(wanted(), "token")
        builds.stop(build_id)
        report = builds.find(build_id)

        assert (report.status, report.reason) == (BuildStatus.FAILED, "STOPPED")

    def test_one_that_has_ended_stays_as_it_is(self, builds):
        build_id = builds.start(wanted(), "token")
        builds.stop(build_id)
        before = builds.find(build_id)
        builds.stop(build_id)
        after = builds.find(build_id)

        assert (after.status, after.reason) == (before.status, before.reason)

    def test_the_same_token_starts_no_second_build_after_the_end(self, builds):
        build_id = builds.start(wanted(), "token")
        builds.stop(build_id)

        assert builds.start(wanted(), "token") == build_id

    def test_one_that_nobody_knows_is_not_found_and_not_stopped(self, builds):
        builds.stop(UNKNOWN)

        assert builds.find(UNKNOWN) is None


class FullBuildsContract:
    """`builds` takes one build at a time."""

    def test_as_many_run_as_may(self, builds):
        first = builds.start(wanted(), "token")
        with pytest.raises(TemporaryError):
            builds.start(wanted("other"), "other token")
        assert builds.start(wanted(), "token") == first

        builds.stop(first)
        assert builds.start(wanted("other"), "other token") != first
