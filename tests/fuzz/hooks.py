"""For schemathesis: who calls, and half of the time a job that exists."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime

import schemathesis

_SEEN = {"count": 0}


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
def map_path_parameters(_context, path_parameters):
    name = (path_parameters or {}).get("job_name")
    if isinstance(name, str) and re.fullmatch(r"[a-z][a-z0-9-]{0,39}", name):
        _SEEN["count"] += 1
        if _SEEN["count"] % 2:
            path_parameters["job_name"] = os.environ["FUZZED_JOB"]
    return path_parameters
