"""Requests over HTTP to an API of an engine, signed as AWS's callers sign them."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.support.api import Reply


@dataclass(frozen=True)
class Caller:
    """Sends requests to an API, signed if there are credentials, with a token if there is one.

    The name of an engine's API ends with `.localhost`, which not every resolver knows.
    """

    url: str
    credentials: Credentials | None = None
    token: str | None = None
    region: str = "us-east-1"

    def __call__(self, method: str, path: str, body: object = None, **headers: str) -> Reply:
        text = None if body is None else json.dumps(body)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if text is not None:
            given.setdefault("content-type", "application/json")
        if self.token is not None:
            given["authorization"] = f"Bearer {self.token}"
        request: Any = AWSRequest(method, self.url + path, given, text)
        if self.credentials is not None:
            SigV4Auth(self.credentials, "execute-api", self.region).add_auth(request)
        where = urlsplit(self.url)
        connection = http.client.HTTPConnection("127.0.0.1", where.port, timeout=60)
        every = {**dict(request.headers.items()), "Host": where.netloc}
        connection.request(method, path, text, every)
        answer = connection.getresponse()
        reply = Reply(answer.status, answer.headers, answer.read().decode())
        connection.close()
        return reply
