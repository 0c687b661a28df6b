"""The resources of a job's stack that CloudFormation replaces or deletes when its row changes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import templates
from provisioner.jobs import InvalidRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provisioner.service.context import Service

CREATE_ONLY = {
    "AWS::EC2::SecurityGroup": ("GroupDescription", "VpcId"),
    "AWS::IAM::InstanceProfile": ("Path",),
    "AWS::IAM::Role": ("Path",),
    "AWS::Lambda::EventSourceMapping": ("EventSourceArn",),
    "AWS::Lambda::Function": ("FunctionName", "PackageType"),
    "AWS::Logs::LogGroup": ("LogGroupName",),
    "AWS::SNS::Subscription": ("Endpoint", "Protocol", "TopicArn"),
    "AWS::SQS::Queue": ("QueueName",),
    "AWS::StepFunctions::StateMachine": ("StateMachineName", "StateMachineType"),
}
"""Properties whose change replaces a resource (CloudFormation's resource schemas).

A test holds this to the schemas. Revisions of task and job definitions, schedules and alarms are
replaced as well: nobody loses anything by that.
"""

_LOST = {
    "AWS::SQS::Queue": "the messages in it are lost",
    "AWS::Logs::LogGroup": "the logs in it are lost",
    "AWS::StepFunctions::StateMachine": "runs that have not ended are stopped",
}


def risks(
    service: Service, before: Mapping[str, object] | None, after: Mapping[str, object]
) -> tuple[str, ...]:
    """Return what is replaced or deleted when a row changes, each in a sentence.

    Nothing for a new row, for one that was INVALID, and where the bootstrap's parts are not known.
    """
    if before is None or service.platform is None:
        return ()
    old, new = _resources(service, before), _resources(service, after)
    if old is None or new is None:
        return ()
    return tuple(_differences(old, new))


def _resources(service: Service, row: Mapping[str, object]) -> dict[str, Any] | None:
    job = service.job(dict(row))
    if isinstance(job, InvalidRow) or service.platform is None:
        return None
    text = templates.to_json(templates.build(job, service.platform))
    resources: dict[str, Any] = json.loads(text)["Resources"]
    return resources


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for name, resource in old.items():
        kind = resource["Type"]
        if name not in new:
            verb = "is deleted"
        elif new[name]["Type"] != kind or _is_replaced(kind, resource, new[name]):
            verb = "is replaced"
        else:
            continue
        if name not in new and kind not in _LOST:
            continue
        lost = f": {_LOST[kind]}" if kind in _LOST else ""
        yield f"{name} ({kind}) {verb}{lost}"


def _is_replaced(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    before, after = old.get("Properties", {}), new.get("Properties", {})
    return any(before.get(name) != after.get(name) for name in CREATE_ONLY.get(kind, ()))
