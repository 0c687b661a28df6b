"""What a job runs: a bundle of code in S3 with its runtime and handler, or a container image."""

from __future__ import annotations

import re
from dataclasses import dataclass

from provisioner.jobs.errors import did_you_mean, invalid, kind_of, shown
from provisioner.jobs.rows import forbidden
from provisioner.jobs.shell_words import split_words
from provisioner.jobs.values import text_list

RUNTIMES = (
    *("python3.11", "python3.12", "python3.13", "python3.14", "python3.15"),
    *("nodejs22.x", "nodejs24.x", "nodejs26.x"),
    *("ruby3.3", "ruby3.4", "ruby4.0"),
    *("java8.al2", "java8.al2023", "java11", "java11.al2023", "java17", "java17.al2023"),
    *("java21", "java25", "dotnet10", "provided.al2023"),
)
"""Lambda's runtimes for zip archives that are not deprecated, as of November 2026."""

SUCCESSORS = {
    "python": "python3.14",
    "nodejs": "nodejs24.x",
    "ruby": "ruby4.0",
    "java": "java25",
    "dotnet": "dotnet10",
    "provided": "provided.al2023",
    "go": "provided.al2023",
}
"""What to use instead of a runtime that Lambda has given up."""

CUSTOM_HANDLER = "bootstrap"
"""Of a `provided` runtime that names none: Lambda runs the file of this name whatever it says."""

MAX_HANDLER_CHARACTERS = 128
MAX_KEY_BYTES = 1024
MAX_IMAGE_CHARACTERS = 255
MAX_COMMAND_CHARACTERS = 8192
"""Ours, so that a task definition stays far below its 64 KB."""

_BUCKET = re.compile(r"[a-z0-9](?:[a-z0-9-]|\.(?![.-])){1,61}[a-z0-9]")
_IP_ADDRESS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_VERSION_ID = re.compile(r"[A-Za-z0-9._-]{1,1024}")
_HANDLER = re.compile(r"\S+")
_DOTTED_HANDLERS = ("python", "nodejs", "ruby")

_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?:{_HOST}(?:\.{_HOST})*(?::[0-9]{{1,5}})?/)?{_PART}(?:/{_PART})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)


@dataclass(frozen=True, slots=True)
class S3Object:
    """An object in S3, of one version once it is pinned."""

    bucket: str
    key: str
    version_id: str | None = None

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
    if question and (name != "versionId" or not _VERSION_ID.fullmatch(version_id)):
        raise invalid('only "?versionId=" and the version of the object may follow the key')
    return S3Object(bucket, key, version_id or None)


def runtime(value: object) -> str:
    """Check a Lambda runtime, by the identifier that Lambda gives it."""
    if value in RUNTIMES:
        return str(value)
    if not isinstance(value, str):
        raise invalid(f'must be a Lambda runtime like "python3.14", not {kind_of(value)}')
    if hint := did_you_mean(value, RUNTIMES):
        raise invalid(f"{shown(value)} is not a runtime that Lambda offers{hint}")
    family = re.match(r"[a-z]*", value.strip().lower())
    instead = SUCCESSORS.get(family[0]) if family else None
    raise invalid(
        f"{shown(value)} is not a runtime that Lambda offers; use "
        + (f'"{instead}"' if instead else f"one of {', '.join(RUNTIMES)}")
    )


def handler(value: object) -> str:
    """Check the name of the function that Lambda calls."""
    if not isinstance(value, str) or not _HANDLER.fullmatch(value):
        raise invalid('must be text without spaces, like "main.handler"')
    if len(value) > MAX_HANDLER_CHARACTERS:
        raise invalid(f"has {len(value)} characters; at most {MAX_HANDLER_CHARACTERS} are allowed")
    return value


def handler_of(name: str, runtime_name: str) -> None:
    """Check that a handler names both a file and a function, where its runtime needs both."""
    if runtime_name.startswith(_DOTTED_HANDLERS):
        file, dot, function = name.rpartition(".")
        if not (file and dot and function):
            raise invalid(
                f'must name a file and a function, like "main.{name.strip(".") or "run"}"'
            )


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
