"""One push for many jobs, in the timed world of the benchmarks: paced, and none FAILED."""

from __future__ import annotations

import pytest

from bench import push
from tests.support.drawn import whole


@pytest.mark.parametrize("jobs", [30, *([300] if whole() else [])])
def test_all_jobs_of_a_bundle_are_redeployed_at_cloudformation_s_pace(jobs):
    found = push.measure(jobs)  # a job that becomes FAILED is an error there

    assert found.updates == jobs
    assert found.seconds <= 1.1 * found.ideal_seconds + 10
    assert found.throttled <= jobs * 0.02
