"""For schemathesis: who calls, and half of the time something that exists."""

from __future__ import annotations

import atexit
import json
import os
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path

import schemathesis

_KNOWN = json.loads(os.environ["FUZZ_KNOWN"])
_ASKED: Counter[str] = Counter()
_ANSWERED: defaultdict[str, Counter[int]] = defaultdict(Counter)


@schemathesis.auth()
class Signed:
    """An engine reads the access key of a signature, and nothing else of it."""

    def get(self, _case, _context):
        return os.environ["AWS_ACCESS_KEY_ID"]

    def set(self, case, data, _context):
        scope = f"{datetime.now(UTC):%Y%m%d}/{os.environ['AWS_REGION']}/execute-api/aws4_request"
        signature = f"Credential={data}/{scope}, SignedHeaders=host, Signature=0"
        case.headers["Authorization"] = f"AWS4-HMAC-SHA256 {signature}"


@schemathesis.hook
def map_case(_context, case):
    """Let every second valid request name what exists; the rest of it is made up."""
    if not case.meta.generation.mode.is_positive:
        return case
    name = case.operation.definition.raw["operationId"]
    _ASKED[name] += 1
    if _ASKED[name] % 2:
        _name_what_exists(case, name, _ASKED[name] // 2)
    return case


def _name_what_exists(case, name, turn):
    known = {**_KNOWN["paths"], "job_name": _KNOWN["names"].get(name, _KNOWN["paths"]["job_name"])}
    for parameter in case.path_parameters or {}:
        case.path_parameters[parameter] = known[parameter]
    if bodies := _KNOWN["bodies"].get(name):
        case.body = bodies[turn % len(bodies)]
    if case.headers and "If-Match" in case.headers:
        case.headers["If-Match"] = "*"
        case.headers.pop("If-None-Match", None)
    if case.query:
        case.query.pop("cursor", None)
        case.query.pop("commit", None)


@schemathesis.hook
def after_call(_context, case, response):
    _ANSWERED[case.operation.definition.raw["operationId"]][response.status_code] += 1


@atexit.register
def _keep():
    Path(os.environ["FUZZ_ANSWERED"]).write_text(json.dumps(_ANSWERED))
