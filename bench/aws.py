"""A stand-in for AWS on the loopback, in a process of its own, so that only the client is measured.

It keeps what is written and answers what the reconciler asks: the Jobs table has a row for every
name, CreateStack is complete at once. Listings are of as many jobs as it is told, all of them well.
Started as ``python -m bench.aws``, it prints its URL.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from subprocess import PIPE, Popen
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from boto3.dynamodb.types import TypeSerializer

from bench import cold_start, environment, rows
from provisioner.aws.items import to_dynamodb, to_plain
from provisioner.aws.stack_items import to_item
from provisioner.jobs import parse, row_digest
from provisioner.stacks.model import Condition, JobStatus, StackRecord
from provisioner.stacks.stack_status import StackStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

FORGET = "/forget"
FILL = "/fill/"
PAGE_BYTES = 1_000_000
"""Of a Scan, about: DynamoDB ends a page at 1 MB."""
PAGE_STACKS = 100
NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"

Answer = tuple[int, str, bytes]

_row = TypeSerializer().serialize(rows.lambda_row(""))["M"]
_plain_row = to_plain(_row)
_SENT = {"MessageId": "m", "MD5OfMessageBody": "0"}
_stacks: dict[str, str] = {}
_records: dict[str, Any] = {}
_listed = [0]
_DIGEST = "d" * 64


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


def fill(url: str, jobs: int) -> None:
    """Make it list that many jobs, each with its row, its record and its stack."""
    urllib.request.urlopen(f"{url}{FILL}{jobs}").close()  # noqa: S310


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        _stacks.clear()
        _records.clear()
        if self.path.startswith(FILL):
            _listed[0] = int(self.path.removeprefix(FILL))
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
        if self.path == "/v1/describejobdefinitions":
            self._answer(200, "application/json", b'{"jobDefinitions": []}')
        elif not target:
            self._answer(*cloudformation(body))
        elif target.startswith("AmazonSQS"):
            sent = [{"Id": entry["Id"]} | _SENT for entry in json.loads(body)["Entries"]]
            answer = json.dumps({"Successful": sent, "Failed": []}).encode()
            self._answer(200, "application/x-amz-json-1.0", answer)
        else:
            self._answer(*dynamodb(target, json.loads(body)))

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
        case "GetItem" | "PutItem" if (
            request["TableName"] == environment.FUNCTION["RATE_LIMITS_TABLE"]
        ):
            answer = {}  # a line in which nobody stands
        case "Scan":
            answer = _page(request)
        case "ListTaskDefinitions":
            answer = {"taskDefinitionArns": []}
        case "PutItem":
            _records[request["Item"]["job_name"]["S"]] = request["Item"]
            answer = {}
        case other:
            raise AssertionError(other)
    return 200, "application/x-amz-json-1.0", json.dumps(answer).encode()


def _page(request: dict[str, Any]) -> dict[str, Any]:
    """Return a page of a Scan, from the key on at which the page before it ended."""
    made = _written if request["TableName"] == environment.FUNCTION["JOBS_TABLE"] else _recorded
    start = int(
        request.get("ExclusiveStartKey", {"job_name": {"S": "job--1"}})["job_name"]["S"][4:]
    )
    size = PAGE_BYTES // len(json.dumps(made("job-0")))
    numbers = range(start + 1, min(start + 1 + size, _listed[0]))
    answer: dict[str, Any] = {"Items": [made(f"job-{number}") for number in numbers]}
    if numbers and numbers[-1] + 1 < _listed[0]:
        answer["LastEvaluatedKey"] = {"job_name": {"S": f"job-{numbers[-1]}"}}
    return answer


def _written(name: str) -> dict[str, Any]:
    return {**_row, "job_name": {"S": name}}


def _recorded(name: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    record = StackRecord(
        name,
        status=JobStatus.READY,
        cloudformation_status=StackStatus.CREATE_COMPLETE,
        stack_id=_stack_id(f"jobs-{name}"),
        stack_name=f"jobs-{name}",
        row_digest=_row_digest(name),
        spec_digest=_DIGEST,
        deployed_digest=_DIGEST,
        outputs=dict.fromkeys(("StateMachineArn", "LambdaArn", "RoleArn"), _stack_id(name)),
        conditions=(Condition("Ready", "True", "Ready", "", now),),
        updated_at=now,
        version=3,
    )
    return to_dynamodb(to_item(record) | {"version": 3})


def _row_digest(name: str) -> str:
    row = {**_plain_row, "job_name": name}
    return row_digest(row, parse(row))


def _items(table: str, names: list[str]) -> list[Any]:
    if table == environment.FUNCTION["JOBS_TABLE"]:
        return [{**_row, "job_name": {"S": name}} for name in names]
    return [_records[name] for name in names if name in _records]


def cloudformation(body: str) -> Answer:
    form = {name: values[0] for name, values in parse_qs(body).items()}
    if "StackName" not in form:
        return _listing(int(form.get("NextToken", 0)))
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


def _listing(start: int) -> Answer:
    end = min(start + PAGE_STACKS, _listed[0])
    form = {
        "Parameters.member.1.ParameterKey": "SpecDigest",
        "Parameters.member.1.ParameterValue": _DIGEST,
        "Tags.member.1.Key": "provisioner",
        "Tags.member.1.Value": "jobs",
    }
    more = _members("Parameters", form, "ParameterKey", "ParameterValue")
    more += _members("Tags", form, "Key", "Value")
    stacks = "".join(
        f"<member>{_stack(f'jobs-job-{number}', more)}</member>" for number in range(start, end)
    )
    token = f"<NextToken>{end}</NextToken>" if end < _listed[0] else ""
    return _xml("DescribeStacks", f"<Stacks>{stacks}</Stacks>{token}")


def _stack(name: str, more: str | None = None) -> str:
    return (
        f"<StackId>{_stack_id(name)}</StackId><StackName>{name}</StackName>"
        "<CreationTime>2026-01-31T09:00:00.000Z</CreationTime>"
        "<StackStatus>CREATE_COMPLETE</StackStatus>"
        "<Outputs><member><OutputKey>StateMachineArn</OutputKey><OutputValue>"
        f"arn:aws:states:eu-central-1:123456789012:stateMachine:{name}"
        f"</OutputValue></member></Outputs>{_stacks[name] if more is None else more}"
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
