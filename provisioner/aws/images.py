"""An image in ECR: looked up, pinned to its digest, and held to what its job runs on."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, TypeVar

import urllib3

from provisioner.aws.clients import translated

if TYPE_CHECKING:
    import re

    from provisioner.aws.clients import Clients
from provisioner.errors import NotFoundError, PermanentError
from provisioner.jobs import FieldError, InvalidRow, WithImage
from provisioner.jobs.artifacts import ECR_IMAGE, without_tag
from provisioner.jobs.tracked import DEFAULT_TAG

J = TypeVar("J", bound=WithImage)

MAX_CONFIGURATION_BYTES = 1_048_576
"""Ours; an image's configuration has some ten kilobytes."""

MISSING = "does not exist"
"""What is said of code that is not where its row says."""

_TIMEOUT = urllib3.Timeout(connect=2, read=3)
_PLATFORMS = {"arm64": "linux/arm64", "x86_64": "linux/amd64"}

_log = logging.getLogger(__name__)

_MOST_KNOWN = 1_000


class Images:
    """Images of any account and Region that lets us look."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        # By the digest of a configuration, which is the digest of its content.
        self._known: dict[str, frozenset[str]] = {}

    def pin(self, job: J, name: str, *, single: bool = False) -> J | InvalidRow:
        """Return the job with its image's digest in it, or what is wrong with the image.

        An image of another registry is pulled as written when a task starts.

        Parameters
        ----------
        name
            The image, as the row names it.
        single
            Of an index of images for several architectures, take the one for the job's: Lambda
            takes no index.
        """
        image = ECR_IMAGE.fullmatch(name)
        if image is None:
            return _pinned_elsewhere(job, name)
        place = f"{image['host']}/{image['repository']}"
        tag = image["tag"] or (None if image["digest"] else DEFAULT_TAG)
        newest: str | InvalidRow | None = None
        if job.pin:
            pinned = ECR_IMAGE.fullmatch(f"{place}@{job.pin.version}")
            digest = self._digest(job, pinned or image, single=single)
            newest = self._digest(job, image, single=single)
        else:
            digest = self._digest(job, image, single=single)
        if isinstance(digest, InvalidRow):
            return of_its_pin(digest) if job.pin else digest
        job = job.with_image(f"{place}@{digest}", tag=tag)
        return job.with_newest(None if isinstance(newest, InvalidRow) else newest)

    def pin_built(self, job: J, name: str, *, single: bool) -> J | InvalidRow | None:
        """Return the job with an image in it, of the account's own ECR; None if there is none."""
        image = ECR_IMAGE.fullmatch(name)
        if image is None:  # a registry that is not ECR's, of an engine for example
            return None
        digest = self._digest(job, image, single=single)
        if isinstance(digest, InvalidRow):
            return None if _is_missing(digest) else digest
        return job.with_image(f"{image['host']}/{image['repository']}@{digest}", tag=image["tag"])

    def _digest(self, job: WithImage, image: re.Match[str], *, single: bool) -> str | InvalidRow:
        """Return an image's digest, or what is wrong with it."""
        name = image[0]
        identifier = (
            {"imageDigest": image["digest"]}
            if image["digest"]
            else {"imageTag": image["tag"] or DEFAULT_TAG}
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
            return _rejected(job, "image", f"{name} cannot be read: {error}")
        if not found:
            return _rejected(job, "image", f"{name} {MISSING}")
        manifest = _object(found[0].get("imageManifest", ""))
        platforms, wanted = self._platforms(image, manifest), _PLATFORMS[job.architecture]
        if platforms and wanted not in platforms:
            return _rejected(job, "architecture", _mismatch(job, name, platforms))
        if not (single and "manifests" in manifest):
            return str(found[0]["imageId"]["imageDigest"])
        return _only(manifest, wanted) or _rejected(
            job, "image", f"{name} is an index that names no image for {wanted}"
        )

    def _platforms(self, image: re.Match[str], document: dict[str, Any]) -> frozenset[str]:
        """Return what an image was built for, like ``linux/arm64``; nothing when it does not say.

        The index of several images names their platforms itself; a single one has its own in its
        configuration, which a pull would read as well.
        """
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


def of_its_pin(found: InvalidRow) -> InvalidRow:
    """Return what is wrong with code as what is wrong with the pin that names it."""
    errors = (
        FieldError("pin.version", f"{error.message}: take pin out of the row to run the newest")
        if error.field in {"bundle", "image"}
        else error
        for error in found.errors
    )
    return InvalidRow(found.job_name, tuple(errors))


def _pinned_elsewhere(job: J, name: str) -> J:
    """Return the job with an image of another registry, where nothing can be looked up."""
    if job.pin is None:
        return job
    repository, tag = without_tag(name)
    return job.with_image(f"{repository}@{job.pin.version}", tag=tag or DEFAULT_TAG)


def _is_missing(rejected: InvalidRow) -> bool:
    return rejected.errors[0].message.endswith(MISSING)


def _only(index: dict[str, Any], platform: str) -> str | None:
    """Return the digest of the one image of an index that is for a platform."""
    found = [
        str(each["digest"])
        for each in index["manifests"]
        if _platform(each.get("platform", {})) == platform
    ]
    return found[0] if len(found) == 1 else None


def _mismatch(job: WithImage, name: str, platforms: frozenset[str]) -> str:
    by_default = " by default" * (job.architecture == "arm64")
    return (
        f'is "{job.architecture}"{by_default}, which runs images for '
        f"{_PLATFORMS[job.architecture]}; {name} is for {', '.join(sorted(platforms))}"
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


def _rejected(job: WithImage, field: str, message: str) -> InvalidRow:
    return InvalidRow(job.job_name, (FieldError(field, message),))
