"""Requests and answers, as API Gateway hands them to a function (payload format 2.0)."""

from __future__ import annotations

import base64
import gzip
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

from provisioner.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.service.caller import Caller

_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 2_000
_WORTH_COMPRESSING = 1_000
"""Bytes: what is smaller fits into one packet anyway."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a browser asks for.

    Attributes
    ----------
    query, form
        The last value of each name; `fields` are all of the form's, in its order.
    headers
        With names in lower case.
    cookies
        As `name=value`.
    source
        The IP address that the request came from.
    nonce
        What the page's scripts and htmx's attributes have to carry; another one each time.
    caller
        None until the hook before all pages has found out.
    csrf
        What forms send back in the field `csrf`; "" where no form needs one.
    parts
        What the address has in the places of the route's `{name}`.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    fields: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()
    source: str | None = None
    caller: Caller | None = None
    csrf: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    @property
    def form(self) -> Mapping[str, str]:
        """The last value of each of the form's fields."""
        return dict(self.fields)

    @property
    def host(self) -> str:
        """The host, with its port, that the browser asked."""
        return self.headers.get("host", "")

    @property
    def address(self) -> str:
        """The path with its query, as it is to be asked again."""
        query = urlencode(self.query)
        return f"{quote(self.path)}?{query}" if query else quote(self.path)

    @property
    def is_partial(self) -> bool:
        """Whether htmx asks for the part of the page that changes."""
        return "hx-request" in self.headers

    def at(self, parts: Mapping[str, str]) -> Request:
        """Return the request with what its address has in the places of a route."""
        return replace(self, parts=parts)

    def of(self, caller: Caller, csrf: str = "") -> Request:
        """Return the request of a caller."""
        return replace(self, caller=caller, csrf=csrf)


@dataclass(frozen=True, slots=True)
class Response:
    """What the browser gets; `cookies` are whole Set-Cookie headers.

    `asked_by` is for the log: the name of the caller, "-" where none is known.
    """

    body: str | bytes = ""
    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()
    asked_by: str = "-"

    def having(self, headers: Mapping[str, str]) -> Response:
        """Return it with these headers too; its own win."""
        return replace(self, headers={**headers, **self.headers})


def redirect(location: str, cookies: tuple[str, ...] = ()) -> Response:
    """Return the answer that sends a browser elsewhere, which then asks with GET."""
    return Response(status=303, headers={"Location": location}, cookies=cookies)


def request_of(event: Mapping[str, Any]) -> Request:
    """Return the request in an event.

    Raises
    ------
    InvalidRequestError
        If its form cannot be read.
    """
    about = event["requestContext"]["http"]
    headers = {name.lower(): value for name, value in event.get("headers", {}).items()}
    cookies = event.get("cookies") or headers.get("cookie", "").split(";")
    return Request(
        method=about["method"],
        path=unquote(event["rawPath"]) or "/",
        query=dict(parse_qsl(event.get("rawQueryString", ""))),
        fields=_fields(event, headers.get("content-type", "")),
        headers=headers,
        cookies=tuple(each.strip() for each in cookies if each.strip()),
        source=about.get("sourceIp"),
    )


def _fields(event: Mapping[str, Any], content_type: str) -> tuple[tuple[str, str], ...]:
    body = event.get("body")
    if not body or content_type.partition(";")[0].strip().lower() != _FORM:
        return ()
    try:
        text = base64.b64decode(body).decode() if event.get("isBase64Encoded") else body
        return tuple(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError as error:
        message = "the form cannot be read"
        raise InvalidRequestError(message) from error


def to_gateway(request: Request, response: Response) -> dict[str, Any]:
    """Return an answer as API Gateway takes it, compressed if the browser can read that."""
    body = response.body.encode() if isinstance(response.body, str) else response.body
    headers = {"Content-Type": response.content_type, **response.headers}
    if request.method == "HEAD":
        body = b""
    compressed = "gzip" in request.headers.get("accept-encoding", "")
    if compressed and len(body) > _WORTH_COMPRESSING:
        body = gzip.compress(body, 6, mtime=0)
        headers |= {"Content-Encoding": "gzip"}
    return {
        "statusCode": response.status,
        "headers": headers | {"Vary": "Accept-Encoding"},
        "cookies": list(response.cookies),
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }
