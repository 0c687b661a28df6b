"""Names of stacks, and back."""

from __future__ import annotations

import pytest

from provisioner.jobs import job_name_of, stack_name


@pytest.mark.parametrize("job", ["a", "nightly", "jobs", "jobs-jobs", "a-", "a" * 40])
@pytest.mark.parametrize("prefix", ["jobs", "j", "team-a"])
def test_there_and_back(prefix, job):
    assert job_name_of(prefix, stack_name(prefix, job)) == job


@pytest.mark.parametrize(
    "stack",
    [
        "jobs",
        "jobs-",
        "other-nightly",
        "jobsnightly",
        "jobs-Network-1A2B3C4D",
        "jobs-9to5",
        f"jobs-{'a' * 41}",
        "jobs-a\n",
        "",
    ],
)
def test_a_stack_of_no_job(stack):
    assert job_name_of("jobs", stack) is None
