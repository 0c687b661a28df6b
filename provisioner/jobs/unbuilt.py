"""Code that is yet to be built: what decides what a build makes, and where its result is. Pure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from provisioner.jobs.git_source import GitSource

if TYPE_CHECKING:
    from provisioner.jobs.artifacts import S3Object
    from provisioner.jobs.types import Job

BUILDSPEC_VERSION = 1
"""Of the buildspec in bootstrap/pipeline.yaml. A higher one builds every job again: only when what
an earlier one has made must not run any longer."""

TAG_DIGITS = 40
"""Hexadecimal digits of a build's digest in the tag of its image."""

JOB_VARIABLE = "BUILD_JOB"
"""The variable of a build by which its events name its job."""

BuildResult: TypeAlias = Literal["image", "zip"]


@dataclass(frozen=True, slots=True)
class Unbuilt:
    """A job whose code has not been built yet, and what StartBuild needs to build it.

    Attributes
    ----------
    job
        As its row says, with neither image nor bundle.
    digest
        Of the build (`build_digest`).
    source
        With the version that was resolved.
    variables
        What the buildspec reads.
    """

    job: Job
    digest: str
    source: S3Object | GitSource
    variables: dict[str, str]

    @property
    def project(self) -> str:
        """The name of the project after the bootstrap's prefix."""
        return f"build_{self.job.architecture}"


def kind_of_build(job: Job) -> BuildResult:
    """Return what a job's build makes: a function with a runtime is a zip archive."""
    return "zip" if job.type == "lambda" and job.runtime else "image"


def is_unbuilt(job: Job) -> bool:
    """Tell whether a job has `build` and nothing yet that it could run."""
    return job.build is not None and not job.image and getattr(job, "bundle", None) is None


def build_digest(job: Job, version: str | None) -> str:
    """Return the SHA-256, in hex, of all that decides what a build makes.

    `version` is the VersionId of the source, as it was resolved, or its commit. The connection by
    which a repository is read decides nothing.
    """
    made = job.build
    assert made is not None  # noqa: S101  (only jobs with one come here)
    said: dict[str, object] = asdict(made)
    said["source"] = made.source.location
    said |= {"job": job.job_name, "version": version, "buildspec": BUILDSPEC_VERSION}
    said |= {"architecture": job.architecture, "runtime": getattr(job, "runtime", None)}
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def repository_name(prefix: str, job_name: str) -> str:
    """Return the name of the ECR repository in a job's stack."""
    return f"{prefix}/{job_name}"


def image_tag(digest: str) -> str:
    """Return the tag of the image that a build makes."""
    return f"b-{digest[:TAG_DIGITS]}"


def log_group(prefix: str) -> str:
    """Return the name of the log group of all builds (template.yaml); a build is a stream."""
    return f"/aws/codebuild/{prefix}_build"


def archive_key(job_name: str, digest: str) -> str:
    """Return the key, in the bundle bucket, of the zip archive that a build makes."""
    return f"builds/{job_name}/{digest}.zip"


def unbuilt(job: Job, prefix: str, source: S3Object | GitSource, digest: str) -> Unbuilt:
    """Return the build of a job as it is started.

    A row's text is only ever the value of a variable, which the buildspec quotes.
    """
    made = job.build
    assert made is not None  # noqa: S101  (only jobs with one come here)
    variables = {
        JOB_VARIABLE: job.job_name,
        "BUILD_KIND": kind_of_build(job),
        "BUILD_ARCHITECTURE": job.architecture,
        "BUILD_CONTEXT": made.context,
    }
    if isinstance(source, GitSource):
        variables["BUILD_COMMIT"] = source.commit
    if kind_of_build(job) == "zip":
        variables |= {
            "BUILD_RUNTIME": str(getattr(job, "runtime", "")),
            "BUILD_KEY": archive_key(job.job_name, digest),
        }
    else:
        variables |= {
            "BUILD_REPOSITORY": repository_name(prefix, job.job_name),
            "BUILD_TAG": image_tag(digest),
            "BUILD_DOCKERFILE": made.dockerfile_path,
        }
        args = enumerate(made.args.items(), 1)
        variables |= {f"BUILD_ARG_{number:02}": f"{name}={text}" for number, (name, text) in args}
        if made.target:
            variables["BUILD_TARGET"] = made.target
    return Unbuilt(job, digest, source, variables)
