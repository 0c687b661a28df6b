"""The instance metadata of one machine: IMDSv2 on a loopback address, as AWS answers it.

On AWS it is at 169.254.169.254; SDKs take another address from AWS_EC2_METADATA_SERVICE_ENDPOINT.
The engine has one identity for all. Here each machine has its own, under the `MetadataOptions` of
its launch template: a token, whose lifetime the caller says, before anything else unless
`HttpTokens` is `optional`; no token for what a proxy passes on; and a token's answer goes no
further than `HttpPutResponseHopLimit` hops, by the time to live of its packets: the host's network
is within one hop, a container behind a bridge is not.
"""

from __future__ import annotations

import contextvars
import json
import secrets
import socket
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from provisioner.local.shim import machine_capacity, tasks
from provisioner.local.shim.patching import private

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Entries = dict[str, "Callable[[], str | None]"]
"""What the metadata hold: a path below `latest/meta-data/`, and what is there, if anything."""

PROGRAM = "/program/"
"""Where the machine's own `docker` and `shutdown` ask."""

_TOKEN, _DATA = "/latest/api/token", "/latest/meta-data/"
_MAX_TOKEN_SECONDS = 21_600


@dataclass(frozen=True)
class Options:
    """How metadata may be read: `MetadataOptions` of a launch template (EC2 API Reference)."""

    tokens_required: bool
    hop_limit: int

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Options:
        """Return the options of a launch template; what it leaves out is as EC2 has it."""
        hops = int(given.get("HttpPutResponseHopLimit", 1))
        return cls(given.get("HttpTokens") == "required", hops)


def serve(
    entries: Entries, options: Options, program: Callable[[str, dict[str, Any]], dict[str, Any]]
) -> ThreadingHTTPServer:
    """Serve a machine's metadata, and what its programs ask for, on a port of its own."""
    tokens: dict[str, float] = {}
    context = contextvars.copy_context()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing: the engine has a log of its own."""

        def do_PUT(self) -> None:
            """Give out a session token."""
            lifetime = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
            self.connection.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, options.hop_limit)
            if self.path != _TOKEN:
                self._answer(404)
            elif self.headers.get("X-Forwarded-For") is not None:
                self._answer(403)
            elif not (lifetime.isdecimal() and 1 <= int(lifetime) <= _MAX_TOKEN_SECONDS):
                self._answer(400)
            else:
                token = secrets.token_urlsafe(32)
                tokens[token] = time.monotonic() + int(lifetime)
                self._answer(200, token)

        def do_GET(self) -> None:
            """Answer an entry, to those with a token only."""
            token = self.headers.get("X-aws-ec2-metadata-token")
            if (token or options.tokens_required) and tokens.get(token or "", 0) < time.monotonic():
                self._answer(401)
                return
            entry = entries.get(self.path.removeprefix(_DATA))
            text = context.copy().run(entry) if entry and self.path.startswith(_DATA) else None
            self._answer(404 if text is None else 200, text or "")

        def do_POST(self) -> None:
            """Do what one of the machine's programs asks for."""
            given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            done = context.copy().run(program, self.path.removeprefix(PROGRAM), given)
            self._answer(200, json.dumps(done))

        def _answer(self, status: int, text: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def entries_of(identifier: str, role_arn: str | None) -> Entries:
    """Return what the metadata of a machine hold; its role's credentials are fresh each time."""
    region: str = private("ministack.core.responses", "get_region")()
    entries: Entries = {
        "instance-id": lambda: identifier,
        "spot/instance-action": lambda: machine_capacity.instance_action(identifier),
        "placement/region": lambda: region,
        "services/domain": lambda: "amazonaws.com",
    }
    if role_arn:
        role = role_arn.rpartition("/")[2]
        entries["iam/security-credentials/"] = lambda: role
        entries[f"iam/security-credentials/{role}"] = lambda: json.dumps(
            {"Code": "Success", "Type": "AWS-HMAC"} | tasks.session(role_arn, identifier)
        )
    return entries
