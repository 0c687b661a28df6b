"""A console's sign-in with an issuer, and a browser that keeps its cookies."""

from __future__ import annotations

import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

from provisioner.console.issuer import Issuer
from provisioner.console.sign_in import Groups, SignIn
from provisioner.service.caller import Role
from provisioner.sessions import Session
from tests.support.oidc import CLIENT_ID, oidc_issuer

ORIGIN = "https://console.example"
ROLES = {
    "admins": Role.ADMIN,
    "writers": Role.WRITE,
    "operators": Role.OPERATE,
    "readers": Role.READ,
}


@dataclass
class FakeSessions:
    items: dict[str, Session] = field(default_factory=dict)

    def get(self, key):
        return self.items.get(key)

    def put(self, session):
        self.items[session.key] = session

    def touch(self, session):
        if session.key in self.items:
            self.items[session.key] = session

    def revoke(self, key):
        self.items.pop(key, None)


@dataclass
class Clock:
    now: datetime

    def __call__(self):
        return self.now


@contextmanager
def console():
    with oidc_issuer() as issuer:
        client = Issuer(issuer.url, CLIENT_ID)
        groups = Groups("groups", dict(ROLES))
        yield SignIn(ORIGIN, client, groups, FakeSessions(), Clock(datetime.now(UTC))), issuer


class Browser:
    """Follows redirects to the issuer and back, and obeys Set-Cookie."""

    def __init__(self, sign_in):
        self.at = sign_in
        self.cookies = {}
        self.headers = []

    @property
    def sent(self):
        return [f"{name}={value}" for name, value in self.cookies.items()]

    def session(self):
        return self.at.session_of(self.sent)

    def follow(self, redirect):
        for header in redirect.set_cookies:
            self.headers.append(header)
            pair, *attributes = header.split("; ")
            name, _, value = pair.partition("=")
            self.cookies[name] = value
            if "Max-Age=0" in attributes:
                del self.cookies[name]
        return redirect.location

    def begin(self, return_to="/"):
        """Go to the issuer; return the query of the address that it sends the browser back to."""
        location = self.follow(self.at.begin(return_to))
        return dict(parse_qsl(urlsplit(redirect_of(location)).query))

    def finish(self, query):
        return self.follow(self.at.finish(query, self.sent)[1])

    def sign_in(self, return_to="/"):
        return self.finish(self.begin(return_to))


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def redirect_of(address):
    try:
        urllib.request.build_opener(_Stay).open(address, timeout=5)
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.headers["Location"]
    raise AssertionError("the issuer did not redirect")
