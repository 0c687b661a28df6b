"""ECR: the images that builds have left in the repositories of jobs' stacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.aws.clients import translated
from provisioner.errors import NotFoundError
from provisioner.jobs.unbuilt import repository_name
from provisioner.stacks.built_images import BuiltImage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from provisioner.aws.clients import Clients

_AT_ONCE = 100
"""As many as BatchDeleteImage takes."""


class BuiltImages:
    """The repositories of one bootstrap's jobs."""

    def __init__(self, clients: Clients, prefix: str) -> None:
        self._clients = clients
        self._prefix = prefix

    def of(self, job_name: str) -> Sequence[BuiltImage]:
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
                        BuiltImage(each["imageDigest"], each["imagePushedAt"])
                        for each in page["imageDetails"]
                    ]
        except NotFoundError:
            return ()
        return found

    def remove(self, job_name: str, digests: Iterable[str]) -> None:
        """Remove images; one that is gone already does not count."""
        name, left = repository_name(self._prefix, job_name), list(digests)
        while left:
            some, left = left[:_AT_ONCE], left[_AT_ONCE:]
            with translated():
                self._clients.ecr.batch_delete_image(
                    repositoryName=name, imageIds=[{"imageDigest": each} for each in some]
                )
