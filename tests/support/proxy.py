"""A proxy before the engine's CloudFormation: each stack's calls fail as that stack's plan says."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.support.resources import Provider

RESOURCES = "/resources/"


@dataclass(frozen=True)
class Call:
    """One call of CloudFormation's Query API, as the fields of its form."""

    fields: Mapping[str, str]

    @property
    def operation(self) -> str:
        return self.fields["Action"]

    @property
    def stack_name(self) -> str:
        name = self.fields.get("StackName", "")
        return name.split("/")[1] if name.startswith("arn:") else name

    def with_fields(self, **fields: str) -> Call:
        return replace(self, fields={**self.fields, **fields})


@dataclass(frozen=True)
class Answer:
    status: int
    content: bytes
    content_type: str = "text/xml"


Send = Callable[[Call], Answer]
Fault = Callable[[Call, Send], Answer | None]
"""Answers a call in the engine's place or after it; None closes the connection without a word."""


def _error(status: int, kind: str, code: str, message: str) -> Answer:
    text = (
        '<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">'
        f"<Error><Type>{kind}</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        "<RequestId>00000000-0000-0000-0000-000000000000</RequestId></ErrorResponse>"
    )
    return Answer(status, text.encode())


def throttled(_call: Call, _send: Send) -> Answer:
    return _error(400, "Sender", "Throttling", "Rate exceeded")


def internal_failure(_call: Call, _send: Send) -> Answer:
    return _error(500, "Receiver", "InternalFailure", "An internal error has occurred.")


def answer_lost(call: Call, send: Send) -> None:
    """Take the call, and die before the answer is read."""
    send(call)


def delayed(seconds: float) -> Fault:
    def fault(call: Call, send: Send) -> Answer:
        time.sleep(seconds)
        return send(call)

    return fault


def without_rollback(call: Call, send: Send) -> Answer:
    """Leave what fails as it is: the stack ends in CREATE_FAILED or UPDATE_FAILED."""
    return send(call.with_fields(DisableRollback="true"))


def without_retaining(call: Call, send: Send) -> Answer:
    """Forget which resources a deletion is to leave behind, so that it fails once more."""
    kept = {k: v for k, v in call.fields.items() if not k.startswith("RetainResources")}
    return send(replace(call, fields=kept))


def with_template(change: Callable[[dict], dict]) -> Fault:
    """Change the template on its way."""

    def fault(call: Call, send: Send) -> Answer:
        body = call.fields.get("TemplateBody")
        if body is not None:
            call = call.with_fields(TemplateBody=json.dumps(change(json.loads(body))))
        return send(call)

    return fault


@dataclass
class Plan:
    """What becomes of the calls about one stack, and what its custom resources answer."""

    provider: Provider = field(default_factory=Provider)
    _faults: list[tuple[str, Fault, float]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault, *operations: str, times: float = float("inf")) -> Plan:
        """Let the next `times` calls of an operation meet with `fault`, after the earlier ones."""
        with self._lock:
            self._faults += [(name, fault, times) for name in operations]
        return self

    def clear(self) -> None:
        """Let every call through from now on."""
        with self._lock:
            self._faults = []

    def wrap(self, call: Call, send: Send) -> Answer | None:
        """Answer a call as planned: each fault that is due is wrapped around those below it."""
        for fault in reversed(self._take(call.operation)):
            send = _around(fault, send)
        return send(call)

    def _take(self, operation: str) -> list[Fault]:
        with self._lock:
            due = [fault for name, fault, left in self._faults if name == operation and left > 0]
            self._faults = [
                (name, fault, left - (name == operation)) for name, fault, left in self._faults
            ]
        return due


def _around(fault: Fault, send: Send) -> Send:
    return lambda call: fault(call, send)  # type: ignore[return-value]


class FaultProxy(ThreadingHTTPServer):
    """Passes calls on to the engine by the plans of their stacks, and counts them."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, engine_url: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.engine = urlsplit(engine_url).netloc
        self.plans: defaultdict[str, Plan] = defaultdict(Plan)
        self.calls: Counter[tuple[str, str]] = Counter()
        """Calls by stack name and operation, those included that never got to the engine."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @contextmanager
    def running(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        try:
            yield self
        finally:
            for plan in self.plans.values():
                plan.provider.release()
            self.shutdown()
            self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: FaultProxy
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith(RESOURCES):
            plan = self.server.plans[self.path.removeprefix(RESOURCES)]
            answer = plan.provider.answer(json.loads(body))
            self._answer(Answer(200, json.dumps(answer).encode(), "application/json"))
            return
        call = Call(dict(parse_qsl(body.decode(), keep_blank_values=True)))
        if "Action" not in call.fields:  # whoever called died meanwhile
            self.close_connection = True
            return
        self.server.calls[call.stack_name, call.operation] += 1
        self._answer(self.server.plans[call.stack_name].wrap(call, self._send))

    def _send(self, call: Call) -> Answer:
        body = urlencode(call.fields).encode()
        headers = {**self.headers, "Content-Length": str(len(body))}
        upstream = http.client.HTTPConnection(self.server.engine, timeout=60)
        try:
            upstream.request("POST", self.path, body, headers)
            answer = upstream.getresponse()
            return Answer(answer.status, answer.read(), answer.headers["Content-Type"])
        finally:
            upstream.close()

    def _answer(self, answer: Answer | None) -> None:
        if answer is None:
            self.close_connection = True
            return
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        with suppress(ConnectionError):  # whoever called died meanwhile
            self.wfile.write(answer.content)

    def log_message(self, *_: object) -> None:
        """Stay silent."""
