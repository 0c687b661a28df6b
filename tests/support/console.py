"""The console in this process, and as a server on the loopback address: no engine is needed."""

from __future__ import annotations

import base64
import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Handle = Callable[[dict[str, Any]], dict[str, Any]]


def event_of(
    method: str,
    address: str,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    source: str = "127.0.0.1",
) -> dict[str, Any]:
    """Return what API Gateway makes of a request (payload format 2.0)."""
    split = urlsplit(address)
    sent = {name.lower(): value for name, value in (headers or {}).items()}
    cookies = [each.strip() for each in sent.pop("cookie", "").split(";") if each.strip()]
    return {
        "version": "2.0",
        "rawPath": split.path,
        "rawQueryString": split.query,
        "headers": {"host": "abc.execute-api.localhost:4566", **sent},
        **({"cookies": cookies} if cookies else {}),
        "requestContext": {
            "domainName": "abc.execute-api.localhost",
            "http": {"method": method, "path": split.path, "sourceIp": source},
        },
        **({"body": base64.b64encode(body).decode()} if body else {}),
        "isBase64Encoded": bool(body),
    }


def body_of(answer: dict[str, Any]) -> bytes:
    """Return the body of an answer, as a browser sees it."""
    body = base64.b64decode(answer["body"])
    return gzip.decompress(body) if answer["headers"].get("Content-Encoding") == "gzip" else body


@contextmanager
def served(handle: Handle) -> Iterator[str]:
    """Serve a handler over HTTP; yield its address."""
    turn = threading.Lock()  # moto and its clients are shared

    class Gateway(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            length = int(self.headers.get("content-length", 0))
            event = event_of(self.command, self.path, dict(self.headers), self.rfile.read(length))
            with turn:
                answer = handle(event)
            body = base64.b64decode(answer["body"])
            self.send_response(answer["statusCode"])
            for name, value in answer["headers"].items():
                self.send_header(name, value)
            for cookie in answer.get("cookies", ()):
                self.send_header("Set-Cookie", cookie)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD" and answer["statusCode"] != 304:
                self.wfile.write(body)

        do_GET = do_POST = do_HEAD = do_PUT = do_DELETE = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
