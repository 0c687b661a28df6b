"""What a job runs, looked up and pinned: a bundle's version in S3, an image's digest in ECR."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from provisioner.aws.clients import translated
from provisioner.aws.images import MISSING, Images, of_its_pin
from provisioner.errors import NotFoundError, PermanentError
from provisioner.jobs import ContainerJob, FieldError, InvalidRow, LambdaJob, S3Object

if TYPE_CHECKING:
    from provisioner.aws.clients import Clients
    from provisioner.jobs import Job


class Artifacts:
    """What rows name as their jobs' code."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._images = Images(clients)

    def pin(self, job: Job) -> Job | InvalidRow:
        """Return the job with its artifact's version in it, or what is wrong with the artifact.

        So that a missing one is an INVALID row and not a rollback, and new code is a new digest.
        """
        if job.build:
            return _rejected(job, "build", "is not done yet")
        match job:
            case LambdaJob():
                if job.image:
                    return self._images.pin(job, job.image, single=True)
                archive = job.archive
                return self._pin_bundle(job, archive.bundle) if archive else job
            case ContainerJob():
                return self._images.pin(job, job.image)
            case _:
                assert_never(job)

    def is_gone(self, job: Job) -> bool:
        """Tell whether the version that a row pins no longer exists; False where it may not look.

        So that nobody goes back to code which is not there.
        """
        found = self.pin(job) if job.pin else job
        return isinstance(found, InvalidRow) and any(MISSING in e.message for e in found.errors)

    def _pin_bundle(self, job: LambdaJob, bundle: S3Object) -> LambdaJob | InvalidRow:
        named = replace(bundle, version_id=job.pin.version) if job.pin else bundle
        found = self._bundle(job, named)
        if isinstance(found, InvalidRow):
            return of_its_pin(found) if job.pin else found
        if found != bundle:
            job = job.model_copy(update={"bundle": found})
        if not job.pin:
            return job
        newest = self._bundle(job, bundle)
        return job.with_newest(None if isinstance(newest, InvalidRow) else newest.version_id)

    def _bundle(self, job: Job, bundle: S3Object) -> S3Object | InvalidRow:
        """Return the object with the version that is there, without one where none are kept."""
        request = {"Bucket": bundle.bucket, "Key": bundle.key}
        if bundle.version_id:
            request["VersionId"] = bundle.version_id
        try:
            with translated():
                head = self._clients.s3.head_object(**request)
        except NotFoundError:
            return _rejected(job, "bundle", f"{bundle.uri} {MISSING}")
        except PermanentError as error:
            return _rejected(job, "bundle", f"{bundle.uri} cannot be read: {error}")
        version = head.get("VersionId")
        return bundle if version in {None, "null"} else replace(bundle, version_id=version)


def _rejected(job: Job, field: str, message: str) -> InvalidRow:
    return InvalidRow(job.job_name, (FieldError(field, message),))
