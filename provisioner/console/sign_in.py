"""Signing in: the authorization-code flow with PKCE, run by the server.

No token reaches the browser. What a sign-in has to be compared with travels in a cookie that only
this host can have set, so nothing is kept for people who are not signed in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from provisioner.console import cookies
from provisioner.console.id_token import SignInError, claims_of
from provisioner.sessions import LONGEST, Session, key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from provisioner.console.issuer import Issuer
    from provisioner.service.caller import Role
    from provisioner.sessions import Sessions

CALLBACK = "/callback"
_SIGN_IN_SECONDS = 600
_OWN_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]{0,2000}")
"""Printable ASCII but a backslash, which browsers take for a slash."""

_NOT_BACK_TO = ("/sign-in", "/sign-out", CALLBACK)


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where a browser goes next, with what it is to remember."""

    location: str
    set_cookies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Groups:
    """Which of the issuer's groups may do what: the claim that names them, and the role of each."""

    claim: str
    roles: Mapping[str, Role]

    def known(self, claims: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the groups of an ID token that have a role here."""
        match claims.get(self.claim):
            case list(found):
                texts = (name for name in found if isinstance(name, str))
                return tuple(name for name in texts if name in self.roles)
        return ()

    def role(self, groups: Iterable[str]) -> Role | None:
        """Return the highest role that groups have together, None if they have none."""
        roles = [self.roles[name] for name in groups if name in self.roles]
        return next((one for one in roles if all(map(one.includes, roles))), None)


@dataclass(frozen=True, slots=True)
class _Begun:
    """A sign-in that waits for the issuer's answer."""

    state: str
    nonce: str
    verifier: str
    return_to: str

    @classmethod
    def read(cls, text: str) -> _Begun | None:
        try:
            match json.loads(base64.urlsafe_b64decode(text.encode())):
                case [str(state), str(nonce), str(verifier), str(return_to)]:
                    return cls(state, nonce, verifier, own_path(return_to))
        except (ValueError, RecursionError):
            pass
        return None

    def write(self) -> str:
        said = [self.state, self.nonce, self.verifier, self.return_to]
        return base64.urlsafe_b64encode(json.dumps(said).encode()).decode()


@dataclass(frozen=True)
class SignIn:
    """How people sign in at one console.

    Attributes
    ----------
    origin
        The console's own, such as ``https://abc.execute-api.eu-west-1.amazonaws.com``.
    """

    origin: str
    issuer: Issuer
    groups: Groups
    sessions: Sessions
    clock: Callable[[], datetime]

    def begin(self, return_to: str) -> Redirect:
        """Send somebody to the issuer, from where they come back to `CALLBACK`."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        asked = {
            "response_type": "code",
            "client_id": self.issuer.client_id,
            "redirect_uri": self.origin + CALLBACK,
            "scope": "openid email",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge.decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        address = self.issuer.endpoints().authorization
        begun = _Begun(state, nonce, verifier, own_path(return_to))
        return Redirect(
            f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}",
            (cookies.cookie(cookies.SIGN_IN, begun.write(), _SIGN_IN_SECONDS),),
        )

    def finish(self, query: Mapping[str, str], sent: Iterable[str]) -> tuple[Session, Redirect]:
        """Open a session for whoever comes back from the issuer with a code.

        A session from before is revoked: its id may be known to somebody else.

        Raises
        ------
        SignInError
            If this browser did not begin the sign-in, the issuer refuses it, or the person belongs
            to no group that has a role here.
        """
        sent = tuple(sent)
        begun = _Begun.read(cookies.value_of(sent, cookies.SIGN_IN))
        if begun is None or not hmac.compare_digest(
            query.get("state", "").encode(), begun.state.encode()
        ):
            message = "this sign-in was not begun here, or more than ten minutes ago"
            raise SignInError(message)
        if query.get("iss", self.issuer.url) != self.issuer.url:
            message = "the answer is of another issuer"
            raise SignInError(message)
        if "code" not in query:
            message = "the issuer did not sign you in"
            raise SignInError(message)
        token = self.issuer.exchange(query["code"], begun.verifier, self.origin + CALLBACK)
        session_id, session = self._session(self._claims(token, begun.nonce))
        self.sessions.put(session)
        if before := cookies.value_of(sent, cookies.SESSION):
            self.sessions.revoke(key_of(before))
        remember = cookies.cookie(cookies.SESSION, session_id, int(LONGEST.total_seconds()))
        return session, Redirect(begun.return_to, (remember, cookies.forget(cookies.SIGN_IN)))

    def session_of(self, sent: Iterable[str], *, is_use: bool = True) -> Session | None:
        """Return the open session that a request belongs to.

        Parameters
        ----------
        is_use
            Whether a person asks: a page that refreshes itself keeps no session open.
        """
        session_id = cookies.value_of(sent, cookies.SESSION)
        session = self.sessions.get(key_of(session_id)) if session_id else None
        now = self.clock()
        if session is None or not session.is_open(now) or self.groups.role(session.groups) is None:
            return None
        if is_use and (used := session.used(now)):
            self.sessions.touch(used)
        return session

    def end(self, sent: Iterable[str]) -> Redirect:
        """Sign somebody out: the session is of no use from now on, wherever its cookie is."""
        if session_id := cookies.value_of(sent, cookies.SESSION):
            self.sessions.revoke(key_of(session_id))
        return Redirect("/sign-in?signed-out=1", (cookies.forget(cookies.SESSION),))

    def _claims(self, token: str, nonce: str) -> Mapping[str, Any]:
        return claims_of(
            token,
            issuer=self.issuer.url,
            client_id=self.issuer.client_id,
            nonce=nonce,
            now=self.clock(),
        )

    def _session(self, claims: Mapping[str, Any]) -> tuple[str, Session]:
        groups = self.groups.known(claims)
        name = _name(claims)
        if not groups:
            message = f"{name} belongs to no group that may use this console"
            raise SignInError(message)
        return Session.new(claims["sub"], name, groups, self.clock())


def own_path(wanted: str) -> str:
    """Return a path of this console to continue at: what was wanted, or the first page."""
    path = wanted.partition("?")[0].rstrip("/")
    return wanted if _OWN_PATH.fullmatch(wanted) and path not in _NOT_BACK_TO else "/"


def _name(claims: Mapping[str, Any]) -> str:
    """Return what to call a person; an address only if the issuer has verified it."""
    email = claims.get("email")
    verified = claims.get("email_verified") in (True, "true")
    return email if verified and isinstance(email, str) and email else str(claims["sub"])
