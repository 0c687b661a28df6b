"""ETags of rows, and the headers that make a write depend on them (RFC 9110, 13.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.api.problems import Problem, ProblemType
from provisioner.service.edits import ANY

if TYPE_CHECKING:
    from collections.abc import Mapping

_ETAG = re.compile(r'"(?P<etag>[0-9a-f]{32})"')


@dataclass(frozen=True, slots=True)
class Precondition:
    """On what a write depends: the row that its caller has seen, or that there is none.

    Attributes
    ----------
    if_match
        ETags with commas between them, one of which has to be the row's; or `ANY`.
    """

    if_match: str | None = None
    if_none_match: bool = False


def quoted(etag: str) -> str:
    """Return an ETag as headers have it."""
    return f'"{etag}"'


def required(headers: Mapping[str, str], *, may_create: bool = False) -> Precondition:
    """Return the condition of a write.

    Raises
    ------
    Problem
        If it has none, or one that cannot be read.
    """
    if may_create and "if-none-match" in headers:
        if headers["if-none-match"].strip() != ANY:
            raise Problem(ProblemType.INVALID_PARAMETER, "If-None-Match can only be * here.")
        if "if-match" in headers:
            raise Problem(
                ProblemType.STALE, "If-Match and If-None-Match: * exclude each other: send one."
            )
        return Precondition(if_none_match=True)
    if "if-match" not in headers:
        creating = ", or If-None-Match: * to create it" if may_create else ""
        raise Problem(
            ProblemType.PRECONDITION_REQUIRED, f"Send If-Match with the row's ETag{creating}."
        )
    given = headers["if-match"].strip()
    if given == ANY:
        return Precondition(ANY)
    found = [_ETAG.fullmatch(each.strip()) for each in given.split(",")]
    known = [each["etag"] for each in found if each is not None]  # others are not ETags of rows
    if not known:
        detail = "If-Match has no ETag of a row, which is a text in quotes: read the row again."
        raise Problem(ProblemType.STALE, detail)
    return Precondition(",".join(known))


def is_unchanged(headers: Mapping[str, str], etag: str) -> bool:
    """Tell whether the caller of a read has that representation already.

    A proxy may have made the ETag weak, `W/`, which is the same here (RFC 9110, 13.1.2).
    """
    known = [
        each.strip().removeprefix("W/") for each in headers.get("if-none-match", "").split(",")
    ]
    return quoted(etag) in known or ANY in known
