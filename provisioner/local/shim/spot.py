"""ECS: Spot capacity that is taken back, and capacity that is not there.

On AWS both happen by themselves; here somebody says so. StopTask with the reason that ECS gives,
`INTERRUPTED`, on a task on FARGATE_SPOT is an interruption; the engine would call it UserInitiated.
A task whose task definition has the tag `FAULT` finds no capacity: RunTask then answers 200 with a
failure, of which ``ecs:runTask.sync`` makes AmazonECS.Unknown (Step Functions, connect-ecs).

On AWS IAM is asked about DescribeClusters, by which the capacity providers of a cluster are found,
with each cluster's ARN; the engine gives it "*". Here it gets the first one's.
"""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private, wrap

if TYPE_CHECKING:
    from collections.abc import Callable

INTERRUPTED = "Your Spot Task was interrupted."

FAULT = "local-fault"
"""A tag of a job. `no-spot-capacity`: only Spot has none; `no-capacity`: neither has any.

Of machines, `no-capacity` may be followed by where that is (`machine_capacity`).
"""

_LACKING = {"no-spot-capacity": ("FARGATE_SPOT",), "no-capacity": ("FARGATE_SPOT", "FARGATE")}
_REASON = (
    "Capacity is unavailable at this time. Please try again later or in a different "
    "availability zone"
)
_ECS = "ministack.services.ecs"
_ACTIONS = "ministack.core.iam_actions"


def install() -> None:
    """Adapt how tasks start and stop."""
    private(_ECS, "_tags")
    private(_ECS, "_task_defs")
    private(_ECS, "_resolve_td_key")
    wrap(_ECS, "_mark_task_stopped", _interrupted)
    wrap(_ECS, "_run_task", _lacking_capacity)
    wrap(_ACTIONS, "extract_resource_arn", _of_the_cluster)


def _of_the_cluster(extract: Callable[..., str]) -> Callable[..., str]:
    @functools.wraps(extract)
    def extracting(*request: Any) -> str:  # noqa: ANN401
        arn = extract(*request)
        if request[0] != "ecs" or arn != "*" or b'"clusters"' not in request[4]:
            return arn
        return str(json.loads(request[4])["clusters"][0])

    return extracting


def _interrupted(stop: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(stop)
    def stopping(
        task_arn: str,
        task: dict[str, Any],
        reason: str,
        stop_code: str,
        exit_code: int | None = None,
    ) -> Any:  # noqa: ANN401
        if reason == INTERRUPTED and task.get("capacityProviderName") == "FARGATE_SPOT":
            stop_code = "SpotInterruption"
        return stop(task_arn, task, reason, stop_code, exit_code=exit_code)

    return stopping


def _lacking_capacity(run: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(run)
    def running(request: dict[str, Any]) -> Any:  # noqa: ANN401
        if not _lacks(_fault(request.get("taskDefinition", "")), request):
            return run(request)
        failure = {"arn": request.get("cluster", ""), "reason": _REASON}
        return private(_ECS, "json_response")({"tasks": [], "failures": [failure]})

    return running


def _fault(task_definition: str) -> str:
    definitions, key = private(_ECS, "_task_defs"), private(_ECS, "_resolve_td_key")
    definition = definitions.get(key(task_definition)) or {}
    tags = private(_ECS, "_tags").get(definition.get("taskDefinitionArn", ""), [])
    return next((tag["value"] for tag in tags if tag["key"] == FAULT), "")


def _lacks(fault: str, request: dict[str, Any]) -> bool:
    strategy = request.get("capacityProviderStrategy") or []
    asked = [each["capacityProvider"] for each in strategy] or [request.get("launchType")]
    return any(each in _LACKING.get(fault, ()) for each in asked)
