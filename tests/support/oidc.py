"""An OpenID Connect issuer on the loopback interface: a double that speaks the real protocol.

It signs in its `person`, without a question unless it `asks`, and it is strict: a code is of use
once, for the client and the address that it was made for, and only with the verifier of its
challenge.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

CLIENT_ID = "console"


@dataclass
class Person:
    subject: str = "u-1"
    email: str = "ada@example.com"
    groups: list[str] = field(default_factory=lambda: ["admins"])

    @property
    def claims(self) -> dict[str, Any]:
        return {
            "sub": self.subject,
            "email": self.email,
            "email_verified": True,
            "groups": self.groups,
        }


@dataclass
class TestIssuer:
    """What a test sets: who signs in next, and what an evil issuer says instead of the truth."""

    __test__ = False

    url: str
    person: Person = field(default_factory=Person)
    claims: dict[str, Any] = field(default_factory=dict)
    discovery: dict[str, Any] = field(default_factory=dict)
    answer: tuple[int, Any] | None = None
    """What the token endpoint answers instead of tokens: a status and a body."""
    is_broken: bool = False
    asks: bool = False
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    credentials: list[str | None] = field(default_factory=list)
    """What each request for tokens has proven its client with."""
    _codes: dict[str, dict[str, Any]] = field(default_factory=dict)

    def document(self) -> Mapping[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        } | self.discovery

    def authorize(self, asked: Mapping[str, str]) -> str | None:
        """Return where the browser goes on to; None for a request that is not valid."""
        wanted = {"response_type": "code", "client_id": CLIENT_ID, "code_challenge_method": "S256"}
        if any(asked.get(name) != value for name, value in wanted.items()):
            return None
        if "openid" not in asked.get("scope", "").split() or not asked.get("code_challenge"):
            return None
        code = secrets.token_urlsafe(16)
        self._codes[code] = {**asked, "person": self.person}
        separator = "&" if "?" in asked["redirect_uri"] else "?"
        answer = {"code": code, "state": asked.get("state", ""), "iss": self.url}
        return f"{asked['redirect_uri']}{separator}{urlencode(answer)}"

    def token(self, given: Mapping[str, str]) -> tuple[int, Any]:
        if self.answer:
            return self.answer
        begun = self._codes.pop(given.get("code", ""), None)
        digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if (
            begun is None
            or given.get("grant_type") != "authorization_code"
            or given.get("client_id") != begun["client_id"]
            or given.get("redirect_uri") != begun["redirect_uri"]
            or challenge != begun["code_challenge"]
        ):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": begun.get("nonce"),
            **begun["person"].claims,
            **self.claims,
        }
        return 200, {"access_token": "-", "token_type": "Bearer", "id_token": jwt(claims)}


def jwt(claims: Mapping[str, Any]) -> str:
    """Return a token with these claims and an arbitrary signature."""
    parts = ({"alg": "RS256", "kid": "1"}, claims)
    texts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts]
    return ".".join(text.rstrip("=") for text in (*texts, "c2lnbmF0dXJl"))


@contextmanager
def oidc_issuer(port: int = 0):
    """Yield an issuer that answers until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            asked = {name: values[0] for name, values in parse_qs(address.query).items()}
            issuer.requests.append((address.path, asked))
            match address.path:
                case "/.well-known/openid-configuration":
                    self.answer(200, issuer.document())
                case "/authorize" if issuer.asks:
                    self.answer(200, {"question": "Who are you?"})
                case "/authorize":
                    location = issuer.authorize(asked)
                    headers = {"Location": location} if location else {}
                    self.answer(302 if location else 400, {}, headers)
                case _:
                    self.answer(404, {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            given = {name: values[0] for name, values in parse_qs(body).items()}
            issuer.requests.append((self.path, given))
            issuer.credentials.append(self.headers["Authorization"])
            if issuer.is_broken:
                self.wfile.write(b"SSH-2.0-OpenSSH_9.9\r\n")
                return
            self.answer(*issuer.token(given))

        def answer(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
            content = json.dumps(body).encode()
            own = {"Content-Type": "application/json", "Content-Length": str(len(content))}
            self.send_response(status)
            for name, value in {**own, **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    issuer = TestIssuer(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
