"""What nobody should write, publish or send, and somebody will: for the simulation and the engine.

Each stops at the door, or costs its own job alone: whatever it is, its neighbours go on.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Any

Row = dict[str, Any]

LAMBDA: Row = {
    "type": "lambda",
    "runtime": "python3.13",
    "handler": "app.handler",
    "bundle": "s3://bundles/report.zip",
}
CONTAINER: Row = {"type": "ecs", "image": "public.ecr.aws/docker/library/busybox:1"}
DRAFT_7 = "http://json-schema.org/draft-07/schema#"
DRAFT_2020 = "https://json-schema.org/draft/2020-12/schema"


def nested(depth: int) -> object:
    value: object = "deep"
    for _ in range(depth):
        value = {"a": [value]}
    return value


def doubling(levels: int) -> dict[str, Any]:
    """Return definitions of which each names the next one twice."""
    names = [f"d{level}" for level in range(levels)]
    references = {
        name: {"allOf": [{"$ref": f"#/$defs/{after}"}] * 2} for name, after in pairwise(names)
    }
    return {"$ref": "#/$defs/d0", "$defs": {**references, names[-1]: {"type": "string"}}}


def schema(value: Mapping[str, Any], payload: object = None) -> Row:
    return LAMBDA | {"payload_schema": dict(value), "payload": payload or {"text": "a" * 40}}


def statements(*more: Mapping[str, Any]) -> Row:
    return LAMBDA | {"permissions": [dict(statement) for statement in more]}


STATEMENT: dict[str, Any] = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}

ROWS: dict[str, Row] = {
    # Long to read
    "a size of blanks": CONTAINER | {"cpu": " " * 5_000 + "x"},
    "a long size of blanks": CONTAINER | {"cpu": " " * 300_000 + "x", "memory_mb": 512},
    "a size of digits": LAMBDA | {"memory": "9" * 300_000},
    "a duration of blanks": LAMBDA | {"timeout_seconds": "1" + " " * 300_000 + "x"},
    "a schedule of commas": LAMBDA | {"schedule": f"cron({'0,' * 100_000} * * * ? *)"},
    "a schedule of blanks": LAMBDA | {"schedule": "cron(" + " " * 300_000 + ")"},
    "a long word": CONTAINER | {"command": "x" * 390_000},
    "a command of open quotes": CONTAINER | {"command": "'" * 99_999},
    "many words": LAMBDA | {"notify": ["failed"] * 40_000},
    "many words in one": LAMBDA | {"notify": "failed " * 50_000},
    "many unknown attributes": LAMBDA | {f"a{n}": 1 for n in range(30_000)},
    "many unknown keys of a statement": statements(STATEMENT | {f"k{n}": 1 for n in range(30_000)}),
    "many statements": statements(*(STATEMENT | {"Sid": f"s{n}"} for n in range(3_000))),
    "many errors in rules": LAMBDA
    | {"failure_rules": [{"errors": [f"E{n}" for n in range(30_000)], "action": "retry"}]},
    "many rules": LAMBDA | {"failure_rules": [{"errors": "E", "action": "fail"}] * 5_000},
    "many schedules": LAMBDA | {"schedule": ["rate(1 day)"] * 10_000},
    "many tags": LAMBDA | {"tags": {f"t{n}": "v" for n in range(15_000)}},
    "many variables": LAMBDA | {"environment": {f"V{n}": "v" for n in range(15_000)}},
    "a long image": CONTAINER | {"image": "a/" * 150_000},
    "a long bundle": LAMBDA | {"bundle": "s3://bundles/" + "a/" * 150_000},
    "a long description": LAMBDA | {"description": "d" * 390_000},
    "a deep payload": LAMBDA | {"payload": nested(15)},
    # Schemas that would be followed, fetched, or never end
    "a schema of another draft below": schema(
        {"properties": {"text": {"$schema": DRAFT_7, "pattern": "^(a+)+$"}}},
        {"text": "a" * 40 + "!"},
    ),
    "a schema that is its own": schema({"$schema": DRAFT_2020, "$ref": "#"}),
    "a schema that doubles": schema(doubling(40), "text"),
    "a reference in percents": schema({"$ref": "%23/$defs/a", "$defs": {"a": {}}}),
    "a reference with a slash in percents": schema({"$ref": "#%2f$defs"}),
    "a reference to elsewhere": schema({"$ref": "http://169.254.169.254/latest/meta-data"}),
    "a reference to a file": schema({"$ref": "file:///etc/passwd"}),
    "a dynamic reference": schema({"$dynamicRef": "#a", "$dynamicAnchor": "a"}),
    "a pattern that never ends": schema({"properties": {"text": {"pattern": "^(a|a)*$"}}}),
    "an identity of its own": schema({"$id": "urn:x", "$ref": "urn:x#/nowhere"}),
    # Of other types
    "a type that is a map": LAMBDA | {"type": {"a": 1}},
    "a type that is a list": LAMBDA | {"type": ["lambda"]},
    "nothing": {},
    "everything null": dict.fromkeys((*LAMBDA, "schedule", "payload", "cpu")),
    "numbers where texts are": dict.fromkeys(LAMBDA, Decimal("1E+125")) | {"type": "lambda"},
    "sets": LAMBDA | {"tags": {"a", "b"}, "notify": {Decimal(1)}, "depends_on": {b"x"}},
    "binary": LAMBDA | {"description": b"\xff\x00", "payload": b"{}"},
    "a tiny number": LAMBDA | {"memory_mb": Decimal("1E-125"), "retries": Decimal("-0")},
    "a number of a billion digits": LAMBDA | {"payload": '{"a": 1e-999999999}'},
    # What would become code, or reach a terminal
    "a dynamic reference of CloudFormation": LAMBDA
    | {"environment": {"A": "{{resolve:secretsmanager:x}}"}},
    "an expression": LAMBDA | {"payload": {"a": "{% $states.input %}"}},
    "a function of CloudFormation": LAMBDA | {"payload": {"Fn::GetAtt": ["Role", "Arn"]}},
    "control sequences": LAMBDA
    | {"description": "\x1b]52;c;aGk=\x07\x9b2J\u202e", "owner": "\x9b"},
    # Times that do not come, or cannot be told
    "the year 1": LAMBDA | {"schedule": "at(0001-01-01T00:00:00)", "timezone": "Asia/Tokyo"},
    "the year 9999": LAMBDA | {"schedule": "at(9999-12-31T23:59:59)", "timezone": "America/Lima"},
    "the 31st of February": LAMBDA | {"schedule": "cron(0 0 31W 2 ? *)"},
    "a zone that is a path": LAMBDA | {"schedule": "rate(1 day)", "timezone": "../../etc/passwd"},
    "a window of the year 1": LAMBDA
    | {"schedule": "rate(1 day)", "schedule_start": "0001-01-01T00:00:00+14:00"},
    # Other jobs
    "no name among its dependencies": LAMBDA | {"depends_on": [""]},
    "a long name among its dependencies": LAMBDA | {"depends_on": ["n" * 3_000]},
    "many dependencies": LAMBDA | {"depends_on": [f"job-{n}" for n in range(300)]},
    "a map of dependencies": LAMBDA | {"depends_on": {"a": {"b": "c"}}},
}

NAMES: dict[str, str] = {
    "of capitals": "Capitals",
    "of another alphabet": "\u30b8\u30e7\u30d6",
    "of control sequences": "\x1b[2J",
    "that is a path": "../../jobs",
    "that is a lock": "#lock",
    "of two thousand letters": "n" * 2_000,
    "of a blank": " ",
    "with a line's end": "name\n",
}
"""Keys of rows that cannot be names of jobs."""

RECORDS: dict[str, dict[str, Any]] = {
    "empty": {},
    "without keys": {"SequenceNumber": "1"},
    "with a number as key": {"Keys": {"job_name": {"N": "1"}}},
    "with a null as key": {"Keys": {"job_name": {"NULL": True}}},
    "with keys of another table": {"Keys": {"name": {"S": "x"}}},
    "with keys that are a list": {"Keys": []},
    "with a name that cannot be": {"Keys": {"job_name": {"S": "../x"}}},
    "with an image that is a text": {"Keys": {"job_name": {"S": "x"}}, "NewImage": "x"},
}
"""The `dynamodb` part of stream records that no table writes."""

MESSAGES: dict[str, str] = {
    "no JSON": "not ours",
    "a list": "[]",
    "a number": "1",
    "no job": "{}",
    "a name that cannot be": '{"job_name": "Capitals"}',
    "a name that is a map": '{"job_name": {"a": 1}}',
    "other types": '{"job_name": "x", "tries": "many", "retry": [], "detect_drift": "no"}',
    "tries without end": '{"job_name": "x", "tries": 1e999}',
    "deep": '{"job_name": ' + "[" * 20_000 + "]" * 20_000 + "}",
    "blank": " ",
}
"""Bodies of messages in the reconcile queue."""

_STACK = "arn:aws:cloudformation:us-east-1:000000000000:stack"

STACK_EVENTS: dict[str, object] = {
    "without a stack": {},
    "with a stack that is a number": {"stack-id": 1, "status-details": {"status": "READY"}},
    "with an unknown status": {
        "stack-id": f"{_STACK}/jobs-x/1",
        "status-details": {"status": "SOMETHING_NEW"},
    },
    "without a status": {"stack-id": f"{_STACK}/jobs-x/1", "status-details": None},
    "of a stack without a job": {
        "stack-id": f"{_STACK}/jobs-/1",
        "status-details": {"status": "CREATE_COMPLETE", "status-reason": ""},
    },
    "of a stack with an odd name": {
        "stack-id": f"{_STACK}/jobs-\u202e/1",
        "status-details": {"status": "CREATE_COMPLETE", "status-reason": ""},
    },
}
"""Details of "CloudFormation Stack Status Change" events."""

INPUTS: dict[str, object] = {
    "a list": [],
    "a text": "payload",
    "a number": 1,
    "null": None,
    "_run that is a number": {"_run": 1},
    "_run that is a list": {"_run": [{}]},
    "a source that is a map": {"_run": {"source": {}}},
    "an unknown source": {"_run": {"source": "nobody"}},
    "an overlap that is a number": {"_run": {"overlap": 7}},
    "an odd time": {"_run": {"scheduled_for": "2020"}},
    "a time that is a list": {"_run": {"scheduled_for": []}},
    "overrides that are a text": {"_run": {"overrides": "x"}},
    "overrides of other types": {"_run": {"overrides": {"command": {}, "cpu": "x"}}},
    "members of nobody": {"_run": {"": "", "lock": True, "trigger_id": "#lock"}},
    "expressions": {"a": "{% $states.input %}", "b": {"$ref": "#"}},
    "deep": {"a": nested(40)},
}
"""Inputs of executions, as anybody who may start one can give them."""

STACKS_ROWS: dict[str, Row] = {
    "a version that is a fraction": {"version": Decimal("1.5")},
    "a negative version": {"version": Decimal(-3)},
    "a version that is a text": {"version": "x"},
    "nothing but its key": {},
    "an unknown status": {"status": "SOMETHING", "version": Decimal(1)},
    "conditions that are a text": {"status": "READY", "version": Decimal(1), "conditions": "x"},
    "times that are none": {
        "status": "RETRYING",
        "version": Decimal(1),
        "updated_at": "yesterday",
        "next_attempt_at": "soon",
        "attempts": "many",
    },
}
"""Damaged rows of the Stacks table, without their key."""

PACE_ROWS: dict[str, Row] = {
    "a day ahead": {
        "version": Decimal(1),
        "free_at": "2199-01-01T00:00:00+00:00",
        "next_reservation_at": "2199-01-01T00:00:00+00:00",
    },
    "texts": {"version": Decimal(1), "free_at": "x", "next_reservation_at": "y", "suspension": "z"},
    "without a version": {"free_at": "2026-01-01T00:00:00+00:00"},
    "nothing but its key": {},
}
"""Damaged items of the RateLimits table, without their key."""

LOCKS: dict[str, Row] = {
    "without a lease": {"owner": "dead"},
    "a lease that is a text": {"owner": "dead", "lease_until": "x"},
    "waiting runs that are a list": {"owner": "dead", "lease_until": Decimal(1), "waiting": ["x"]},
    "an owner that is a number": {"owner": Decimal(1), "lease_until": Decimal(1)},
}
"""Damaged locks of the Triggers table, without their key."""

RUNS: dict[str, Row] = {
    "a short start": {"status": "RUNNING", "started_at": "2020"},
    "a start of words": {"status": "RUNNING", "started_at": "not long ago"},
    "a status alone": {"status": "QUEUED"},
    "nothing but its key": {},
    "an odd execution": {
        "status": "RUNNING",
        "started_at": "2026-01-01T00:00:00.000Z",
        "execution_arn": "arn:nobody",
    },
}
"""Damaged rows of runs, without their key."""
