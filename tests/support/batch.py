"""Jobs of Batch on the embedded engine, as tests make and find them."""

from __future__ import annotations

from typing import Any

from tests.support.engine import EngineUnderTest

SLEEPS = (
    "import json, os, time; time.sleep(json.loads(os.environ['PAYLOAD'])['seconds']); print('woke')"
)
PRIORITIES = ("high", "normal", "low")


def batch_job(engine: EngineUnderTest, stem: str, program: str, **changes: Any) -> str:
    """Make a job that runs a Python program in the packed image; return its name."""
    name = engine.unique(stem)
    row = {"type": "batch", "command": ["python3", "-c", program], "permissions": None}
    engine.put(engine.container_row(name, **row | changes))
    engine.wait_for(name, "READY")
    return name


def jobs_of(engine: EngineUnderTest, execution: str) -> list[dict[str, Any]]:
    """Return the Batch jobs of a run, whatever their status."""
    name = f"run-{execution.rpartition(':')[2]}"
    batch = engine.client("batch")
    found = []
    for queue in [f"{priority}{on}" for priority in PRIORITIES for on in ("", "_spot")]:
        listed = batch.list_jobs(
            jobQueue=f"{engine.outputs['Prefix']}_{queue}",
            filters=[{"name": "JOB_NAME", "values": [name]}],
        )
        found += [job["jobId"] for job in listed["jobSummaryList"]]
    return batch.describe_jobs(jobs=found)["jobs"] if found else []
