"""A machine for the boot program: its metadata, AWS, `docker` and `shutdown`, all pretended."""

from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from templates.machine.user_data import program
from tests.support.waiting import wait_until

KEYS = {"AccessKeyId": "ASIA1", "SecretAccessKey": "hidden", "Token": "session"}
METADATA = {
    "instance-id": "i-1",
    "placement/region": "eu-west-1",
    "services/domain": "amazonaws.com",
    "iam/security-credentials/": "role",
    "iam/security-credentials/role": json.dumps(KEYS),
}
JOB: dict[str, Any] = {
    "image": "example.com/app:1",
    "command": ["sh", "-c", "true"],
    "environment": {"A": "one line\nand another", "LD_PRELOAD": "/x.so"},
    "secrets": {},
    "log_group": "/jobs/nightly",
    "log_stream": "job/2026-11-26-nightly-1",
    "gpus": False,
}

_DOCKER = """#!{python}
import json, os, sys, time
from pathlib import Path
folder, name = Path({folder!r}), sys.argv[1]
given = sys.stdin.read() if name == "login" else ""
with (folder / "docker.log").open("a") as log:
    log.write(json.dumps([sys.argv[1:], dict(os.environ), given]) + "\\n")
does = json.loads((folder / "docker.json").read_text())
if name == "wait":
    while not (folder / "stopped").exists() and "wait" not in does:
        time.sleep(0.02)
    print(does.get("wait", 137))
if name == "stop":
    (folder / "stopped").touch()
if name in does.get("failing", []):
    sys.exit("no such thing")
"""
_SHUTDOWN = """#!{python}
import sys
from pathlib import Path
words = " ".join(sys.argv[1:])
if "+" in words and (Path({folder!r}) / "no-timer").exists():
    sys.exit("no timer here")
with (Path({folder!r}) / "shutdown.log").open("a") as log:
    log.write(words + "\\n")
"""


class Pretended:
    """All that a boot program reaches; what it did is in `calls`, `docker` and `shutdown`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.metadata = dict(METADATA)
        self.job = dict(JOB)
        self.answers: dict[str, Any] = {}
        self.forbidden = 0
        """How often S3 refuses before it answers."""
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.unsigned: list[str] = []
        self._does: dict[str, Any] = {"wait": 0}
        for name, text in {"docker": _DOCKER, "shutdown": _SHUTDOWN}.items():
            program_file = folder / name
            program_file.write_text(text.format(python=sys.executable, folder=str(folder)))
            program_file.chmod(program_file.stat().st_mode | stat.S_IXUSR)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        (self.folder / "stopped").touch()  # a container that runs on ends
        self._server.shutdown()
        self._server.server_close()

    def without_timer(self) -> None:
        """Let `shutdown` switch off at once only."""
        (self.folder / "no-timer").touch()

    def docker_does(self, **does: Any) -> None:
        """Say how the container ends (`wait`, for ever if it is missing) and what fails."""
        self._does = does

    def boot(self, **given: Any) -> None:
        """Run the boot program to its end."""
        self.start(**given).wait(timeout=30)

    def start(self, **given: Any) -> subprocess.Popen[bytes]:
        (self.folder / "docker.json").write_text(json.dumps(self._does))
        said = {
            "token": "the-token",
            "bucket": "artifacts",
            "key": "machines/nightly/a+b.json",
            "deadline": time.time() + 130,
            "heartbeat": 0.05,
            "spot": 0,
        } | given
        url = f"http://127.0.0.1:{self._server.server_port}"
        environment = {
            "PATH": f"{self.folder}:{os.environ['PATH']}",
            "AWS_ENDPOINT_URL": url,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": url,
        }
        user_data = f"{program()}main({json.dumps(said)})\n"
        return subprocess.Popen([sys.executable, "-c", user_data], env=environment)

    @property
    def docker(self) -> list[tuple[list[str], dict[str, str], str]]:
        """What was asked of Docker: arguments, environment and standard input."""
        log = self.folder / "docker.log"
        return (
            [tuple(json.loads(line)) for line in log.read_text().splitlines()]
            if log.exists()
            else []
        )

    @property
    def shutdown(self) -> list[str]:
        log = self.folder / "shutdown.log"
        return log.read_text().splitlines() if log.exists() else []

    def called(self, action: str) -> list[dict[str, Any]]:
        return [parameters for name, parameters in self.calls if name == action]

    def wait(self, look: Any, what: str) -> Any:
        return wait_until(look, what, timeout_seconds=20)


def _handler(machine: Pretended) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_PUT(self) -> None:
            self._answer(200, b"imds-token")

        def do_GET(self) -> None:
            if self.path.startswith("/latest/meta-data/"):
                known = self.headers.get("X-aws-ec2-metadata-token") == "imds-token"
                text = machine.metadata.get(self.path.removeprefix("/latest/meta-data/"))
                self._answer(
                    401 if not known else 404 if text is None else 200, (text or "").encode()
                )
                return
            self._verify("s3", b"")
            machine.calls.append(("GetObject", {"path": self.path}))
            machine.forbidden -= 1
            self._answer(200 if machine.forbidden < 0 else 403, json.dumps(machine.job).encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            action = self.headers["x-amz-target"].rpartition(".")[2]
            self._verify(self.headers["authorization"].split("/")[3], body)
            machine.calls.append((action, json.loads(body)))
            answer = machine.answers.get(action, {})
            refused = isinstance(answer, str)
            text = json.dumps({"__type": answer} if refused else answer).encode()
            self._answer(400 if refused else 200, text)

        def _verify(self, service: str, body: bytes) -> None:
            """Hold the signature to the one that botocore would have made."""
            headers = {k: v for k, v in self.headers.items() if k.lower() in self._signed()}
            url = f"http://{self.headers['host']}{self.path}"
            request = AWSRequest(self.command, url, headers, body)
            request.context["timestamp"] = self.headers["x-amz-date"]
            request.context["payload_signing_enabled"] = True
            keys = Credentials(KEYS["AccessKeyId"], KEYS["SecretAccessKey"], KEYS["Token"])
            kind = S3SigV4Auth if service == "s3" else SigV4Auth
            auth = kind(keys, service, "eu-west-1")
            text = auth.string_to_sign(request, auth.canonical_request(request))
            if not self.headers["authorization"].endswith(auth.signature(text, request)):
                machine.unsigned.append(self.path)

        def _signed(self) -> list[str]:
            return self.headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def ecr_token(password: str) -> dict[str, Any]:
    token = base64.b64encode(f"AWS:{password}".encode()).decode()
    return {"authorizationData": [{"authorizationToken": token}]}
