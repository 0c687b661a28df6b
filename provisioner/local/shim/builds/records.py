"""What a build is: what its start overrides, what its phases came to, and its event."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_CODEBUILD = "ministack.services.codebuild"
ENDED = frozenset({"SUCCEEDED", "FAILED", "FAULT", "TIMED_OUT", "STOPPED"})

_COMPLETE = re.compile(r"\[Container\] \S+ \S+ Phase complete: ([A-Z_]+) State: ([A-Z_]+)")
_CONTEXT = re.compile(
    r"\[Container\] \S+ \S+ Phase context status code: ([A-Z_]*) Message: ?(.*)", re.DOTALL
)
_OVERRIDDEN = {
    "serviceRoleOverride": ("serviceRole",),
    "timeoutInMinutesOverride": ("timeoutInMinutes",),
    "logsConfigOverride": ("logsConfig",),
    "sourceTypeOverride": ("source", "type"),
    "sourceLocationOverride": ("source", "location"),
    "sourceAuthOverride": ("source", "auth"),
    "buildspecOverride": ("source", "buildspec"),
    "imageOverride": ("environment", "image"),
    "environmentTypeOverride": ("environment", "type"),
    "computeTypeOverride": ("environment", "computeType"),
    "privilegedModeOverride": ("environment", "privilegedMode"),
}
"""What StartBuild may say instead of the project (CodeBuild API Reference, StartBuild)."""


def overridden(project: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a project as one build of it is: variables are merged by name, all else replaced."""
    own: dict[str, Any] = json.loads(json.dumps(project))
    for name, (*above, last) in _OVERRIDDEN.items():
        if name in request:
            place = own
            for part in above:
                place = place.setdefault(part, {})
            place[last] = request[name]
    environment = own.setdefault("environment", {})
    variables = {
        variable["name"]: variable
        for variable in (
            *environment.get("environmentVariables", ()),
            *request.get("environmentVariablesOverride", ()),
        )
    }
    environment["environmentVariables"] = list(variables.values())
    return own


def log_of(project: Mapping[str, Any], build_id: str) -> dict[str, str]:
    """Return where a build's log goes: its group and stream, as the project says or by default."""
    name, _, identifier = build_id.partition(":")
    logs = (project.get("logsConfig") or {}).get("cloudWatchLogs") or {}
    prefix = logs.get("streamName")
    return {
        "groupName": logs.get("groupName") or f"/aws/codebuild/{name}",
        "streamName": f"{prefix}/{identifier}" if prefix else identifier,
    }


def begun(build: dict[str, Any], phase: str) -> None:
    """Note that a phase has begun."""
    build["phases"].append({"phaseType": phase, "startTime": time.time()})
    build["currentPhase"] = phase


def completed(build: dict[str, Any], phase: str, status: str) -> None:
    """Note how a phase has ended; the next one begins then."""
    now = time.time()
    last = build["phases"][-1]
    if last["phaseType"] != phase:
        last = {"phaseType": phase, "startTime": now}
        build["phases"].append(last)
    last |= {
        "phaseStatus": status,
        "endTime": now,
        "durationInSeconds": int(now - last["startTime"]),
    }
    build["currentPhase"] = phase


def explained(build: dict[str, Any], code: str, message: str) -> None:
    """Note why the last phase has ended as it has."""
    build["phases"][-1]["contexts"] = [{"statusCode": code, "message": message}]


def read(build: dict[str, Any], lines: Iterable[str]) -> None:
    """Note what the lines of a build's log say of its phases."""
    for line in lines:
        if found := _COMPLETE.match(line):
            completed(build, *found.groups())
        elif (found := _CONTEXT.match(line)) and found[1]:
            explained(build, *found.groups())


def finish(build: dict[str, Any], status: str) -> None:
    """End a build, once."""
    if build["buildStatus"] in ENDED:
        return
    if "phaseStatus" not in build["phases"][-1]:
        completed(build, build["phases"][-1]["phaseType"], status)
    now = time.time()
    build["phases"].append({"phaseType": "COMPLETED", "startTime": now})
    build |= {
        "buildStatus": status,
        "currentPhase": "COMPLETED",
        "endTime": now,
        "buildComplete": True,
    }
    publish(build)


def publish(build: Mapping[str, Any]) -> None:
    """Put a build's state on the default bus."""
    put_events = private("ministack.services.eventbridge", "_put_events")
    put_events({"Entries": [state_change(build)]}, allow_aws_source=True)


def state_change(build: Mapping[str, Any]) -> dict[str, Any]:
    """Return the documented event as a PutEvents entry."""
    detail = {
        "build-status": build["buildStatus"],
        "project-name": build["projectName"],
        "build-id": build["arn"],
        "additional-information": {
            "build-complete": build["buildStatus"] in ENDED,
            "build-number": build["buildNumber"],
            "build-start-time": _time(build["startTime"]),
            "initiator": build["initiator"],
            "timeout-in-minutes": build["timeoutInMinutes"],
            "environment": {
                "environment-variables": [
                    {
                        "name": one["name"],
                        "value": one["value"],
                        "type": one.get("type", "PLAINTEXT"),
                    }
                    for one in build["environment"].get("environmentVariables", ())
                ],
            },
            "source": {
                key: build["source"][key] for key in ("type", "location") if key in build["source"]
            },
            "source-version": build.get("sourceVersion", ""),
            "logs": {
                "group-name": build["logs"]["groupName"],
                "stream-name": build["logs"]["streamName"],
            },
            "phases": [
                {
                    "phase-type": phase["phaseType"],
                    "phase-status": phase.get("phaseStatus"),
                    "start-time": _time(phase["startTime"]),
                    "phase-context": [
                        f"{one['statusCode']}: {one['message']}"
                        for one in phase.get("contexts", ())
                    ],
                }
                for phase in build["phases"]
            ],
        },
        "current-phase": build["currentPhase"],
        "current-phase-context": "[]",
        "version": "1",
    }
    return {
        "Source": "aws.codebuild",
        "DetailType": "CodeBuild Build State Change",
        "Resources": [build["arn"]],
        "Detail": json.dumps(detail),
    }


def _time(seconds: float) -> str:
    return time.strftime("%b %d, %Y %I:%M:%S %p", time.gmtime(seconds))
