"""What a job runs, looked up and pinned: a bundle's version in S3, an image's digest in ECR."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, assert_never, overload

from provisioner.aws.clients import translated
from provisioner.aws.images import MISSING, Images, of_its_pin
from provisioner.errors import NotFoundError, PermanentError
from provisioner.jobs import ContainerJob, FieldError, InvalidRow, LambdaJob, S3Object
from provisioner.jobs.git_source import GitSource
from provisioner.jobs.unbuilt import (
    archive_key,
    build_digest,
    image_tag,
    kind_of_build,
    repository_name,
    unbuilt,
)

if TYPE_CHECKING:
    from provisioner.aws.clients import Clients
    from provisioner.jobs import Job
    from provisioner.jobs.build import Build
    from provisioner.jobs.unbuilt import Unbuilt
    from provisioner.settings import Allowed


class Artifacts:
    """What rows name as their jobs' code."""

    def __init__(self, clients: Clients, allowed: Allowed | None = None) -> None:
        self._clients = clients
        self._images = Images(clients)
        self._allowed = allowed

    def pin(self, job: Job) -> Job | InvalidRow | Unbuilt:
        """Return the job with its artifact's version in it, or what is wrong with the artifact.

        So that a missing one is an INVALID row and not a rollback, and new code is a new digest.
        """
        if job.build and self._allowed:
            return self._pin_built(job, job.build, self._allowed)
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

    def _pin_built(self, job: Job, build: Build, allowed: Allowed) -> Job | InvalidRow | Unbuilt:
        """Return the job with what was built of its source, if that was built."""
        if job.pin:
            result = self._result(job, job.pin.version, allowed)
            if result is None:
                return _rejected(job, "pin.version", f"{job.pin.version} {MISSING}")
            if isinstance(result, InvalidRow):
                return result
            return result.with_newest(self._newest_build(job, build, allowed))
        source = self._source(job, build.source)
        if isinstance(source, InvalidRow):
            return source
        located, version = source
        digest = build_digest(job, version)
        result = self._result(job, digest, allowed)
        if result is None:
            return unbuilt(job, allowed.prefix, located, digest)
        return result if isinstance(result, InvalidRow) else result.with_build(digest)

    def _newest_build(self, job: Job, build: Build, allowed: Allowed) -> str | None:
        """Return what a job would run without its pin: the tag of the image if it is not built."""
        source = self._source(job, build.source)
        if isinstance(source, InvalidRow):
            return None
        digest = build_digest(job, source[1])
        if kind_of_build(job) == "zip":
            return digest
        result = self._result(job, digest, allowed)
        if result is None or isinstance(result, InvalidRow):
            return image_tag(digest)
        return (result.image or "").rpartition("@")[2]

    def _source(
        self, job: Job, source: S3Object | GitSource
    ) -> tuple[S3Object | GitSource, str] | InvalidRow:
        """Return the source with its version, and what tells its versions apart."""
        if isinstance(source, GitSource):
            return source, source.commit
        head = self._head(job, source, "build.source")
        if isinstance(head, InvalidRow):
            return head
        version = head.get("VersionId")
        if version in {None, "null"}:  # its bucket keeps no versions: by its content
            return source, str(head.get("ETag"))
        return replace(source, version_id=version), str(version)

    def _result(self, job: Job, which: str, allowed: Allowed) -> Job | InvalidRow | None:
        """Return the job with an image or an archive; None if there is none.

        `which` is the digest of a build, or that of an image.
        """
        if kind_of_build(job) == "zip" and isinstance(job, LambdaJob):
            archive = S3Object(allowed.bundle_bucket, archive_key(job.job_name, which))
            found = self._bundle(job, archive, missing=True)
            if found is None or isinstance(found, InvalidRow):
                return found
            return job.model_copy(update={"bundle": found})
        suffix = f"@{which}" if which.startswith("sha256:") else f":{image_tag(which)}"
        repository = repository_name(allowed.prefix, job.job_name)
        name = f"{allowed.registry}/{repository}{suffix}"
        return self._images.pin_built(job, name, single=isinstance(job, LambdaJob))

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

    @overload
    def _bundle(self, job: Job, bundle: S3Object) -> S3Object | InvalidRow: ...

    @overload
    def _bundle(
        self, job: Job, bundle: S3Object, *, missing: Literal[True]
    ) -> S3Object | InvalidRow | None: ...

    def _bundle(
        self, job: Job, bundle: S3Object, *, missing: bool = False
    ) -> S3Object | InvalidRow | None:
        """Return the object with the version that is there, without one where none are kept.

        With `missing` it may not be there: None.
        """
        head = self._head(job, bundle, "bundle", missing=missing)
        if head is None or isinstance(head, InvalidRow):
            return head
        version = head.get("VersionId")
        return bundle if version in {None, "null"} else replace(bundle, version_id=version)

    @overload
    def _head(self, job: Job, bundle: S3Object, field: str) -> dict[str, Any] | InvalidRow: ...

    @overload
    def _head(
        self, job: Job, bundle: S3Object, field: str, *, missing: bool
    ) -> dict[str, Any] | InvalidRow | None: ...

    def _head(
        self, job: Job, bundle: S3Object, field: str, *, missing: bool = False
    ) -> dict[str, Any] | InvalidRow | None:
        request = {"Bucket": bundle.bucket, "Key": bundle.key}
        if bundle.version_id:
            request["VersionId"] = bundle.version_id
        try:
            with translated():
                head: dict[str, Any] = self._clients.s3.head_object(**request)
        except NotFoundError:
            return None if missing else _rejected(job, field, f"{bundle.uri} {MISSING}")
        except PermanentError as error:
            return _rejected(job, field, f"{bundle.uri} cannot be read: {error}")
        return head


def _rejected(job: Job, field: str, message: str) -> InvalidRow:
    return InvalidRow(job.job_name, (FieldError(field, message),))
