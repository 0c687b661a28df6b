"""The last deployments of a job: what was deployed, from when on, and because of what. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from provisioner.jobs import ContainerJob, LambdaJob
from provisioner.jobs.artifacts import without_tag
from provisioner.jobs.unbuilt import kind_of_build
from provisioner.stacks.model import Cause, Deployment, Pinned

if TYPE_CHECKING:
    from datetime import datetime

    from provisioner.jobs import Job
    from provisioner.stacks.actions import ValidRow
    from provisioner.stacks.model import StackRecord

KEPT = 10
"""Deployments that a Stacks row holds: the newest."""


def artifact_of(job: Job) -> str | None:
    """Return a job's code as it was looked up: with its version or digest, if it has one."""
    match job:
        case LambdaJob(image=str(image)):
            return image
        case LambdaJob():
            return job.bundle.uri if job.bundle else None
        case ContainerJob():
            return job.image
        case _:
            assert_never(job)


def pinned_of(job: Job) -> Pinned | None:
    """Return which version of its code a job's row pins, None when it pins none."""
    return Pinned(job.pin.version, job.newest) if job.pin else None


def with_deployment(record: StackRecord, desired: ValidRow, now: datetime) -> StackRecord:
    """Return the record of a job whose stack is what its row asks for.

    It is a new deployment unless the last one was of the same, made by the same templates. That
    depends only on what is there, so a reconcile that comes twice, or late, adds nothing.
    """
    known, version = record.deployments, record.template_version
    is_same = known and (known[0].digest, known[0].template_version) == (desired.digest, version)
    if not record.in_sync or is_same:
        return record
    made = Deployment(
        number=known[0].number + 1 if known else 1,
        at=now,
        cause=_cause(known, desired),
        digest=desired.digest,
        row_digest=desired.row_digest,
        row_content=desired.row_content,
        artifact=artifact_of(desired.job),
        pinned=desired.job.pin is not None,
        template_version=version,
    )
    return replace(record, deployments=(made, *known)[:KEPT])


def _cause(known: tuple[Deployment, ...], desired: ValidRow) -> Cause:
    if not known:
        return Cause.ROW
    last, pinned = known[0], desired.job.pin is not None
    same_row = (last.row_digest, last.pinned) == (desired.row_digest, pinned)
    if same_row and last.artifact == artifact_of(desired.job):
        return Cause.UPGRADE
    if same_row and not pinned:
        return Cause.BUILD if desired.job.build else Cause.PUSH
    # Whoever writes what was deployed earlier goes back, by `rollback` or by hand.
    was_deployed = desired.digest in {each.digest for each in known}
    return Cause.ROLLBACK if was_deployed else Cause.ROW


def pinned_version(job: Job, deployed: Deployment) -> str | None:
    """Return the version by which a job's row can pin the code of a deployment.

    None when the row names a version itself or other code, or when that code had none.
    """
    named, known = artifact_of(job), deployed.artifact
    if job.build and known:
        return _pinned_build(job, known)
    if not named or not known:
        return None
    separator = "?versionId=" if named.startswith("s3://") else "@"
    place, _, version = known.partition(separator)
    is_of_it = place == named if separator != "@" else place == without_tag(named)[0]
    return version if version and is_of_it else None


def _pinned_build(job: Job, artifact: str) -> str | None:
    """Return by what the result of a build is found again: an image's digest, or the build's."""
    if kind_of_build(job) == "image":
        return artifact.partition("@")[2] or None
    key = artifact.partition("?")[0]
    folder, _, file = key.rpartition("/")
    return file.removesuffix(".zip") if folder.endswith(f"/builds/{job.job_name}") else None
