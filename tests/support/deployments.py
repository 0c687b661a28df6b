"""Deployments of a job, as the functions would have recorded them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from provisioner.audit.versions import Written
from provisioner.aws.artifacts import Artifacts
from provisioner.aws.row_versions import RowVersions
from provisioner.jobs import InvalidRow, parse, spec_digest
from provisioner.jobs.row_content import content_digest
from provisioner.stacks.actions import Nothing, ValidRow
from provisioner.stacks.model import JobStatus, StackRecord, StackState
from provisioner.stacks.outcomes import Done
from provisioner.stacks.record import after
from provisioner.stacks.stack_status import StackStatus
from tests.support.clients import CLIENTS

if TYPE_CHECKING:
    from tests.support.cli import Provisioner


def write(here: Provisioner, row: dict[str, Any]) -> None:
    """Write a row, and the version that the stream would make of it."""
    name = row["job_name"]
    before = here.row(name) or None
    here.jobs.put(row)
    versions = RowVersions(CLIENTS, "jobs-Audit", 400, lambda: datetime.now(UTC))
    number = len(versions.of(name)) + 1
    versions.record(Written(name, str(100 + number), datetime.now(UTC), before, row))


def deploy(here: Provisioner, name: str = "report") -> StackRecord:
    """Have a job's stack be what its row asks for, and return its Stacks row."""
    row = here.row(name)
    job = parse(row)
    assert not isinstance(job, InvalidRow), job
    pinned = Artifacts(CLIENTS).pin(job)
    assert not isinstance(pinned, InvalidRow), pinned
    desired = ValidRow(
        pinned, spec_digest(pinned), row_digest=spec_digest(job), row_content=content_digest(row)
    )
    known = here.record(name)
    observed = StackState(
        "arn:stack",
        StackStatus.UPDATE_COMPLETE,
        ours=True,
        digest=desired.digest,
        outputs=known.outputs,
    )
    ready = Nothing(JobStatus.READY)
    fresh = after(known, desired, observed, ready, Done(), datetime.now(UTC))
    here.stacks.save(fresh)
    return fresh


def push(body: bytes, key: str = "report.zip") -> str:
    """Put a bundle into the bucket, and return its version."""
    put = CLIENTS.s3.put_object(Bucket="jobs-bundles", Key=key, Body=body)
    return str(put["VersionId"])


def pushed_twice(here: Provisioner, row: dict[str, Any]) -> list[str]:
    """Deploy a row, and then newer code of it; return the versions of the code."""
    versions = []
    for body in (b"one", b"two"):
        versions.append(push(body))
        if not here.row():
            write(here, row)
        deploy(here)
    return versions
