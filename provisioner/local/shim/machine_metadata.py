"""The instance metadata of one machine: IMDSv2 on a loopback address, as AWS answers it.

On AWS it is at 169.254.169.254; SDKs take another address from AWS_EC2_METADATA_SERVICE_ENDPOINT.
The engine has one identity for all.
"""

from __future__ import annotations

import contextvars
import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from provisioner.local.shim import machine_capacity, tasks
from provisioner.local.shim.patching import private

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAM = "/program/"
"""Where the machine's own `docker` and `shutdown` ask."""


def serve(
    identifier: str, role_arn: str | None, program: Callable[[str, dict[str, Any]], dict[str, Any]]
) -> ThreadingHTTPServer:
    """Serve a machine's metadata, and what its programs ask for, on a port of its own."""
    entries = _entries(identifier, role_arn)
    tokens: set[str] = set()
    context = contextvars.copy_context()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing: the engine has a log of its own."""

        def do_PUT(self) -> None:
            """Give out a session token."""
            token = secrets.token_urlsafe(32)
            tokens.add(token)
            self._answer(200, token)

        def do_GET(self) -> None:
            """Answer an entry, to those with a token only."""
            if self.headers.get("X-aws-ec2-metadata-token") not in tokens:
                self._answer(401, "")
                return
            entry = entries.get(self.path.removeprefix("/latest/meta-data/"))
            text = context.copy().run(entry) if entry else None
            self._answer(404 if text is None else 200, text or "")

        def do_POST(self) -> None:
            """Do what one of the machine's programs asks for."""
            given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            done = context.copy().run(program, self.path.removeprefix(PROGRAM), given)
            self._answer(200, json.dumps(done))

        def _answer(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _entries(identifier: str, role_arn: str | None) -> dict[str, Callable[[], str | None]]:
    region: str = private("ministack.core.responses", "get_region")()
    entries: dict[str, Callable[[], str | None]] = {
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
