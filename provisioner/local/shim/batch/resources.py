"""CloudFormation's resource types of Batch, of which the engine has none.

AWS changes what it can in place. A changed job definition is a new revision; the one before is
deregistered, unless `SkipDeregisterOnUpdate` says otherwise.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private

if TYPE_CHECKING:
    from collections.abc import Callable

    Made = tuple[str, dict[str, str]]

_BATCH = "ministack.services.batch"
_TEXT_MAPS = frozenset({"Tags", "Options", "Parameters"})


def install() -> None:
    """Add the types."""
    for name in ("_create_compute_environment", "_create_job_queue", "_register_job_definition"):
        private(_BATCH, name)
    handlers = private("ministack.services.cloudformation.provisioners", "_RESOURCE_HANDLERS")
    handlers["AWS::Batch::ComputeEnvironment"] = _in_place(
        _environment, "_compute_envs", "ComputeEnvironmentArn"
    )
    handlers["AWS::Batch::JobQueue"] = _in_place(_queue, "_job_queues", "JobQueueArn")
    handlers["AWS::Batch::SchedulingPolicy"] = {
        "create": _policy,
        "update": lambda arn, _old, _new, _stack: (arn, {"Arn": arn}),
        "delete": lambda _arn, _properties: None,
    }
    handlers["AWS::Batch::JobDefinition"] = {
        "create": _definition,
        "update": _changed_definition,
        "update_with_logical_id": True,
        "delete": lambda arn, _properties: deregister(arn),
    }


def camel_case(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return properties as the service's own API spells them.

    >>> camel_case({"JobName": "a", "Tags": {"Team": "b"}})
    {'jobName': 'a', 'tags': {'Team': 'b'}}
    """
    match value:
        case dict():
            return {
                key[:1].lower() + key[1:]: item if key in _TEXT_MAPS else camel_case(item)
                for key, item in value.items()
            }
        case list():
            return [camel_case(item) for item in value]
        case _:
            return value


def _in_place(make: Callable[..., str], store: str, attribute: str) -> dict[str, Any]:
    """Return the handlers of a type of which every property can be changed."""

    def create(logical_id: str, properties: dict[str, Any], stack: str) -> Made:
        arn = make(f"{stack}-{logical_id}", camel_case(properties))
        return arn, {attribute: arn}

    def update(arn: str, _old: object, new: dict[str, Any], _stack: str) -> Made:
        private(_BATCH, store)[_name(arn)].update(camel_case(new))
        return arn, {attribute: arn}

    def delete(arn: str, _properties: object) -> None:
        private(_BATCH, store).pop(_name(arn), None)

    return {"create": create, "update": update, "delete": delete}


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]


def _environment(name: str, properties: dict[str, Any]) -> str:
    name = properties.get("computeEnvironmentName") or _unnamed(name)
    made = _called("_create_compute_environment", {**properties, "computeEnvironmentName": name})
    return str(made["computeEnvironmentArn"])


def _queue(name: str, properties: dict[str, Any]) -> str:
    name = properties.get("jobQueueName") or _unnamed(name)
    made = _called("_create_job_queue", {**properties, "jobQueueName": name})
    private(_BATCH, "_job_queues")[name].update(properties)
    return str(made["jobQueueArn"])


def _policy(logical_id: str, properties: dict[str, Any], stack: str) -> Made:
    name = properties.get("Name") or _unnamed(f"{stack}-{logical_id}")
    responses = "ministack.core.responses"
    region, account = private(responses, "get_region")(), private(responses, "get_account_id")()
    arn = f"arn:aws:batch:{region}:{account}:scheduling-policy/{name}"
    return arn, {"Arn": arn}


def _definition(logical_id: str, properties: dict[str, Any], stack: str) -> Made:
    wanted = camel_case(properties)
    name = wanted.get("jobDefinitionName") or _unnamed(f"{stack}-{logical_id}")
    made = _called("_register_job_definition", {**wanted, "jobDefinitionName": name})
    revision = private(_BATCH, "_job_definitions")[name][-1]
    revision.update({key: wanted[key] for key in ("retryStrategy", "timeout") if key in wanted})
    arn = str(made["jobDefinitionArn"])
    return arn, {"JobDefinitionArn": arn}


def _changed_definition(
    arn: str, _old: object, new: dict[str, Any], stack: str, logical_id: str
) -> Made:
    made = _definition(logical_id, new, stack)
    if not new.get("ResourceRetentionPolicy", {}).get("SkipDeregisterOnUpdate"):
        deregister(arn)
    return made


def deregister(arn: str) -> None:
    """Let a revision start no more jobs."""
    for revision in private(_BATCH, "_job_definitions").get(_name(arn).partition(":")[0], []):
        if revision["jobDefinitionArn"] == arn:
            revision["status"] = "INACTIVE"


def _unnamed(beginning: str) -> str:
    return f"{beginning}-{private('ministack.core.responses', 'new_uuid')()[:8]}"


def _called(action: str, properties: dict[str, Any]) -> dict[str, Any]:
    status, _, body = private(_BATCH, action)(properties)
    answer: dict[str, Any] = json.loads(body)
    if status >= 400:
        raise ValueError(answer.get("message", str(answer)))
    return answer
