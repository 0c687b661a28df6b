"""`pin`: the version of its code that a job runs, whatever is pushed in the meantime."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.jobs.artifacts import VERSION_ID
from provisioner.jobs.errors import InvalidValueError, invalid, kind_of, shown
from provisioner.jobs.values import Check, keyed, line
from provisioner.jobs.zones import instant

if TYPE_CHECKING:
    from provisioner.jobs.artifacts import S3Object
    from provisioner.jobs.build import Build

_IMAGE_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_BUILD_DIGEST = re.compile(r"[0-9a-f]{64}")
_UNVERSIONED = "null"
"""S3's id of an object that was written while its bucket had no versions: it can be overwritten."""


@dataclass(frozen=True, slots=True)
class Pin:
    """The version that a job runs.

    Attributes
    ----------
    version
        An object's version in S3, an image's digest, like `sha256:…`, or the digest of a build.
    note
        Why, for people.
    since
        When it was pinned, ISO 8601 in UTC.
    """

    version: str
    note: str = ""
    since: str | None = None


def pin_of(value: object) -> Pin:
    """Check what a row pins."""
    return Pin(**keyed(value, _CHECKS, "a pin", ("version",)))  # type: ignore[arg-type]  # checked


def fits(pinned: Pin, image: str | None, bundle: S3Object | None, build: Build | None) -> None:
    """Check that a pin is of the kind of code that its row names, which names no version itself.

    Raises
    ------
    InvalidValueError
        If it is not.
    """
    is_digest = _IMAGE_DIGEST.fullmatch(pinned.version)
    if build is not None:
        if not (is_digest or _BUILD_DIGEST.fullmatch(pinned.version)):
            message = (
                "must be the digest of a build, 64 hexadecimal digits, or of the image that one "
                f"made, not {shown(pinned.version)}"
            )
            raise InvalidValueError((".version", message))
        return
    if image is not None:
        if "@" in image:
            raise invalid(
                "is for an image without a digest; this one names its version itself: leave pin "
                "out, or take the digest out of image"
            )
        if not is_digest:
            message = f'must be an image\'s digest, like "sha256:…", not {shown(pinned.version)}'
            raise InvalidValueError((".version", message))
    elif bundle is not None:
        if bundle.version_id:
            raise invalid(
                "is for a bundle without a version; this one names its version itself: leave pin "
                'out, or take "?versionId=" out of bundle'
            )
        if is_digest:
            message = "is an image's digest; a bundle is pinned to a version of its object in S3"
            raise InvalidValueError((".version", message))


def _version(value: object) -> str:
    wanted = "must be a version of an object in S3 or an image's digest"
    if not isinstance(value, str):
        raise invalid(f"{wanted}, not {kind_of(value)}")
    if value == _UNVERSIONED:
        raise invalid(f'{wanted}; "null" is what S3 calls an object that has no versions')
    if not (_IMAGE_DIGEST.fullmatch(value) or VERSION_ID.fullmatch(value)):
        raise invalid(f"{wanted}, not {shown(value)}")
    return value


_CHECKS: dict[str, Check[object]] = {
    "version": _version,
    "note": line(256),
    "since": lambda value: instant(value, "UTC"),
}
