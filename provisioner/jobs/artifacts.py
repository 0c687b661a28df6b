"""What a job runs: a bundle of code in S3, or a container image."""

from __future__ import annotations

import re
from dataclasses import dataclass

from provisioner.jobs.errors import invalid, kind_of, shown
from provisioner.jobs.rows import forbidden
from provisioner.jobs.shell_words import split_words
from provisioner.jobs.values import text_list

MAX_KEY_BYTES = 1024
MAX_IMAGE_CHARACTERS = 255
MAX_COMMAND_CHARACTERS = 8192
"""Ours, so that a task definition stays far below its 64 KB."""

_BUCKET = re.compile(r"[a-z0-9](?:[a-z0-9-]|\.(?![.-])){1,61}[a-z0-9]")
_IP_ADDRESS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
VERSION_ID = re.compile(r"[A-Za-z0-9._-]{1,1024}")

_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?:{_HOST}(?:\.{_HOST})*(?::[0-9]{{1,5}})?/)?{_PART}(?:/{_PART})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)

_ECR = re.compile(r"[0-9]{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/")

ECR_IMAGE = re.compile(
    r"(?P<host>(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?)/"
    r"(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
"""An image in a private registry of ECR, taken apart."""


@dataclass(frozen=True, slots=True)
class S3Object:
    """An object in S3, of one version once it is pinned."""

    bucket: str
    key: str
    version_id: str | None = None

    @property
    def location(self) -> str:
        """The object without its version, as CodeBuild names it."""
        return f"{self.bucket}/{self.key}"

    @property
    def uri(self) -> str:
        """The object as a row names it."""
        version = f"?versionId={self.version_id}" if self.version_id else ""
        return f"s3://{self.bucket}/{self.key}{version}"


def bundle(value: object) -> S3Object:
    """Check the address of a job's code."""
    return s3_object(value, "folder/code.zip")


def s3_object(value: object, example: str, *, whole_bucket: bool = False) -> S3Object:
    """Check ``s3://bucket/key[?versionId=...]``, by S3's rules for names of buckets and objects.

    With `whole_bucket` the key may be empty.
    """
    wanted = f'must be like "s3://bucket/{example}"'
    if not isinstance(value, str):
        raise invalid(f"{wanted}, not {kind_of(value)}")
    scheme, separator, rest = value.partition("://")
    bucket, slash, tail = rest.partition("/")
    if scheme != "s3" or not separator or not slash:
        raise invalid(f"{wanted}, not {shown(value)}")
    key, question, query = tail.partition("?")
    name, _, version_id = query.partition("=")
    if not _BUCKET.fullmatch(bucket) or _IP_ADDRESS.fullmatch(bucket):
        raise invalid(f"{shown(bucket)} cannot be the name of a bucket")
    if not (key or whole_bucket) or "\n" in key or "\r" in key or len(key.encode()) > MAX_KEY_BYTES:
        raise invalid(
            f"names no object: a key of 1 to {MAX_KEY_BYTES} bytes must follow the bucket"
        )
    if question and (name != "versionId" or not VERSION_ID.fullmatch(version_id)):
        raise invalid('only "?versionId=" and the version of the object may follow the key')
    return S3Object(bucket, key, version_id or None)


def image(value: object) -> str:
    """Check an image reference: ``[registry/]repository[:tag][@sha256:digest]``."""
    wanted = 'must be an image like "public.ecr.aws/docker/library/busybox:1.37"'
    if not isinstance(value, str):
        raise invalid(f"{wanted}, not {kind_of(value)}")
    if len(value) > MAX_IMAGE_CHARACTERS:
        raise invalid(f"has {len(value)} characters; at most {MAX_IMAGE_CHARACTERS} are allowed")
    if not _IMAGE.fullmatch(value):
        capitals = "; a repository is in lower case" if value != value.lower() else ""
        raise invalid(f"{wanted}, not {shown(value)}{capitals}")
    return value


def without_tag(name: str) -> tuple[str, str | None]:
    """Return an image's name without its tag, and that; the name has no digest."""
    head, colon, tag = name.rpartition(":")
    return (head, tag) if colon and "/" not in tag else (name, None)


def ecr_image(value: object) -> str:
    """Check a reference of an image in a private registry of ECR, as Lambda takes no other."""
    name = image(value)
    if not _ECR.match(name):
        wanted = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/jobs/report:1"
        raise invalid(f'must be an image in ECR, like "{wanted}": Lambda takes no other')
    return name


def command(value: object) -> tuple[str, ...]:
    """Check a container's command: a list of arguments, or one text that is split into them.

    The text is split as a POSIX shell splits words, but no shell runs it: for pipes and variables,
    write ``["sh", "-c", "..."]``.
    """
    if isinstance(value, str):
        try:
            arguments = split_words(value)
        except ValueError as error:
            raise invalid(f"cannot be split into arguments: {str(error).lower()}") from error
        if problem := next(filter(None, map(forbidden, arguments)), None):
            raise invalid(problem)
    else:
        arguments = text_list(value)
    if not arguments:
        raise invalid("is empty; leave it out to run what the image runs")
    if sum(map(len, arguments)) > MAX_COMMAND_CHARACTERS:
        raise invalid(f"has more than {MAX_COMMAND_CHARACTERS} characters")
    return arguments
