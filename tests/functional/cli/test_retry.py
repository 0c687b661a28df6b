from __future__ import annotations

import pytest

from provisioner.jobs import FieldError
from provisioner.stacks.model import Deletion, Failure, JobStatus
from tests.support.cli import NOW
from tests.support.rows import ROW
from tests.support.waiting import wait_until

FAILURE = Failure("no such subnet", NOW, "Function")


class TestRetry:
    @pytest.fixture
    def failed(self, here):
        here.jobs.put(ROW)
        here.save(status=JobStatus.FAILED, failure=FAILURE, spec_digest=here.digest(), attempts=5)
        return here

    def wait_for_message(self, here):
        return wait_until(here.queued, "a message", timeout_seconds=10)

    def test_queues_a_reconcile_that_forgets_failures(self, failed):
        result = failed.run("retry", "report")

        assert result.exit_code == 0
        assert result.stdout == "queued     report\n"
        assert 'follow the job with "provisioner get report"' in result.stderr.lower()
        assert failed.queued() == [{"job_name": "report", "retry": True}]

    def test_several_each_once(self, failed):
        failed.jobs.put(ROW | {"job_name": "other"})

        assert failed.run("retry", "report", "other", "report").exit_code == 0
        names = [message["job_name"] for message in failed.queued()]
        assert sorted(names) == ["other", "report"]

    def test_one_that_does_not_exist_keeps_all_from_being_asked_for(self, failed):
        result = failed.run("retry", "report", "reprot")

        assert result.exit_code == 1
        assert 'there is no job reprot; did you mean "report"?' in result.stderr
        assert failed.queued() == []

    def test_a_stack_without_a_row_can_be_tried_again(self, here):
        here.save(status=JobStatus.FAILED, failure=FAILURE)

        assert here.run("retry", "report").exit_code == 0
        assert here.queued() == [{"job_name": "report", "retry": True}]

    @pytest.mark.parametrize(
        ("end", "code"), [(JobStatus.READY, 0), (JobStatus.FAILED, 1)], ids=str
    )
    def test_waits_for_what_comes_of_it(self, failed, end, code):
        result = failed.start("retry", "report", "--wait", "--timeout", "20s")
        self.wait_for_message(failed)
        digest = failed.digest()
        failed.save(failure=None, spec_digest=None, attempts=0)  # it stands in line
        failed.save(status=JobStatus.UPDATING, spec_digest=digest)
        failed.save(status=end, deployed_digest=digest, failure=FAILURE if code else None)

        assert result.result(20).exit_code == code
        assert ("Function: no such subnet" in result.result().stderr) == bool(code)

    def test_the_old_failure_is_not_the_answer(self, failed):
        result = failed.run("retry", "report", "--wait", "--timeout", "0.3s")

        assert result.exit_code == 7

    def test_a_job_that_is_well_is_not_waited_for(self, here):
        here.jobs.put(ROW)
        here.make_ready()

        assert here.run("retry", "report", "--wait").exit_code == 0

    @pytest.mark.parametrize(
        "row",
        [ROW | {"memory_mb": 1}, ROW | {"bundle": "s3://jobs-bundles/missing.zip"}],
        ids=["by-itself", "by-its-bundle"],
    )
    def test_a_row_that_is_still_wrong_is_not_waited_for(self, here, row):
        here.jobs.put(row)
        wrong = FieldError("memory_mb", "must be between 128 and 10,240")
        if row["bundle"].endswith("missing.zip"):
            wrong = FieldError("bundle", f"{row['bundle']} does not exist")
        here.save(status=JobStatus.INVALID, errors=(wrong,))

        result = here.start("retry", "report", "--wait", "--timeout", "20s")
        self.wait_for_message(here)
        here.save(updated_at=NOW)

        assert result.result(20).exit_code == 1
        assert f"report: {wrong.field} {wrong.message}" in result.result().stderr

    @pytest.mark.parametrize(
        ("end", "code"), [(JobStatus.DELETED, 0), (JobStatus.RETAINED, 0), (JobStatus.FAILED, 1)]
    )
    def test_waits_for_a_stack_without_a_row_to_go(self, here, end, code):
        here.save(status=JobStatus.FAILED, failure=FAILURE)

        result = here.start("retry", "report", "--wait", "--timeout", "20s")
        self.wait_for_message(here)
        here.save(status=JobStatus.DELETING, failure=None)
        here.save(status=end, failure=FAILURE if code else None, attempts=1)

        assert result.result(20).exit_code == code

    def test_a_held_deletion_is_not_waited_for(self, here):
        here.save(status=JobStatus.PENDING, deletion=Deletion.HELD)

        result = here.run("retry", "report", "--wait")

        assert result.exit_code == 1
        assert "confirm-deletions" in result.stderr
