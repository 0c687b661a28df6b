from __future__ import annotations

import pytest

from provisioner.stacks.model import Failure, JobStatus
from tests.support.cli import NOW
from tests.support.rows import ROW
from tests.support.waiting import wait_until


class TestDelete:
    @pytest.fixture
    def job(self, here):
        here.jobs.put(ROW)
        here.make_ready()
        return here

    def test_asks(self, job):
        no = job.run("delete", "report", stdin="n\n")
        assert no.exit_code == 1
        assert "Delete report? Its stack is deleted, too." in no.stderr
        assert job.row()

        yes = job.run("delete", "report", stdin="y\n")
        assert yes.exit_code == 0
        assert job.row() == {}

    def test_without_anybody_to_ask_it_does_nothing(self, job):
        assert job.run("delete", "report").exit_code == 1
        assert job.row()

    def test_says_that_a_retained_stack_stays(self, job):
        job.jobs.put(ROW | {"deletion_policy": "retain"})

        assert "Its stack stays." in job.run("delete", "report", stdin="n\n").stderr

    @pytest.mark.parametrize(
        ("end", "code"),
        [(JobStatus.DELETED, 0), (JobStatus.RETAINED, 0), (JobStatus.FAILED, 1)],
    )
    def test_waits_for_the_end_of_the_stack(self, job, end, code):
        failure = Failure("bucket is not empty", NOW, "Bucket")

        result = job.start("delete", "report", "--yes", "--wait")
        wait_until(lambda: not job.row(), "the row's end")
        job.save(status=JobStatus.DELETING)
        job.save(status=end, failure=failure if code else None)

        assert result.result(10).exit_code == code
        assert f"report: {end}" in result.result().stderr
        assert ("Bucket: bucket is not empty" in result.result().stderr) == bool(code)

    def test_a_job_that_never_had_a_stack(self, here):
        here.jobs.put(ROW)

        assert here.run("delete", "report", "--yes", "--wait").exit_code == 0
