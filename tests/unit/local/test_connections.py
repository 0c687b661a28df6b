"""Requests to an engine as its connections read and answer them; over a real socket."""

from __future__ import annotations

import asyncio
import contextvars
from types import SimpleNamespace

import pytest

from provisioner.local.shim.connections import Connection

WHOSE = contextvars.ContextVar("whose", default="nobody's")


async def app(scope, receive, send):
    """Answer what was asked, as the path wishes it."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message["body"]
        more = message["more_body"]
    path = scope["path"]
    if path == "/raises":
        raise ValueError("no good")
    if path == "/whose":
        body = WHOSE.get().encode()
        WHOSE.set("the last one's")
    headers = [(b"x-asked", b"%b %b" % (scope["method"].encode(), scope["raw_path"]))]
    if path == "/break":
        headers = [(b"x-asked", b"a\r\nset-cookie: b")]
    status = 204 if path == "/empty" else 299 if path == "/odd" else 200
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if path == "/pieces":
        for piece in (b"one", b"", b"two"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        body = b""
    await send({"type": "http.response.body", "body": body})
    if path == "/stays":
        assert await receive() == {"type": "http.disconnect"}


async def upgraded(*given):
    """What the engine's own server does with a connection: say what it reads."""
    reader, writer = given[-2:]
    writer.write(b"own: " + await reader.readline())
    writer.close()


def exchanged(*pieces: bytes, end: bool = False) -> bytes:
    """Return all that comes back for what is sent on one connection, until it is closed."""

    async def exchange() -> bytes:
        over = asyncio.Event()
        context = SimpleNamespace(terminated=over)
        wrapped = SimpleNamespace(app=app)

        async def serve(reader, writer):
            await Connection(upgraded, wrapped, None, None, context, {}, reader, writer)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.01)
        if end:
            over.set()
        else:
            writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        server.close()
        await server.wait_closed()
        return answer

    return asyncio.run(exchange())


GET = b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /a%%20b?c=d HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n%b\r\nbody"
OK = b"HTTP/1.1 200 OK\r\nx-asked: %b\r\ncontent-length: %d\r\n\r\n%b"


def test_requests_of_one_connection_are_answered_one_after_another():
    assert exchanged(GET % b"/" + POST % b"" + GET % b"/odd") == (
        OK % (b"GET /", 0, b"")
        + OK % (b"POST /a%20b", 4, b"body")
        + (b"HTTP/1.1 299 \r\nx-asked: GET /odd\r\ncontent-length: 0\r\n\r\n")
    )


def test_a_request_comes_in_pieces():
    request = POST % b""
    assert exchanged(request[:9], request[9:70], request[70:]) == OK % (b"POST /a%20b", 4, b"body")


def test_a_body_of_chunks_is_put_together():
    chunks = b"2;x=y\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n"
    chunked = b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
    assert exchanged(chunked + GET % b"/") == (
        OK % (b"PUT /", 4, b"body") + OK % (b"GET /", 0, b"")
    )


def test_who_waits_to_send_a_body_is_told_to_go_on():
    continued = b"HTTP/1.1 100 Continue\r\n\r\n"
    assert exchanged(POST % b"Expect: 100-continue\r\n").startswith(continued)


def test_an_answer_whose_end_is_unknown_comes_in_chunks():
    start = b"HTTP/1.1 200 OK\r\nx-asked: GET /pieces\r\n"
    assert exchanged(GET % b"/pieces") == (
        start + b"transfer-encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
    )
    old = b"GET /pieces HTTP/1.0\r\n\r\n"
    assert exchanged(old) == start + b"connection: close\r\n\r\nonetwo"


@pytest.mark.parametrize(
    ("request_", "head"),
    [
        (b"HEAD / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\nx-asked: HEAD /\r\n\r\n"),
        (GET % b"/empty", b"HTTP/1.1 204 No Content\r\nx-asked: GET /empty\r\n\r\n"),
    ],
)
def test_some_answers_have_no_body(request_, head):
    assert exchanged(request_ + GET % b"/") == head + OK % (b"GET /", 0, b"")


@pytest.mark.parametrize("path", [b"/raises", b"/break"])
def test_what_goes_wrong_is_said_and_the_connection_closed(path):
    assert exchanged(GET % path + GET % b"/") == (
        b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    )


@pytest.mark.parametrize("request_", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n"])
def test_what_is_no_request_is_refused(request_):
    assert exchanged(request_).startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_a_connection_is_closed_when_the_client_asks_for_it():
    last = b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"
    assert exchanged(last + GET % b"/").count(b"HTTP/1.1") == 1


def test_each_request_has_variables_of_its_own():
    assert exchanged(GET % b"/whose" + GET % b"/whose").count(b"nobody's") == 2


@pytest.mark.parametrize(
    "request_", [b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\n"]
)
def test_what_becomes_another_connection_is_left_to_the_engine(request_):
    assert exchanged(request_) == b"own: " + request_.partition(b"\n")[0] + b"\n"


def test_an_answer_that_goes_on_hears_of_the_client_s_end():
    assert exchanged(GET % b"/stays").endswith(b"content-length: 0\r\n\r\n")


def test_a_connection_ends_with_the_engine():
    assert exchanged(GET % b"/", end=True) == OK % (b"GET /", 0, b"")
