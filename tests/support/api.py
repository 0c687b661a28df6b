"""The API in this process: requests as API Gateway hands them to the function."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import unquote

from provisioner.api.app import App
from provisioner.api.routes import ROUTES
from tests.support.functions import Context

ISSUER = "https://issuer.example"


def by_scopes(*scopes: str, **claims: str) -> dict[str, Any]:
    """Return the authorizer's part of an event for a token with these scopes."""
    said = {"iss": ISSUER, "sub": "ada", "scope": " ".join(scopes), **claims}
    return {"jwt": {"claims": said, "scopes": list(scopes)}}


def by_iam(arn: str = "arn:aws:iam::123456789012:user/ada") -> dict[str, Any]:
    return {"iam": {"userArn": arn, "accountId": "123456789012"}}


def route_key(method: str, path: str) -> str:
    """Return the route that API Gateway chooses, by the path as it was sent."""
    fits = (r.key for r in ROUTES if r.method == method and _pattern(r.path).fullmatch(path))
    return next(fits, "$default")


@cache
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+\}", "[^/]+", path))


@dataclass(frozen=True)
class Reply:
    """What the function answered."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def slug(self) -> str:
        """The type of problem that it is."""
        assert self.headers["Content-Type"] == "application/problem+json", self
        assert self.json["status"] == self.status
        return str(self.json["type"].rpartition("/")[2])


@dataclass
class Client:
    """Sends requests as one caller; `headers` go with each."""

    app: App
    authorizer: Mapping[str, Any] = field(default_factory=lambda: by_scopes("jobs/admin"))
    headers: Mapping[str, str] = field(default_factory=dict)
    check: Callable[[str, str, Reply], None] = lambda *_: None

    def __call__(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        raw: str | None = None,
        query: str = "",
        **headers: str | None,
    ) -> Reply:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        text = raw if raw is not None or body is None else json.dumps(body)
        kind = {"content-type": "application/json"} if text is not None else {}
        every = {**kind, **self.headers, **given}
        event: dict[str, Any] = {
            "version": "2.0",
            "routeKey": route_key(method, path),
            "rawPath": unquote(path),
            "rawQueryString": query,
            "headers": {name: value for name, value in every.items() if value is not None},
            "requestContext": {
                "http": {"method": method, "path": unquote(path), "sourceIp": "192.0.2.1"},
                "requestId": "r-1",
                "stage": "$default",
                "authorizer": self.authorizer,
            },
            "isBase64Encoded": False,
            **({} if text is None else {"body": text}),
        }
        answer = self.app.resolve(event, Context())
        reply = Reply(answer["statusCode"], answer.get("headers", {}), answer.get("body") or "")
        self.check(method, unquote(path), reply)
        return reply
