"""What builds have left of a job: which of it may go. Pure but for the port.

Neither the lifecycle policies of ECR nor the rules of S3 know anything of what is deployed: they
count pushes or days, and would expire what a job runs once enough was built after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from provisioner.jobs.unbuilt import archive_key, image_tag
from provisioner.stacks.model import JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from provisioner.stacks.model import StackRecord

KEPT = 10
"""Results that stay although nothing names them: the newest, of which one may be deployed next."""

MOST_A_DAY = 100
"""Of a job: as many as BatchDeleteImage takes."""

_AT_REST = frozenset({JobStatus.READY, JobStatus.FAILED, JobStatus.INVALID, JobStatus.RETAINED})
"""Of others it is not known what they are about to run."""

_NOT_DETECTED = (_AT_REST | {JobStatus.DELETED}) - {JobStatus.READY}
"""Of READY jobs drift is detected every day, and the same message has their builds looked at."""


@dataclass(frozen=True, slots=True)
class Built:
    """The result of a build: an image, or an archive.

    Attributes
    ----------
    name
        By which it is removed: an image's digest, or an archive's key.
    made_at
        When it was pushed.
    tags
        Of an image.
    """

    name: str
    made_at: datetime
    tags: frozenset[str] = frozenset()


class BuiltCode(Protocol):
    """The results of jobs' builds, of one kind."""

    def of(self, job_name: str) -> Iterable[Built]:
        """Return what builds have left for a job; nothing where there is none."""

    def remove(self, job_name: str, names: Iterable[str]) -> None:
        """Remove results; one that is gone already does not count."""


def remove_old(code: BuiltCode, record: StackRecord | None) -> int:
    """Remove what nothing of a job names, but for the newest; return how many that were.

    The next time it continues where it had to end.
    """
    if record is None or not has_built(record):
        return 0
    if record.status is not JobStatus.DELETED and record.status not in _AT_REST:
        return 0
    old = old_of(code.of(record.job_name), record)[:MOST_A_DAY]
    if old:
        code.remove(record.job_name, old)
    return len(old)


def old_of(found: Iterable[Built], record: StackRecord) -> tuple[str, ...]:
    """Return the names of those results that may go, the oldest last.

    A deployment, a pin or the last build may name one. Of a job that is deleted all may go.
    """
    newest_first = sorted(found, key=lambda each: each.made_at, reverse=True)
    if record.status is JobStatus.DELETED:
        return tuple(each.name for each in newest_first)
    named = frozenset(_named(record))
    unneeded = (each for each in newest_first[KEPT:] if named.isdisjoint({each.name, *each.tags}))
    return tuple(each.name for each in unneeded)


def has_built(record: StackRecord) -> bool:
    """Tell whether builds may have left anything for a job, as far as its Stacks row says."""
    folder = f"/{archive_key(record.job_name, '')}".removesuffix(".zip")
    is_archive = any(folder in (each.artifact or "") for each in record.deployments)
    return record.build is not None or bool(record.former_builds) or is_archive


def to_clean(records: Mapping[str, StackRecord]) -> list[str]:
    """Return the jobs with results of builds to which no drift detection comes."""
    return [
        name
        for name, record in records.items()
        if record.status in _NOT_DETECTED and has_built(record)
    ]


def _named(record: StackRecord) -> Iterator[str]:
    for each in record.deployments:
        artifact = each.artifact or ""
        yield artifact.rpartition("@")[2]
        yield artifact.removeprefix("s3://").partition("/")[2].partition("?")[0]
    digests = [record.build.digest] if record.build else []
    if record.pinned:
        yield record.pinned.version
        digests.append(record.pinned.version)  # an archive is pinned by the digest of its build
    for digest in digests:
        yield archive_key(record.job_name, digest)
        yield image_tag(digest)
