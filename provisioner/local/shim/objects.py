"""Step Functions: `aws-sdk:s3:putObject`, which the engine has left out of its S3 operations."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private, wrap

if TYPE_CHECKING:
    from collections.abc import Callable

_STEP_FUNCTIONS = "ministack.services.stepfunctions"
_HOST = "s3.amazonaws.com"
# As the engine signs what its workflows do: who asks with no key at all is a stranger to a bucket.
_SIGNED = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request"


def install() -> None:
    """Let workflows write objects."""
    wrap(_STEP_FUNCTIONS, "_dispatch_aws_sdk_rest_xml", _with_put_object)


def _with_put_object(dispatch: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(dispatch)
    def dispatching(
        service: dict[str, Any], name: str, action: str, arguments: dict[str, Any]
    ) -> Any:  # noqa: ANN401
        if (name, action) == ("s3", "putObject"):
            return _put_object(arguments)
        return dispatch(service, name, action, arguments)

    return dispatching


def _put_object(arguments: dict[str, Any]) -> dict[str, str]:
    given = arguments["Body"]
    body = (given if isinstance(given, str) else json.dumps(given)).encode()
    status, headers, answer = private("ministack.app", "call_service_handler_sync")(
        private("ministack.app", "SERVICE_HANDLERS")["s3"],
        "PUT",
        f"/{arguments['Bucket']}/{arguments['Key']}",
        {
            "host": _HOST,
            "authorization": _SIGNED,
            "content-type": arguments.get("ContentType", "binary/octet-stream"),
            "content-length": str(len(body)),
        },
        body,
        {},
    )
    if status >= 400:
        raise private(_STEP_FUNCTIONS, "_ExecutionError")("S3.S3Exception", answer.decode())
    return {"ETag": {key.lower(): value for key, value in headers.items()}.get("etag", "")}
