"""The artifacts that a job tracks: its row names them without a version, so new ones are for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.jobs.artifacts import ECR_IMAGE
from provisioner.jobs.git_source import GitSource

if TYPE_CHECKING:
    from provisioner.jobs.types import Job

DEFAULT_TAG = "latest"
"""What a registry takes for an image that is named without a tag."""


def tracked_artifacts(job: Job) -> tuple[str, ...]:
    """Return the artifacts of which a job runs what was pushed last.

    None for an image by its digest or of another registry than ECR, for a bundle or a source with
    its version, and for a commit: nothing that is pushed changes what they are.
    """
    code = job.build.source if job.build else getattr(job, "bundle", None)
    if isinstance(code, GitSource):
        return ()
    if code:
        return () if code.version_id else (object_in_s3(code.bucket, code.key),)
    image = ECR_IMAGE.fullmatch(job.image or "")
    if image is None or image["digest"]:
        return ()
    tag = image["tag"] or DEFAULT_TAG
    return (image_in_ecr(image["account"], image["region"], image["repository"], tag),)


def object_in_s3(bucket: str, key: str) -> str:
    """Return what an object is called in the index of artifacts."""
    return f"s3/{bucket}/{key}"


def image_in_ecr(account: str, region: str, repository: str, tag: str) -> str:
    """Return what a tag of a repository is called in the index of artifacts."""
    return f"ecr/{account}/{region}/{repository}:{tag}"
