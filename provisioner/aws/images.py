"""An image in ECR: looked up, pinned to its digest, and held to what its job runs on."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING, Any, TypeVar

import urllib3

from provisioner.aws.clients import translated

if TYPE_CHECKING:
    from provisioner.aws.clients import Clients
from provisioner.errors import NotFoundError, PermanentError
from provisioner.jobs import ContainerJob, FieldError, InvalidRow

J = TypeVar("J", bound=ContainerJob)

MAX_CONFIGURATION_BYTES = 1_048_576
"""Ours; an image's configuration has some ten kilobytes."""

_TIMEOUT = urllib3.Timeout(connect=2, read=3)
_PLATFORMS = {"arm64": "linux/arm64", "x86_64": "linux/amd64"}

_ECR_IMAGE = re.compile(
    r"(?P<host>(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?)/"
    r"(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)

_log = logging.getLogger(__name__)

_MOST_KNOWN = 1_000


class Images:
    """Images of any account and Region that lets us look."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        # By the digest of a configuration, which is the digest of its content.
        self._known: dict[str, frozenset[str]] = {}

    def pin(self, job: J) -> J | InvalidRow:
        """Return the job with its image's digest in it, or what is wrong with the image.

        An image of another registry is pulled as written when a task starts.
        """
        image = _ECR_IMAGE.fullmatch(job.image)
        if image is None:
            return job
        identifier = (
            {"imageDigest": image["digest"]}
            if image["digest"]
            else {"imageTag": image["tag"] or "latest"}
        )
        try:
            with translated():
                # Not DescribeImages: whoever shares an image grants what a pull needs.
                found = self._clients.in_region(image["region"]).ecr.batch_get_image(
                    **_repository(image), imageIds=[identifier]
                )["images"]
        except NotFoundError:
            found = []
        except PermanentError as error:
            return _rejected(job, "image", f"{job.image} cannot be read: {error}")
        if not found:
            return _rejected(job, "image", f"{job.image} does not exist")
        platforms = self._platforms(image, found[0].get("imageManifest", ""))
        if platforms and _PLATFORMS[job.architecture] not in platforms:
            return _rejected(job, "architecture", _mismatch(job, platforms))
        pinned = f"{image['host']}/{image['repository']}@{found[0]['imageId']['imageDigest']}"
        return job.with_image(pinned, tag=identifier.get("imageTag") or image["tag"])

    def _platforms(self, image: re.Match[str], manifest: str) -> frozenset[str]:
        """Return what an image was built for, like ``linux/arm64``; nothing when it does not say.

        The index of several images names their platforms itself; a single one has its own in its
        configuration, which a pull would read as well.
        """
        document = _object(manifest)
        if "manifests" in document:
            named = [_platform(each.get("platform", {})) for each in document["manifests"]]
            return frozenset(named) - {"unknown/unknown"} if all(named) else frozenset()
        digest = document.get("config", {}).get("digest")
        if not digest:
            return frozenset()
        if digest not in self._known:
            platform = _platform(_object(self._configuration(image, digest)))
            if not platform:
                return frozenset()
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[digest] = frozenset({platform})
        return self._known[digest]

    def _configuration(self, image: re.Match[str], digest: str) -> str:
        """Return an image's configuration, "" when it cannot be had: then the task will tell."""
        try:
            with translated():
                url = self._clients.in_region(image["region"]).ecr.get_download_url_for_layer(
                    **_repository(image), layerDigest=digest
                )["downloadUrl"]
            answer = urllib3.PoolManager(retries=False).request(
                "GET", url, timeout=_TIMEOUT, preload_content=False
            )
            text = answer.read(MAX_CONFIGURATION_BYTES) if answer.status == 200 else b""
            answer.close()
        except (PermanentError, urllib3.exceptions.HTTPError) as error:
            _log.warning("the platform of %s stays unknown: %s", image[0], type(error).__name__)
            return ""
        return text.decode(errors="replace")


def _mismatch(job: ContainerJob, platforms: frozenset[str]) -> str:
    by_default = " by default" * (job.architecture == "arm64")
    return (
        f'is "{job.architecture}"{by_default}, which runs images for '
        f"{_PLATFORMS[job.architecture]}; {job.image} is for {', '.join(sorted(platforms))}"
    )


def _repository(image: re.Match[str]) -> dict[str, str]:
    return {"registryId": image["account"], "repositoryName": image["repository"]}


def _platform(said: dict[str, Any]) -> str:
    system, machine = said.get("os"), said.get("architecture")
    return f"{system}/{machine}" if system and machine else ""


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _rejected(job: ContainerJob, field: str, message: str) -> InvalidRow:
    return InvalidRow(job.job_name, (FieldError(field, message),))
