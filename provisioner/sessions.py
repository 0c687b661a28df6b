"""A person's session: an unguessable id in a cookie, of which only the hash is kept. Pure."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from datetime import datetime

LONGEST = timedelta(hours=8)
"""A working day: whoever has left the groups is out after it at the latest."""

IDLE = timedelta(hours=1)

_NOTED = timedelta(minutes=5)
"""A session's last use is written down this often, not at each request."""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in.

    Attributes
    ----------
    key
        The SHA-256 of the session's id, in hexadecimal: whoever reads the table cannot sign in.
    subject
        The issuer's name for the person, which never becomes somebody else's.
    name
        What to call them: their email address, or what the issuer has.
    groups
        Those of the issuer's groups that mean something here.
    """

    key: str
    subject: str
    name: str
    groups: tuple[str, ...]
    created_at: datetime
    used_at: datetime

    @classmethod
    def new(
        cls, subject: str, name: str, groups: tuple[str, ...], now: datetime
    ) -> tuple[str, Self]:
        """Return the id of a new session, and the session."""
        session_id = secrets.token_urlsafe(32)
        return session_id, cls(key_of(session_id), subject, name, groups, now, now)

    @property
    def ends_at(self) -> datetime:
        """When it is over, unless it is used."""
        return min(self.created_at + LONGEST, self.used_at + IDLE)

    def is_open(self, now: datetime) -> bool:
        """Tell whether it is of use: the table may keep it for longer."""
        return now < self.ends_at

    def used(self, now: datetime) -> Self | None:
        """Return the session as it is to be written down at a use, None if it need not be."""
        return replace(self, used_at=now) if now - self.used_at >= _NOTED else None


class Sessions(Protocol):
    """Where sessions are kept."""

    def get(self, key: str) -> Session | None:
        """Return a session by the hash of its id."""

    def put(self, session: Session) -> None:
        """Keep a new session."""

    def touch(self, session: Session) -> None:
        """Note the last use of a session, unless it was revoked in the meantime."""

    def revoke(self, key: str) -> None:
        """Forget a session."""


def key_of(session_id: str) -> str:
    """Return what stands for a session's id in the table."""
    return hashlib.sha256(session_id.encode()).hexdigest()


def form_token(session_id: str) -> str:
    """Return what each form of a session carries, and nobody can know without its cookie."""
    return hmac.new(session_id.encode(), b"form", hashlib.sha256).hexdigest()


def is_form_token(token: str, session_id: str) -> bool:
    """Tell whether a form was made for this session."""
    return hmac.compare_digest(token.encode(), form_token(session_id).encode())
