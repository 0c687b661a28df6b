"""What builds have left: images in the repositories of jobs' stacks, archives in S3."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provisioner.aws.clients import translated
from provisioner.errors import NotFoundError, PermanentError
from provisioner.jobs.unbuilt import archive_key, repository_name
from provisioner.stacks.built_code import Built

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from provisioner.aws.clients import Clients

_IMAGES_AT_ONCE = 100
"""As many as BatchDeleteImage takes."""

_OBJECTS_AT_ONCE = 1000
"""As many as DeleteObjects takes."""


class BuiltImages:
    """The repositories of one bootstrap's jobs."""

    def __init__(self, clients: Clients, prefix: str) -> None:
        self._clients = clients
        self._prefix = prefix

    def of(self, job_name: str) -> Sequence[Built]:
        """Return the images of a job's builds; nothing where it has no repository."""
        found = []
        try:
            with translated():
                pages = self._clients.ecr.get_paginator("describe_images")
                for page in pages.paginate(
                    repositoryName=repository_name(self._prefix, job_name),
                    filter={"tagStatus": "TAGGED"},
                ):
                    found += [
                        Built(
                            each["imageDigest"],
                            each["imagePushedAt"],
                            frozenset(each.get("imageTags", ())),
                        )
                        for each in page["imageDetails"]
                    ]
        except NotFoundError:
            return ()
        return found

    def remove(self, job_name: str, names: Iterable[str]) -> None:
        """Remove images by their digests; one that is gone already does not count."""
        repository, left = repository_name(self._prefix, job_name), list(names)
        while left:
            some, left = left[:_IMAGES_AT_ONCE], left[_IMAGES_AT_ONCE:]
            with translated():
                self._clients.ecr.batch_delete_image(
                    repositoryName=repository, imageIds=[{"imageDigest": each} for each in some]
                )


class BuiltArchives:
    """The folders of jobs' builds in the bundle bucket."""

    def __init__(self, clients: Clients, bucket: str) -> None:
        self._clients = clients
        self._bucket = bucket

    def of(self, job_name: str) -> Sequence[Built]:
        """Return the archives of a job's builds; other objects in its folder do not count."""
        ours = _archive_of(job_name)
        with translated():
            pages = self._clients.s3.get_paginator("list_objects_v2")
            return [
                Built(each["Key"], each["LastModified"])
                for page in pages.paginate(Bucket=self._bucket, Prefix=f"builds/{job_name}/")
                for each in page.get("Contents", ())
                if ours.fullmatch(each["Key"])
            ]

    def remove(self, job_name: str, names: Iterable[str]) -> None:
        """Remove archives by their keys; S3 keeps their versions for a while (template.yaml).

        Raises
        ------
        PermanentError
            If a key is not of an archive of this job, or S3 does not delete one.
        """
        ours, left = _archive_of(job_name), list(names)
        if foreign := [key for key in left if not ours.fullmatch(key)]:
            message = f"{foreign[0]} is not of a build of {job_name}"
            raise PermanentError(message)
        while left:
            some, left = left[:_OBJECTS_AT_ONCE], left[_OBJECTS_AT_ONCE:]
            with translated():
                answer = self._clients.s3.delete_objects(
                    Bucket=self._bucket,
                    Delete={"Objects": [{"Key": key} for key in some], "Quiet": True},
                )
            if errors := answer.get("Errors"):
                message = f"{errors[0].get('Key')}: {errors[0].get('Message')}"
                raise PermanentError(message)


def _archive_of(job_name: str) -> re.Pattern[str]:
    before, _, after = archive_key(job_name, "|").partition("|")
    return re.compile(f"{re.escape(before)}[0-9a-f]{{64}}{re.escape(after)}")
