"""The layer that gives a function its secrets, by each language's reader, against a server that
takes only what is signed as AWS's own library signs it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

WRAPPER = Path(__file__).parents[2] / "bootstrap/secrets_layer/provisioner/secrets"
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:jobs"
PARAMETER = "arn:aws:ssm:eu-west-1:123456789012:parameter/jobs"
HARD = 'it\'s "$HOME" `id` \\ \n é€\t*'
SECRETS = {
    f"{SECRET}/plain": HARD,
    f"{SECRET}/map": json.dumps({"password": HARD, "port": 5432, "none": None}),
}
PARAMETERS = {f"/jobs/{n}": f"value {n}" for n in range(23)}
KEYS = Credentials("AKID", "key", "token")
PRINT = {
    "python": [sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))"],
    "node": ["node", "-e", "console.log(JSON.stringify(process.env))"],
    "ruby": ["ruby", "-r", "json", "-e", "puts JSON.generate(ENV.to_h)"],
}
HERE = [name for name, command in PRINT.items() if shutil.which(command[0])]
"""Lambda has all of them; a machine may lack some."""


class Server(BaseHTTPRequestHandler):
    """Secrets Manager and Systems Manager."""

    asked: list[dict[str, Any]]
    failures: list[tuple[int, str]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if not self._is_signed(body):
            self._answer(403, {"__type": "InvalidSignatureException"})
        elif self.failures:
            status, error = self.failures.pop()
            self._answer(status, {"__type": error})
        else:
            self.asked.append(json.loads(body))
            self._answer(*self._found(json.loads(body)))

    def _is_signed(self, body: bytes) -> bool:
        authorization = self.headers["authorization"]
        service = re.search(r"/eu-west-1/(\w+)/", authorization)[1]
        names = re.search("SignedHeaders=([^,]+)", authorization)[1].split(";")
        request = AWSRequest("POST", f"http://{self.headers['host']}/", data=body)
        for name in names:
            request.headers[name] = self.headers[name]
        request.context["timestamp"] = self.headers["x-amz-date"]
        auth = SigV4Auth(KEYS, service, "eu-west-1")
        text = auth.string_to_sign(request, auth.canonical_request(request))
        return authorization.endswith(f"Signature={auth.signature(text, request)}")

    def _found(self, ask: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if "Names" in ask:
            known = [name for name in ask["Names"] if name in PARAMETERS]
            return 200, {
                "Parameters": [{"Name": name, "Value": PARAMETERS[name]} for name in known],
                "InvalidParameters": [name for name in ask["Names"] if name not in known],
            }
        if ask["SecretId"] == f"{SECRET}/binary":
            return 200, {"SecretBinary": "AAA="}
        if ask["SecretId"] not in SECRETS:
            return 400, {"__type": "AccessDeniedException"}
        return 200, {"SecretString": SECRETS[ask["SecretId"]]}

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    Server.asked, Server.failures = [], []
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(params=HERE)
def read(request, server):
    """Start a program as Lambda starts a runtime; return its environment, or what was said."""

    def started(**secrets: str) -> dict[str, str] | str:
        environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": KEYS.access_key,
            "AWS_SECRET_ACCESS_KEY": KEYS.secret_key,
            "AWS_SESSION_TOKEN": KEYS.token,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
            "PROVISIONER_SECRETS": json.dumps(secrets),
        }
        done = subprocess.run(
            ["sh", WRAPPER, *PRINT[request.param]],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return json.loads(done.stdout) if done.returncode == 0 else done.stderr

    return started


def test_a_variable_has_its_secret_to_the_letter(read):
    found = read(
        PLAIN=f"{SECRET}/plain",
        PASSWORD=f"{SECRET}/map:password::",
        PORT=f"{SECRET}/map:port::",
        NONE=f"{SECRET}/map:none:AWSCURRENT:",
    )

    assert (found["PLAIN"], found["PASSWORD"]) == (HARD, HARD)
    assert (found["PORT"], found["NONE"]) == ("5432", "null")


def test_parameters_are_read_ten_at_a_time(read):
    found = read(**{f"P{n}": f"{PARAMETER}/{n}" for n in range(23)})

    assert {found[f"P{n}"] for n in range(23)} == set(PARAMETERS.values())
    assert sorted(len(ask["Names"]) for ask in Server.asked) == [3, 10, 10]
    assert all(ask["WithDecryption"] for ask in Server.asked)


def test_one_version_is_asked_for_as_the_row_names_it(read):
    read(OLD=f"{SECRET}/plain::AWSPREVIOUS:", ONE=f"{SECRET}/plain:::v1")

    asked = sorted(Server.asked, key=str)
    assert [sorted(ask.items()) for ask in asked] == [
        [("SecretId", f"{SECRET}/plain"), ("VersionId", "v1")],
        [("SecretId", f"{SECRET}/plain"), ("VersionStage", "AWSPREVIOUS")],
    ]


def test_a_service_that_is_busy_is_asked_again(read):
    Server.failures = [(500, "InternalServiceError"), (400, "ThrottlingException")]

    assert read(PLAIN=f"{SECRET}/plain")["PLAIN"] == HARD


@pytest.mark.parametrize(
    ("arn", "said"),
    [
        (f"{SECRET}/closed", "AccessDeniedException"),
        (f"{SECRET}/binary", "is binary"),
        (f"{SECRET}/map:absent::", "has no key absent"),
        (f"{SECRET}/plain:key::", "has no key key"),
        (f"{PARAMETER}/absent", "no parameter /jobs/absent"),
    ],
    ids=["denied", "binary", "no such key", "no keys", "no such parameter"],
)
def test_a_secret_that_cannot_be_had_ends_the_function_and_says_which(read, arn, said):
    error = read(GOOD=f"{SECRET}/plain", BAD=arn)

    assert isinstance(error, str)
    assert said in error
    assert HARD not in error


def test_another_runtime_is_refused():
    done = subprocess.run(
        ["sh", WRAPPER, "/usr/bin/java"], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (1, "secrets: no reader for /usr/bin/java\n")
