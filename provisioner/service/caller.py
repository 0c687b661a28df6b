"""Who asks: by which face, from where, with which role, and whether that is proven."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from provisioner.plain_text import cleaned

MAX_NAME_CHARACTERS = 200
"""As much of a caller's name as the workflow keeps."""


class Role(Enum):
    """What a caller may do; each role includes those before it.

    Roles are not compared as texts, by which ADMIN would be the lowest: ask `includes`.
    """

    READ = "read"
    """See everything but the values of environment variables."""
    OPERATE = "operate"
    """Also start and stop what rows describe."""
    WRITE = "write"
    """Also see whole rows, and change them."""
    ADMIN = "admin"
    """Also do what destroys work for good, and what changes all jobs: held deletions, upgrades."""

    def includes(self, other: Role) -> bool:
        """Tell whether whoever has this role has the other one as well."""
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class Caller:
    """The person or program in whose name a service function acts.

    Attributes
    ----------
    name
        The ARN of an IAM identity, or the subject of a token with its issuer.
    address
        The IP address that the request came from, None if it is not known.
    role
        The highest role that the caller has.
    request_id
        Of the API's or the console's request, as its log has it.
    proven
        Whether the provisioner has checked the name itself. The command line's is not: it writes
        its records with its user's own rights, which could have written anything.
    """

    name: str
    via: Literal["cli", "api", "console", "topic", "canary", "upgrade"]
    role: Role
    address: str | None = None
    proven: bool = False
    request_id: str | None = None

    @property
    def label(self) -> str:
        """The name as rows of runs keep it: cut, and without control characters."""
        return cleaned(self.name)[:MAX_NAME_CHARACTERS]
