"""StartBuild and StopBuild, what IAM is asked about builds, and what a stack says of a project."""

from __future__ import annotations

import contextvars
import copy
import functools
import json
import threading
import time
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.builds import records, running
from provisioner.local.shim.patching import private, wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_ACTIONS = "ministack.core.iam_actions"
_CODEBUILD = "ministack.services.codebuild"
_PROVISIONERS = "ministack.services.cloudformation.provisioners"
_KEPT = {"LogsConfig": "logsConfig", "QueuedTimeoutInMinutes": "queuedTimeoutInMinutes"}
_TOKEN_SECONDS = 300

_lock = threading.Lock()
_by_token: dict[tuple[str, str], tuple[float, str]] = {}
"""Builds of the last minutes by project and idempotency token."""


def install() -> None:
    """Adapt projects of stacks, and the start, stop and permissions of builds."""
    for name in ("_builds", "_projects", "_build_id", "_make_build_record"):
        private(_CODEBUILD, name)
    wrap(_CODEBUILD, "_start_build", lambda _original: start)
    wrap(_CODEBUILD, "_stop_build", lambda _original: stop)
    wrap(_ACTIONS, "extract_resource_arn", _of_the_project)
    handlers = private(_PROVISIONERS, "_RESOURCE_HANDLERS")["AWS::CodeBuild::Project"]
    handlers["create"] = _with_its_log(handlers["create"], 1)
    handlers["update"] = _with_its_log(handlers["update"], 2)


def start(request: dict[str, Any]) -> Any:  # noqa: ANN401
    """Start a build; a token that was used minutes ago is for the build that it started."""
    name = request.get("projectName", "")
    project = private(_CODEBUILD, "_projects").get(name)
    if project is None:
        return _refused("ResourceNotFoundException", f"Project cannot be found: {name}")
    builds = private(_CODEBUILD, "_builds")
    token = (name, request.get("idempotencyToken", ""))
    with _lock:
        at, known = _by_token.get(token, (0.0, ""))
        if token[1] and known in builds and time.time() - at < _TOKEN_SECONDS:
            return _answer(builds[known])
        build = _new(records.overridden(project, request), request)
        builds[build["id"]] = build
        _by_token[token] = (time.time(), build["id"])
    records.publish(build)
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(running.run, build), daemon=True).start()
    return _answer(build)


def _new(project: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    build_id = private(_CODEBUILD, "_build_id")(project["name"])
    version = request.get("sourceVersion", project.get("sourceVersion", ""))
    build: dict[str, Any] = private(_CODEBUILD, "_make_build_record")(project, build_id, version)
    del build["endTime"]
    now = time.time()
    return build | {
        "startTime": now,
        "sourceVersion": version,
        "buildStatus": "IN_PROGRESS",
        "buildComplete": False,
        "serviceRole": project["serviceRole"],
        "timeoutInMinutes": project["timeoutInMinutes"],
        "logs": records.log_of(project, build_id),
        "currentPhase": "QUEUED",
        "phases": [
            {
                "phaseType": phase,
                "phaseStatus": "SUCCEEDED",
                "startTime": now,
                "endTime": now,
                "durationInSeconds": 0,
            }
            for phase in ("SUBMITTED", "QUEUED")
        ],
    }


def stop(request: dict[str, Any]) -> Any:  # noqa: ANN401
    """Stop a build; one that has ended stays as it is."""
    build = private(_CODEBUILD, "_builds").get(request.get("id", ""))
    if build is None:
        return _refused("ResourceNotFoundException", f"Build cannot be found: {request.get('id')}")
    records.finish(build, "STOPPED")
    running.kill(build)
    return _answer(build)


def _answer(build: Mapping[str, Any]) -> Any:  # noqa: ANN401
    return private(_CODEBUILD, "json_response")({"build": copy.deepcopy(build)})


def _refused(error: str, message: str) -> Any:  # noqa: ANN401
    return private(_CODEBUILD, "error_response_json")(error, message, 400)


def _of_the_project(extract: Callable[..., str]) -> Callable[..., str]:
    """Ask IAM about a build with its project's ARN, as AWS does; the engine asks about "*"."""

    @functools.wraps(extract)
    def extracting(*request: Any) -> str:  # noqa: ANN401
        arn = extract(*request)
        service, _method, _path, _headers, body, _parameters, region, account_id = request
        if service != "codebuild" or arn != "*":
            return arn
        name = project_of(body)
        return f"arn:aws:codebuild:{region}:{account_id}:project/{name}" if name else arn

    return extracting


def project_of(body: bytes) -> str:
    """Return the project of a request that names builds, or nothing.

    >>> project_of(b'{"ids": ["jobs-builds:0f9d"]}'), project_of(b'{"sortOrder": "ASCENDING"}')
    ('jobs-builds', '')
    """
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return ""
    name = request.get("id") or next(iter(request.get("ids") or ()), "")
    return str(name).partition(":")[0]


def _with_its_log(handle: Callable[..., Any], position: int) -> Callable[..., Any]:
    """Keep what a template says of a project and the engine leaves out; `position` is of that."""

    @functools.wraps(handle)
    def handling(*arguments: Any) -> Any:  # noqa: ANN401
        name, attributes = handle(*arguments)
        given = arguments[position]
        camel_case = private(_PROVISIONERS, "_codebuild_cfn_to_api")
        private(_CODEBUILD, "_projects")[name] |= {
            own: camel_case(given[theirs]) for theirs, own in _KEPT.items() if theirs in given
        }
        return name, attributes

    return handling
