"""Requests over HTTP, read and answered in half the time.

Most of what an engine computes is requests, and most of a request was the engine's HTTP: two state
machines, a dozen events and tasks, and two writes to the socket. Here a connection is read as far
as HTTP/1.1 goes, whole requests one after another; a connection that is to become another
(WebSocket, HTTP/2) is left to the engine.
"""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from provisioner.local.shim.patching import private, wrap

if TYPE_CHECKING:
    from collections.abc import Generator

    Headers = list[tuple[bytes, bytes]]
    Message = dict[str, Any]

_SERVER = "hypercorn.asyncio.run"
_ASGI = {"spec_version": "2.1", "version": "3.0"}
_WITHOUT_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
_LOOK_SECONDS = 0.5

_log = logging.getLogger("connections")


def install() -> None:
    """Read connections here."""
    private(_SERVER, "worker_serve")
    wrap(_SERVER, "TCPServer", lambda original: lambda *given: Connection(original, *given))


class Connection:
    """A connection of a client, served until one of both closes it."""

    def __init__(  # noqa: PLR0913, PLR0917 - the engine's server's own signature
        self,
        original: Any,  # noqa: ANN401
        app: Any,  # noqa: ANN401
        loop: Any,  # noqa: ANN401
        config: Any,  # noqa: ANN401
        context: Any,  # noqa: ANN401
        state: Any,  # noqa: ANN401
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._original = original
        self._given = (app, loop, config, context, state, reader, writer)
        self._app = app.app
        self._context = context
        self._reader, self._writer = reader, writer
        self._client = writer.get_extra_info("peername")
        self._server = writer.get_extra_info("sockname")

    def __await__(self) -> Generator[Any, None, None]:
        """Serve it to its end, as the engine's server asks."""
        return self._run().__await__()

    async def _run(self) -> None:
        ending = asyncio.create_task(self._end_with_the_engine())
        try:
            while await self._serve_next():
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client has gone, or speaks something else
        except ValueError:
            self._writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        finally:
            ending.cancel()
            self._writer.close()

    async def _end_with_the_engine(self) -> None:
        await self._context.terminated.wait()
        self._reader.feed_eof()

    async def _serve_next(self) -> bool:
        """Serve a request; return whether another may follow."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        line, *lines = head[:-4].split(b"\r\n")
        if line == b"PRI * HTTP/2.0":
            return await self._leave(head)
        method, target, version = line.split(b" ")
        headers = [_header(each) for each in lines]
        fields = dict(headers)
        if b"upgrade" in fields:
            return await self._leave(head)
        if fields.get(b"expect", b"").lower() == b"100-continue":
            self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await self._body(fields)
        path, _, query = target.partition(b"?")
        scope = {
            "type": "http",
            "asgi": _ASGI,
            "http_version": version[5:].decode("ascii"),
            "method": method.decode("ascii").upper(),
            "scheme": "http",
            "path": unquote(path.decode("ascii")),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": headers,
            "client": self._client,
            "server": self._server,
            "state": {},
            "extensions": {},
        }
        exchange = Exchange(self._reader, self._writer, body, method, version, fields)
        # A task of its own has variables of its own: whose request it is.
        await asyncio.create_task(self._answer(scope, exchange))
        return exchange.goes_on

    async def _answer(self, scope: Message, exchange: Exchange) -> None:
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except ConnectionError:
            exchange.goes_on = False
        except Exception:  # noqa: BLE001 - whatever the engine's code raises
            _log.exception("a request was not answered: %s %s", scope["method"], scope["path"])
            await exchange.fail()

    async def _leave(self, head: bytes) -> bool:
        """Have the engine's own server read all of it."""
        rest = self._reader._buffer  # type: ignore[attr-defined]  # noqa: SLF001
        rest[:0] = head
        await self._original(*self._given)
        return False

    async def _body(self, fields: dict[bytes, bytes]) -> bytes:
        if b"chunked" not in fields.get(b"transfer-encoding", b"").lower():
            size = int(fields.get(b"content-length", 0))
            return await self._reader.readexactly(size) if size else b""
        chunks = []
        while size := int((await self._reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            chunks.append((await self._reader.readexactly(size + 2))[:-2])
        while await self._reader.readuntil(b"\r\n") != b"\r\n":
            pass
        return b"".join(chunks)


class Exchange:
    """A request whose body is there, and its answer, as ASGI has them."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        body: bytes,
        method: bytes,
        version: bytes,
        fields: dict[bytes, bytes],
    ) -> None:
        self._reader, self._writer = reader, writer
        self._body: bytes | None = body
        self._is_head = method == b"HEAD"
        self._is_old = version != b"HTTP/1.1"
        self._start: Message | None = None
        self._has_begun = self._has_body = self._is_chunked = False
        wish = fields.get(b"connection", b"").lower()
        self.goes_on = wish == b"keep-alive" if self._is_old else wish != b"close"

    async def receive(self) -> Message:
        """Give the body; when asked again, wait for the client to go."""
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        while not (self._reader.at_eof() or self._writer.is_closing()):
            await asyncio.sleep(_LOOK_SECONDS)
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Send the answer, its head with the first of its body."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        if self._start is None or message["type"] != "http.response.body":
            return
        more = message.get("more_body", False)
        piece: bytes = message.get("body", b"") if self._has_body or not self._has_begun else b""
        head = b"" if self._has_begun else self._head(self._start, len(piece), more=more)
        if not self._has_body:
            piece = b""
        elif self._is_chunked:
            piece = b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b""
            piece += b"" if more else b"0\r\n\r\n"
        if self._writer.is_closing():
            raise ConnectionResetError
        self._writer.write(head + piece if head else piece)
        await self._writer.drain()

    async def fail(self) -> None:
        """Answer that it went wrong, or cut off what has begun."""
        self.goes_on = False
        if not self._has_begun:
            await self.send({"type": "http.response.start", "status": 500, "headers": []})
            await self.send({"type": "http.response.body"})

    def _head(self, start: Message, size: int, *, more: bool) -> bytes:
        status: int = start["status"]
        self._has_body = not (self._is_head or status in _WITHOUT_BODY)
        headers: Headers = list(start.get("headers", ()))
        names = {name.lower() for name, _ in headers}
        self._is_chunked = self._has_body and b"transfer-encoding" in names
        if self._has_body and not names & {b"content-length", b"transfer-encoding"}:
            if not more:
                headers.append((b"content-length", b"%d" % size))
            elif self._is_old:
                self.goes_on = False
            else:
                self._is_chunked = True
                headers.append((b"transfer-encoding", b"chunked"))
        if not self.goes_on:
            headers.append((b"connection", b"close"))
        try:
            phrase = HTTPStatus(status).phrase
        except ValueError:
            phrase = ""
        lines = [b"HTTP/1.1 %d %b" % (status, phrase.encode())]
        lines += [b"%b: %b" % header for header in headers]
        if any(b"\r" in line or b"\n" in line for line in lines):
            message = "a header has a line break"
            raise ValueError(message)
        self._has_begun = True
        return b"\r\n".join([*lines, b"", b""])


def _header(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    if not colon:
        raise ValueError(line)
    return name.lower(), value.strip()
