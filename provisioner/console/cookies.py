"""Cookies that only this host can have set: `__Host-` ones. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SESSION = "__Host-session"
SIGN_IN = "__Host-sign-in"


def cookie(name: str, value: str, seconds: int | None = None) -> str:
    """Return a Set-Cookie header; without `seconds` it lasts as long as the browser's session."""
    age = "" if seconds is None else f"; Max-Age={seconds}"
    return f"{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{age}"


def forget(name: str) -> str:
    """Return a Set-Cookie header that removes a cookie."""
    return cookie(name, "", 0)


def value_of(cookies: Iterable[str], name: str) -> str:
    """Return a cookie's value, "" if there is none.

    A browser cannot have two `__Host-` cookies of one name; of two that come all the same,
    one is somebody else's, and neither counts.
    """
    found = [
        value for key, _, value in (each.partition("=") for each in cookies) if key.strip() == name
    ]
    return found[0].strip() if len(found) == 1 else ""
