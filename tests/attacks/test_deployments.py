"""What somebody tries with `pin`, `deploy` and rollbacks to run what is not theirs."""

from __future__ import annotations

import json
from dataclasses import replace

import boto3
import pytest

from provisioner.aws.artifacts import Artifacts
from provisioner.errors import PermanentError, StaleError
from provisioner.jobs import InvalidRow, parse
from provisioner.jobs.artifacts import S3Object
from provisioner.service import deployments
from provisioner.stacks.model import BuildStatus, JobStatus
from tests.functional.api.conftest import api, paused
from tests.functional.aws.test_artifacts import MANIFEST
from tests.functional.cli.conftest import account, environment, here
from tests.support.api import by_scopes
from tests.support.clients import CLIENTS
from tests.support.deployments import deploy, push, write
from tests.support.rows import ROW
from tests.unit.stacks.test_building import ARCHIVE, World

__all__ = ["account", "api", "environment", "here", "paused"]

ROLLBACK = "/v1/jobs/report/rollback"


@pytest.fixture
def pushed(here):
    """Return the versions of two deployments of the same row."""
    versions = []
    for body in (b"one", b"two"):
        versions.append(push(body))
        if not here.row():
            write(here, ROW)
        deploy(here)
    return versions


@pytest.mark.usefixtures("here")
class TestPins:
    def test_a_version_of_somebody_else_s_object(self):
        other = push(b"payroll", "payroll.zip")

        found = Artifacts(CLIENTS).pin(parse(ROW | {"pin": {"version": other}}))

        assert isinstance(found, InvalidRow)
        assert [each.field for each in found.errors] == ["pin.version"]

    def test_a_digest_of_another_repository(self):
        ecr = boto3.client("ecr")
        for name in ("report", "payroll"):
            ecr.create_repository(repositoryName=name)
        image = ecr.put_image(
            repositoryName="payroll", imageTag="1", imageManifest=json.dumps(MANIFEST)
        )
        digest = image["image"]["imageId"]["imageDigest"]
        registry = f"123456789012.dkr.ecr.{ecr.meta.region_name}.amazonaws.com"
        row = {"job_name": "report", "type": "ecs", "image": f"{registry}/report:1"}

        found = Artifacts(CLIENTS).pin(parse(row | {"pin": {"version": digest}}))

        assert isinstance(found, InvalidRow)
        assert [each.field for each in found.errors] == ["pin.version"]


class TestRollbacks:
    @pytest.mark.usefixtures("pushed")
    @pytest.mark.parametrize("to", ["9" * 10_000, "9" * 4_000, "-1", "1e400", "1.5", "true"])
    def test_numbers_that_are_none(self, api, here, to):
        answer = api("POST", ROLLBACK, raw=f'{{"to": {to}}}', if_match="*")

        assert 400 <= answer.status < 500
        assert here.row() == ROW

    @pytest.mark.usefixtures("pushed")
    @pytest.mark.parametrize("to", ["9" * 10_000, "9" * 4_000, "-1", "0"])
    def test_numbers_that_are_none_in_a_terminal(self, here, to):
        assert here.run("rollback", "report", "--to", to, "--yes").exit_code in {1, 2}
        assert here.row() == ROW

    def test_of_two_at_once_one_is_refused(self, here, pushed):
        planned = [deployments.plan(here.service, "report") for _ in range(2)]
        deployments.roll_back(here.service, planned[0])

        with pytest.raises(StaleError):
            deployments.roll_back(here.service, planned[1])
        assert here.row()["pin"]["version"] == pushed[0]

    @pytest.mark.usefixtures("pushed")
    def test_whoever_may_only_operate(self, api, here):
        operator = replace(api, authorizer=by_scopes("jobs/operate"))

        for path in (ROLLBACK, "/v1/jobs/report/unpin"):
            assert operator("POST", path, {}, if_match="*").status == 403
            assert operator("POST", path, {}, query="dry_run=true", if_match="*").status == 403
        assert here.row() == ROW

    def test_code_that_is_gone_is_not_taken_from_elsewhere(self, here, pushed):
        planned = deployments.plan(here.service, "report")
        CLIENTS.s3.delete_object(Bucket="jobs-bundles", Key="report.zip", VersionId=pushed[0])
        deployments.roll_back(here.service, planned)

        found = Artifacts(CLIENTS).pin(parse(here.row()))

        assert isinstance(found, InvalidRow)  # and what is deployed stays
        assert [each.field for each in found.errors] == ["pin.version"]

    @pytest.mark.usefixtures("pushed")
    def test_a_deployment_of_another_job(self, here):
        write(here, ROW | {"job_name": "other"})

        with pytest.raises(PermanentError, match="other has never been deployed"):
            deployments.plan(here.service, "other", 1)

    def test_while_a_build_continues_what_it_makes_waits(self):
        """Else a slow build of what was gone back from would come after the rollback."""
        world = PinnedWorld().make_ready(ARCHIVE)
        first, deployed = world.record.build.digest, world.record.deployed_digest
        world.push("v2")
        assert world.record.build.status is BuildStatus.RUNNING

        world.put(ARCHIVE | {"pin": {"version": first}})
        world.end_build()

        assert world.record.status is JobStatus.READY
        assert world.record.deployed_digest == deployed
        assert world.cloudformation.running() == []


class PinnedWorld(World):
    """One whose row may pin what was built."""

    def pin(self, job):
        if job.pin is None or job.build is None:
            return super().pin(job)
        assert job.pin.version in self.results
        bundle = S3Object("bundles", f"builds/{job.job_name}/{job.pin.version}.zip", "1")
        return job.model_copy(update={"bundle": bundle}).with_build(job.pin.version)
