"""Refusing what a caller's role does not allow, and keeping that somebody tried.

Whoever may only read decides how often they are refused. So one entry stands for all attempts of a
caller at an action in an hour, and has the last of them: 24 entries a day for each action at most.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from provisioner.errors import ForbiddenError
from provisioner.service import rights

if TYPE_CHECKING:
    from provisioner.service.context import Service
    from provisioner.service.rights import Action

_UNIQUE_CHARACTERS = 16


def require(service: Service, action: Action, asked: str) -> None:
    """Let the caller continue who may do an action; the audit has who may not.

    Parameters
    ----------
    asked
        What the caller asked for, such as the method and path of the request.

    Raises
    ------
    ForbiddenError
        If the caller's role does not include the one that the action needs.
    """
    try:
        rights.require(service.caller(), action)
    except ForbiddenError as error:
        _note(service, action, str(error), asked)
        raise


def _note(service: Service, action: Action, reason: str, asked: str) -> None:
    # Most requests are allowed, and the audit takes long to import.
    from provisioner.audit.entries import Outcome, new_id  # noqa: PLC0415
    from provisioner.service import audit  # noqa: PLC0415

    about = f"{service.caller().name} {action}"
    unique = hashlib.sha256(about.encode()).hexdigest()[:_UNIQUE_CHARACTERS]
    hour = service.clock().replace(minute=0, second=0, microsecond=0)
    audit.note(service, action, new_id(hour, unique), Outcome.REFUSED, reason=reason, detail=asked)
