"""The token of an operation on a stack: it says which operation it was, and of which spec."""

from __future__ import annotations

import re

REBUILDING = "rebuilding"
"""The digest of a stack that is made without what is missing, before it is made whole again."""

CONTINUE = "continue"
"""Begins the token of a continued rollback, whose failure is the operation's before it."""

_DIGEST_IN_TOKEN = re.compile(r"-([0-9a-f]{64})-\d+")


def request_token(verb: str, digest: str | None, version: int) -> str:
    """Return the ClientRequestToken of an operation (at most 128 of `[a-zA-Z0-9-]`).

    Two reconciles that decide on the same version of a row ask for the same operation, and
    CloudFormation starts it once. CloudFormation stamps the token on every event of the operation,
    so the events alone tell which spec failed.
    """
    return f"{verb}-{digest}-{version}" if digest else f"{verb}-{version}"


def digest_of(token: str | None) -> str | None:
    """Return the digest in a `request_token`, None for an operation that carried none."""
    found = _DIGEST_IN_TOKEN.search(token or "")
    return found[1] if found else None


def without_digest(token: str | None) -> str | None:
    """Return a `request_token` as it may be shown to whoever does not see whole rows."""
    return token and _DIGEST_IN_TOKEN.sub(lambda found: found[0].replace(f"-{found[1]}", ""), token)
