"""Images that builds have left in a job's repository: which of them may go. Pure but for the port.

ECR's own lifecycle policies count pushes or days. They know nothing of what is deployed, and would
expire an image that a job runs once enough others were built after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from provisioner.stacks.model import JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from provisioner.stacks.model import StackRecord

KEPT = 10
"""Images that stay although nothing names them: the newest, of which one may be deployed next."""


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image with a tag of ours."""

    digest: str
    pushed_at: datetime


class BuiltImages(Protocol):
    """The repositories in jobs' stacks."""

    def of(self, job_name: str) -> Iterable[BuiltImage]:
        """Return what builds have left for a job; nothing where it has no repository."""

    def remove(self, job_name: str, digests: Iterable[str]) -> None:
        """Remove images."""


def remove_old(images: BuiltImages, record: StackRecord | None) -> int:
    """Remove the images that no deployment of a job names, but for the newest; return how many.

    A job that is not READY is left alone: what it is about to run is in none of its deployments.
    """
    if record is None or record.status is not JobStatus.READY or record.build is None:
        return 0
    old = old_images(images.of(record.job_name), record)
    if old:
        images.remove(record.job_name, old)
    return len(old)


def old_images(images: Iterable[BuiltImage], record: StackRecord) -> tuple[str, ...]:
    """Return the digests of those that may go."""
    named = {(each.artifact or "").rpartition("@")[2] for each in record.deployments}
    if record.pinned:
        named.add(record.pinned.version)
    newest_first = sorted(images, key=lambda each: each.pushed_at, reverse=True)
    return tuple(each.digest for each in newest_first[KEPT:] if each.digest not in named)
