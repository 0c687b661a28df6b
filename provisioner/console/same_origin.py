"""Whether a request that changes something comes from a page of ours. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provisioner.errors import ForbiddenError

if TYPE_CHECKING:
    from collections.abc import Mapping

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

LOOPBACK_HOST = re.compile(r"(?:(?:[a-z0-9-]+\.)*localhost|127\.0\.0\.1)(?::\d+)?")
"""Hosts that browsers trust without TLS, and that only this machine has."""


def origin_of(host: str) -> str:
    """Return the origin of the pages that a browser gets from a host."""
    return f"http{'' if LOOPBACK_HOST.fullmatch(host) else 's'}://{host}"


def is_same_origin(headers: Mapping[str, str], origin: str) -> bool:
    """Tell whether the browser says that a request was made by a page of this origin.

    Every browser sends `Origin` with a form; one that also sends `Sec-Fetch-Site` has to agree.

    Parameters
    ----------
    headers
        With names in lower case.
    """
    site = headers.get("sec-fetch-site", "same-origin")
    return headers.get("origin") == origin and site == "same-origin"


def require_own_page(method: str, headers: Mapping[str, str], origin: str) -> None:
    """Let a request continue that changes nothing, or was made by a page of this origin.

    Raises
    ------
    ForbiddenError
        If it is neither.
    """
    if method not in SAFE_METHODS and not is_same_origin(headers, origin):
        message = "this was asked by a page of another site, so nothing was done"
        raise ForbiddenError(message)
