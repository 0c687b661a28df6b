"""A commit in a Git repository, as the source of a build. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from provisioner.jobs.errors import invalid, shown
from provisioner.jobs.values import Check, keyed

MAX_REPOSITORY_CHARACTERS = 250

_TYPES = {"github.com": "GITHUB", "gitlab.com": "GITLAB", "bitbucket.org": "BITBUCKET"}
"""What CodeBuild calls the providers (SourceType in its API reference)."""

_CONNECTION = re.compile(
    r"arn:aws[a-z-]*:(?:codeconnections|codestar-connections):[a-z0-9-]+:\d{12}:connection/"
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)
_PART = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
_REPOSITORY = re.compile(rf"({'|'.join(map(re.escape, _TYPES))})(?:/{_PART}){{2,}}", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class GitSource:
    """One commit of a repository, which a connection of CodeConnections can read.

    Attributes
    ----------
    connection
        Its ARN.
    repository
        Its host and path, like ``github.com/acme/report``.
    commit
        Its SHA-1 in full: a branch moves, and nothing tells us.
    """

    connection: str
    repository: str
    commit: str

    @property
    def type(self) -> str:
        """What CodeBuild calls the provider."""
        return _TYPES[self.repository.partition("/")[0]]

    @property
    def location(self) -> str:
        """The address that CodeBuild clones."""
        return f"https://{self.repository}.git"

    @property
    def version_id(self) -> str:
        """The commit: what tells versions of a source apart."""
        return self.commit


def git_source(value: object) -> GitSource:
    """Check a source that is a map."""
    return GitSource(**keyed(value, _CHECKS, "a source", tuple(_CHECKS), _REFUSED))  # type: ignore[arg-type]  # checked one by one


def commit(value: object) -> str:
    """Check the SHA-1 of a commit."""
    if not isinstance(value, str) or not _COMMIT.fullmatch(value):
        raise invalid(
            'must be a commit in full, 40 hexadecimal digits in lower case as "git rev-parse HEAD" '
            f"prints them, not {shown(value)}"
        )
    return value


def _connection(value: object) -> str:
    if not isinstance(value, str) or not _CONNECTION.fullmatch(value):
        example = "arn:aws:codeconnections:eu-west-1:123456789012:connection/…"
        raise invalid(
            f'must be the ARN of a connection of CodeConnections, like "{example}", '
            f"not {shown(value)}"
        )
    return value


def _repository(value: object) -> str:
    found = value.removeprefix("https://").removesuffix(".git") if isinstance(value, str) else ""
    if not _REPOSITORY.fullmatch(found) or len(found) > MAX_REPOSITORY_CHARACTERS:
        hosts = ", ".join(_TYPES)
        raise invalid(
            'must be a repository like "github.com/acme/report", by one of the hosts '
            f"{hosts}, not {shown(value)}"
        )
    return found


_CHECKS: dict[str, Check[object]] = {
    "connection": _connection,
    "repository": _repository,
    "commit": commit,
}

_REFUSED = {
    **dict.fromkeys(
        ("branch", "ref", "tag"),
        "is not part of a source, as nothing tells the provisioner that it has moved: name the "
        'commit. "provisioner build JOB --commit SHA" writes another one',
    ),
    "directory": "is not part of a source: the build's context is the folder that is built",
}
