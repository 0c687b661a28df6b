"""The OpenID Connect issuer that people sign in at, over HTTP."""

from __future__ import annotations

import base64
import http.client
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provisioner.console.id_token import SignInError
from provisioner.errors import TemporaryError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SECONDS = 5
_MOST_BYTES = 262_144
_KEPT_SECONDS = 3_600
"""How long the addresses of the issuer are not asked for again."""

_SAFE = re.compile(r"https://[^\s/?#@]+(?:/[^\s?#]*)?(?:\?[^\s#]*)?")
_LOOPBACK = re.compile(r"http://(?:127\.0\.0\.1|\[::1\]|localhost)(?::\d+)?(?:/[^\s?#]*)?")


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where people sign in, and where a code becomes tokens."""

    authorization: str
    token: str


class Issuer:
    """One issuer; its addresses come from its discovery document.

    Plain HTTP is only accepted of an issuer on the loopback interface.
    """

    def __init__(
        self, url: str, client_id: str, client_secret: Callable[[], str] = lambda: ""
    ) -> None:
        self.url = url
        self.client_id = client_id
        self._client_secret = client_secret
        self._known: tuple[float, Endpoints] | None = None

    def endpoints(self) -> Endpoints:
        """Return its addresses (OpenID Connect Discovery 1.0).

        Raises
        ------
        SignInError
            If the document is not this issuer's, or an address is not safe.
        TemporaryError
            If it does not answer.
        """
        if self._known is None or time.monotonic() - self._known[0] > _KEPT_SECONDS:
            found = self._read(f"{self.url.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != self.url:
                message = f"the discovery document of {self.url} is of another issuer"
                raise SignInError(message)
            known = Endpoints(
                self._address(found, "authorization_endpoint"),
                self._address(found, "token_endpoint"),
            )
            self._known = (time.monotonic(), known)
        return self._known[1]

    def exchange(self, code: str, verifier: str, redirect_uri: str) -> str:
        """Return the ID token for a code, which is of use once (RFC 6749, 4.1.3; RFC 7636, 4.5).

        Raises
        ------
        SignInError
            If the issuer refuses the code.
        TemporaryError
            If it does not answer.
        """
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "client_id": self.client_id,
            "code_verifier": verifier,
        }
        answer = self._read(self.endpoints().token, fields)
        token = answer.get("id_token")
        if not isinstance(token, str):
            message = "the issuer sent no ID token"
            raise SignInError(message)
        return token

    def _address(self, found: Mapping[str, Any], name: str) -> str:
        address = found.get(name)
        if not isinstance(address, str) or not self._is_safe(address):
            message = f"the issuer's {name} is not an https address"
            raise SignInError(message)
        return address

    def _is_safe(self, address: str) -> bool:
        local = _LOOPBACK.fullmatch(self.url) and _LOOPBACK.fullmatch(address)
        return bool(_SAFE.fullmatch(address) or local)

    def _read(self, address: str, fields: Mapping[str, str] | None = None) -> dict[str, Any]:
        if not self._is_safe(address):
            message = f"the issuer {self.url} is not an https address"
            raise SignInError(message)
        body = None if fields is None else urllib.parse.urlencode(fields).encode()
        headers = {"Accept": "application/json"} | (self._credentials() if fields else {})
        request = urllib.request.Request(address, body, headers)  # noqa: S310  (checked above)
        try:
            with _OPENER.open(request, timeout=_SECONDS) as answer:
                found = json.loads(answer.read(_MOST_BYTES))
        except urllib.error.HTTPError as error:
            with error:
                if error.code >= 500 or error.code == 429:
                    message = f"the issuer answers {error.code}: try again"
                    raise TemporaryError(message) from error
            message = f"the issuer refuses the sign-in ({error.code}): it may be used already"
            raise SignInError(message) from error
        except (OSError, http.client.HTTPException, ValueError, RecursionError) as error:
            message = f"the issuer {self.url} does not answer as one: try again"
            raise TemporaryError(message) from error
        return found if isinstance(found, dict) else {}

    def _credentials(self) -> dict[str, str]:
        """Return how a client with a secret proves itself (RFC 6749, 2.3.1)."""
        secret = self._client_secret()
        if not secret:
            return {}
        quoted = map(urllib.parse.quote_plus, (self.client_id, secret))
        return {"Authorization": f"Basic {base64.b64encode(':'.join(quoted).encode()).decode()}"}


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Takes a redirect for the refusal that it is here: a code goes to no other address."""

    def redirect_request(self, *_: object) -> None:
        """Follow nothing."""


_OPENER = urllib.request.build_opener(_NoRedirects)
