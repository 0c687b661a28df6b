"""Step Functions: `aws-sdk:s3:putObject` and `getObject`, which the engine has left out.

A body is written as JSON whatever it is: a text in quotes.
"""

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
    """Let workflows write and read objects."""
    wrap(_STEP_FUNCTIONS, "_dispatch_aws_sdk_rest_xml", _with_objects)


def _with_objects(dispatch: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(dispatch)
    def dispatching(
        service: dict[str, Any], name: str, action: str, arguments: dict[str, Any]
    ) -> Any:  # noqa: ANN401
        match name, action:
            case "s3", "putObject":
                return _put_object(arguments)
            case "s3", "getObject":
                return _get_object(arguments)
            case _:
                return dispatch(service, name, action, arguments)

    return dispatching


def _put_object(arguments: dict[str, Any]) -> dict[str, str]:
    body = json.dumps(arguments["Body"], ensure_ascii=False).encode()
    kind = arguments.get("ContentType", "binary/octet-stream")
    tags = arguments.get("Tagging", "")
    more = {"content-type": kind, **({"x-amz-tagging": tags} if tags else {})}
    headers, _ = _asked("PUT", arguments, more, body)
    return {"ETag": headers.get("etag", "")}


def _get_object(arguments: dict[str, Any]) -> dict[str, str]:
    headers, body = _asked("GET", arguments, {"range": arguments["Range"]})
    return {"Body": body.decode(), "ContentRange": headers["content-range"]}


def _asked(
    method: str, arguments: dict[str, Any], more: dict[str, str], body: bytes = b""
) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of S3's answer, or fail as the SDK's integration does."""
    status, headers, answer = private("ministack.app", "call_service_handler_sync")(
        private("ministack.app", "SERVICE_HANDLERS")["s3"],
        method,
        f"/{arguments['Bucket']}/{arguments['Key']}",
        {"host": _HOST, "authorization": _SIGNED, "content-length": str(len(body)), **more},
        body,
        {},
    )
    if status >= 400:
        error = "S3.NoSuchKeyException" if b"NoSuchKey" in answer else "S3.S3Exception"
        raise private(_STEP_FUNCTIONS, "_ExecutionError")(error, answer.decode())
    return {key.lower(): value for key, value in headers.items()}, answer
