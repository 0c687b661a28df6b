"""A function's side of Lambda's Runtime API, for images that are packed here.

What `awslambdaric` is on AWS, without its native code: get an event, call the handler, post what it
returns or raises. Runs inside the image, so nothing but the standard library is imported.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_API = "/2018-06-01/runtime"


class Context:
    """What a handler may know of its call."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers.get("Lambda-Runtime-Invoked-Function-Arn", "")
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", "")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
        self._deadline_ms = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the call may still take."""
        return max(0, self._deadline_ms - int(time.time() * 1000))


def main(address: str, handler_name: str) -> None:
    """Serve calls until the container is taken away."""
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - as `python -m` does
    module, _, name = handler_name.rpartition(".")
    try:
        handler = getattr(importlib.import_module(module.replace("/", ".")), name)
    except Exception as error:
        _call(address, "POST", f"{_API}/init/error", _described(error))
        raise
    while True:
        _serve(address, handler)


def _serve(address: str, handler: Callable[[Any, Context], object]) -> None:
    headers, event = _call(address, "GET", f"{_API}/invocation/next")
    context = Context(headers)
    call = f"{_API}/invocation/{context.aws_request_id}"
    try:
        answer = json.dumps(handler(json.loads(event), context)).encode()
    except Exception as error:  # noqa: BLE001
        traceback.print_exc()
        _call(address, "POST", f"{call}/error", _described(error))
    else:
        _call(address, "POST", f"{call}/response", answer)


def _described(error: Exception) -> bytes:
    lines = traceback.format_tb(error.__traceback__)
    kind = type(error).__name__
    return json.dumps({"errorType": kind, "errorMessage": str(error), "stackTrace": lines}).encode()


def _call(
    address: str, method: str, path: str, body: bytes | None = None
) -> tuple[Mapping[str, str], bytes]:
    connection = HTTPConnection(address)
    try:
        connection.request(method, path, body)
        response = connection.getresponse()
        return dict(response.headers), response.read()
    finally:
        connection.close()


if __name__ == "__main__":
    main(os.environ["AWS_LAMBDA_RUNTIME_API"], sys.argv[1])
