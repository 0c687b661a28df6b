"""What an ID token says, and whether it is for us. Pure."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from provisioner.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_SKEW = timedelta(minutes=1)
"""By how much the issuer's clock may differ from ours."""


class SignInError(PermanentError):
    """Somebody could not be signed in; the message is for them."""


def claims_of(
    token: str, *, issuer: str, client_id: str, nonce: str, now: datetime
) -> Mapping[str, Any]:
    """Return the claims of an ID token that came straight from the token endpoint.

    OpenID Connect Core 1.0, 3.1.3.7: TLS to that endpoint takes the place of the signature's check;
    everything else that it demands is checked.

    Raises
    ------
    SignInError
        If it is not a token, or is another issuer's, for another client or sign-in, or too old.
    """
    claims = _decoded(token)
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    party = claims.get("azp", client_id if len(audiences) == 1 else None)
    faults = {
        "is of another issuer": claims.get("iss") != issuer,
        "is for another client": client_id not in audiences or party != client_id,
        "has expired": not _is_later(claims.get("exp"), now - _SKEW),
        "is from the future": _is_later(claims.get("iat"), now + _SKEW),
        "answers another sign-in": not _same(claims.get("nonce"), nonce),
        "names nobody": not (isinstance(claims.get("sub"), str) and claims["sub"]),
    }
    for fault, found in faults.items():
        if found:
            message = f"the issuer's ID token {fault}"
            raise SignInError(message)
    return claims


def _decoded(token: str) -> dict[str, Any]:
    try:
        _, payload, _ = token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        claims = None
    if not isinstance(claims, dict):
        message = "the issuer's ID token cannot be read"
        raise SignInError(message)
    return claims


def _is_later(seconds: object, than: datetime) -> bool:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return False
    return seconds > than.timestamp()


def _same(one: object, other: str) -> bool:
    return isinstance(one, str) and hmac.compare_digest(one.encode(), other.encode())
