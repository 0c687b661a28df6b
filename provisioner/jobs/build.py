"""`build`: the code of a job as source, of which an image or a zip archive is made. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from provisioner.jobs.artifacts import S3Object, s3_object
from provisioner.jobs.errors import InvalidValueError, invalid, kind_of, shown
from provisioner.jobs.git_source import GitSource, git_source
from provisioner.jobs.values import Check, keyed, text_map

MAX_PATH_CHARACTERS = 200
MAX_ARGS = 20
MAX_ARGS_CHARACTERS = 2_000
"""Ours; CodeBuild takes 5,500 characters in all environment variables of a build."""

OF_IMAGES = ("dockerfile", "target", "args")
"""Of a build, what a zip archive has no use for."""

_PART = r"[A-Za-z0-9._@+-]+"
_PATH = re.compile(rf"(?!-){_PART}(?:/{_PART})*")
_TARGET = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_ARG = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


@dataclass(frozen=True, slots=True)
class Build:
    """How a job's code is made of its source.

    Attributes
    ----------
    source
        A zip archive in S3, or a commit in a Git repository.
    context
        The folder of the source that is built.
    dockerfile
        Relative to the source's root, as `docker build --file` reads it; None for
        ``<context>/Dockerfile``.
    target
        The stage of the Dockerfile.
    args
        Build arguments; an image's history shows them, so a secret must not be among them.
    """

    source: S3Object | GitSource
    context: str = "."
    dockerfile: str | None = None
    target: str | None = None
    args: dict[str, str] = field(default_factory=dict)

    @property
    def dockerfile_path(self) -> str:
        """The Dockerfile, relative to the source's root."""
        return self.dockerfile or "/".join(filter(None, (self.context.strip("."), "Dockerfile")))


def build(value: object) -> Build:
    """Check what a row says of its build."""
    return Build(**keyed(value, _CHECKS, "a build", ("source",), _REFUSED))  # type: ignore[arg-type]  # checked one by one


def _source(value: object) -> S3Object | GitSource:
    if isinstance(value, dict):
        return git_source(value)
    return s3_object(value, "folder/source.zip")


def _path(value: object) -> str:
    wanted = 'must be a path in the source, like "services/report"'
    if value == ".":
        return "."
    if not isinstance(value, str):
        raise invalid(f"{wanted}, not {kind_of(value)}")
    path = value.removeprefix("./").rstrip("/")
    if len(path) > MAX_PATH_CHARACTERS:
        raise invalid(f"has {len(path)} characters; at most {MAX_PATH_CHARACTERS} are allowed")
    if not _PATH.fullmatch(path) or not {".", ".."}.isdisjoint(path.split("/")):
        raise invalid(
            f'{wanted}: letters, digits, ".", "_", "@", "+" and "-", relative to the root of the '
            f'source and without "..", not {shown(value)}'
        )
    return path


def _matching(pattern: re.Pattern[str], wanted: str) -> Check[str]:
    def check(value: object) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise invalid(f"must be {wanted}, not {shown(value)}")
        return value

    return check


def _args(value: object) -> dict[str, str]:
    args = text_map(value, _arg_problem, _arg_value)
    if len(args) > MAX_ARGS:
        raise invalid(f"has {len(args)} entries; at most {MAX_ARGS} are allowed")
    if sum(len(name) + len(text) + 2 for name, text in args.items()) > MAX_ARGS_CHARACTERS:
        raise invalid(f"has more than {MAX_ARGS_CHARACTERS} characters")
    return args


def _arg_problem(name: str) -> str | None:
    if _ARG.fullmatch(name):
        return None
    return "has a name that is not of ASCII letters, digits and _, or begins with a digit"


def _arg_value(text: str) -> str:
    if not text.isprintable():
        raise InvalidValueError(("", "must be a single line of printable characters"))
    return text


_CHECKS: dict[str, Check[object]] = {
    "source": _source,
    "context": _path,
    "dockerfile": _path,
    "target": _matching(_TARGET, "the name of a stage of the Dockerfile"),
    "args": _args,
}

_REFUSED = {
    "secrets": "is not part of a build: an image keeps what its build was given",
    **dict.fromkeys(
        ("branch", "commit", "connection", "repository"),
        'is part of source: {"source": {"connection": …, "repository": "github.com/acme/report", '
        '"commit": …}}',
    ),
}
