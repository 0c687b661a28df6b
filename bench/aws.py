"""A stand-in for AWS on the loopback, in a process of its own, so that only the client is measured.

It keeps what is written and answers what the reconciler asks: the Jobs table has a row for every
name, CreateStack is complete at once. Started as ``python -m bench.aws``, it prints its URL.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from subprocess import PIPE, Popen
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from boto3.dynamodb.types import TypeSerializer

from bench import cold_start, environment, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

FORGET = "/forget"
NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"

Answer = tuple[int, str, bytes]

_row = TypeSerializer().serialize(rows.lambda_row(""))["M"]
_stacks: dict[str, str] = {}
_records: dict[str, Any] = {}


@contextmanager
def running() -> Iterator[str]:
    """Start the stand-in; give its URL."""
    with Popen(
        [sys.executable, "-m", "bench.aws"],
        stdout=PIPE,
        text=True,
        cwd=cold_start.ROOT,
        env=environment.for_process(),
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def forget(url: str) -> None:
    """Make it as if nothing had been written."""
    urllib.request.urlopen(url + FORGET).close()  # noqa: S310


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        _stacks.clear()
        _records.clear()
        self._answer(200, "text/plain", b"")

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.send_header("ETag", '"0123456789abcdef0123456789abcdef"')
        self.send_header("x-amz-version-id", "3sL4kqtJlcpXroDTDmJrmSpXd3dIbrHY")
        self.end_headers()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        target = self.headers.get("X-Amz-Target")
        self._answer(*(dynamodb(target, json.loads(body)) if target else cloudformation(body)))

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def dynamodb(target: str, request: dict[str, Any]) -> Answer:
    match target.partition(".")[2]:
        case "BatchGetItem":
            answer = {
                "Responses": {
                    table: _items(table, [key["job_name"]["S"] for key in wanted["Keys"]])
                    for table, wanted in request["RequestItems"].items()
                },
                "UnprocessedKeys": {},
            }
        case "GetItem" | "PutItem" if request["TableName"] == environment.FUNCTION["PACE_TABLE"]:
            answer = {}  # a line in which nobody stands
        case "PutItem":
            _records[request["Item"]["job_name"]["S"]] = request["Item"]
            answer = {}
        case other:
            raise AssertionError(other)
    return 200, "application/x-amz-json-1.0", json.dumps(answer).encode()


def _items(table: str, names: list[str]) -> list[Any]:
    if table == environment.FUNCTION["JOBS_TABLE"]:
        return [{**_row, "job_name": {"S": name}} for name in names]
    return [_records[name] for name in names if name in _records]


def cloudformation(body: str) -> Answer:
    form = {name: values[0] for name, values in parse_qs(body).items()}
    name = form["StackName"]
    match form["Action"]:
        case "CreateStack":
            _stacks[name] = _members("Parameters", form, "ParameterKey", "ParameterValue")
            _stacks[name] += _members("Tags", form, "Key", "Value")
            return _xml("CreateStack", f"<StackId>{_stack_id(name)}</StackId>")
        case "DescribeStacks" if name in _stacks:
            return _xml("DescribeStacks", f"<Stacks><member>{_stack(name)}</member></Stacks>")
        case "DescribeStacks":
            message = f"Stack with id {name} does not exist"
            error = f"<Type>Sender</Type><Code>ValidationError</Code><Message>{message}</Message>"
            body = f'<ErrorResponse xmlns="{NAMESPACE}"><Error>{error}</Error></ErrorResponse>'
            return 400, "text/xml", body.encode()
        case other:
            raise AssertionError(other)


def _stack(name: str) -> str:
    return (
        f"<StackId>{_stack_id(name)}</StackId><StackName>{name}</StackName>"
        "<CreationTime>2026-01-31T09:00:00.000Z</CreationTime>"
        "<StackStatus>CREATE_COMPLETE</StackStatus>"
        "<Outputs><member><OutputKey>StateMachineArn</OutputKey><OutputValue>"
        f"arn:aws:states:eu-central-1:123456789012:stateMachine:{name}"
        f"</OutputValue></member></Outputs>{_stacks[name]}"
    )


def _stack_id(name: str) -> str:
    arn = "arn:aws:cloudformation:eu-central-1:123456789012:stack"
    return f"{arn}/{name}/0f6d9a10-5c2e-11f0-9a3b-0a1b2c3d4e5f"


def _members(field: str, form: dict[str, str], key: str, value: str) -> str:
    numbers = [name.split(".")[2] for name in form if name.startswith(f"{field}.member.")]
    members = (
        f"<member><{key}>{escape(form[f'{field}.member.{number}.{key}'])}</{key}>"
        f"<{value}>{escape(form[f'{field}.member.{number}.{value}'])}</{value}></member>"
        for number in dict.fromkeys(numbers)
    )
    return f"<{field}>{''.join(members)}</{field}>"


def _xml(action: str, result: str) -> Answer:
    request_id = "<ResponseMetadata><RequestId>0f6d9a10</RequestId></ResponseMetadata>"
    body = (
        f'<{action}Response xmlns="{NAMESPACE}"><{action}Result>{result}</{action}Result>'
        f"{request_id}</{action}Response>"
    )
    return 200, "text/xml", body.encode()


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
