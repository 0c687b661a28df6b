"""Resources that fail or take their time as a test tells them, added to templates on the way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

MISSING_EXPORT = "no-such-export"
REPORTER = "Reporter"
ASKED_TO_FAIL = "asked to fail"

FUNCTION_CODE = """
import json
import urllib.request

def handler(event, context):
    document = {
        "Status": "SUCCESS",
        "PhysicalResourceId": event.get("PhysicalResourceId", event["LogicalResourceId"]),
        **{key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")},
        **asked(event),
    }
    body = json.dumps(document).encode()
    urllib.request.urlopen(urllib.request.Request(event["ResponseURL"], body, method="PUT"))

def asked(event):
    asking = urllib.request.Request(event["ResourceProperties"]["Url"], json.dumps(event).encode())
    try:
        with urllib.request.urlopen(asking, timeout=600) as answer:
            return json.load(answer)
    except OSError:
        return {}  # whoever told it what to do is gone: go, too
"""
"""Of a custom resource that does what the test's `Provider` says."""


class Provider:
    """What the custom resource of one stack answers, and when."""

    def __init__(self) -> None:
        self._failing: dict[str, float] = {}
        self._open = threading.Event()
        self._open.set()
        self.asked = False
        """Whether somebody waits, or has waited since the last `hold`."""

    def fail(self, *requests: str, times: float = float("inf")) -> None:
        """Let the next `times` of Create, Update or Delete fail."""
        self._failing |= dict.fromkeys(requests, times)

    def succeed(self) -> None:
        """Let everything succeed from now on."""
        self._failing = {}

    def hold(self) -> None:
        """Keep whoever asks from now on waiting, until `release`."""
        self._open.clear()
        self.asked = False

    def release(self) -> None:
        self._open.set()

    def answer(self, event: dict[str, Any]) -> dict[str, str]:
        self.asked = True
        self._open.wait()
        asked = event["RequestType"]
        left = self._failing.get(asked, 0)
        if not left:
            return {}
        self._failing[asked] = left - 1
        return {"Status": "FAILED", "Reason": ASKED_TO_FAIL}


def with_missing_export(template: dict[str, Any]) -> dict[str, Any]:
    """Add a resource that cannot be made, after all others."""
    resource = {
        "Type": "AWS::SSM::Parameter",
        "DependsOn": list(template["Resources"]),
        "Properties": {"Type": "String", "Value": {"Fn::ImportValue": MISSING_EXPORT}},
    }
    return _with(template, "Refused", resource)


def with_reporting_resource(
    function_arn: str, url: str
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Add a custom resource that does what `url` answers; each new spec updates it."""

    def change(template: dict[str, Any]) -> dict[str, Any]:
        resource = {
            "Type": "Custom::Reporter",
            "Properties": {
                "ServiceToken": function_arn,
                "Url": url,
                "Digest": {"Ref": "SpecDigest"},
            },
        }
        return _with(template, REPORTER, resource)

    return change


def _with(template: dict[str, Any], name: str, resource: dict[str, Any]) -> dict[str, Any]:
    return template | {"Resources": template["Resources"] | {name: resource}}
