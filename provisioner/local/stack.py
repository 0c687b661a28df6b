"""What there is to know of the bootstrap's stack on the engine."""

from __future__ import annotations

import time
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from provisioner.aws.stack_events import FAILED_EVENT
from provisioner.local.clients import client
from provisioner.stacks.stack_status import IN_PROGRESS, StackStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from provisioner.local.engine import Engine

DEFAULT_STACK = "jobs"
GOOD = frozenset({StackStatus.CREATE_COMPLETE, StackStatus.UPDATE_COMPLETE})
"""What was deployed last is there."""
UPDATABLE = GOOD | {StackStatus.UPDATE_ROLLBACK_COMPLETE}
"""Something whole is there, though maybe not what was deployed last."""
_BEGINS = frozenset({StackStatus.CREATE_IN_PROGRESS, StackStatus.UPDATE_IN_PROGRESS})
_SETTLE_SECONDS = 120.0
_POLL_SECONDS = 0.2


def stack_status(engine: Engine, stack_name: str = DEFAULT_STACK) -> str | None:
    """Return the stack's status, or None when there is none, or no engine that answers."""
    try:
        stacks = client(engine, "cloudformation").describe_stacks(StackName=stack_name)["Stacks"]
    except (BotoCoreError, ClientError):
        return None
    status: str = stacks[0]["StackStatus"]
    return status


def settled_status(engine: Engine, stack_name: str) -> str | None:
    """Return the stack's status once no operation, which may be an earlier one, is in progress."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    status = stack_status(engine, stack_name)
    while status in IN_PROGRESS and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        status = stack_status(engine, stack_name)
    return status


def stack_outputs(engine: Engine, stack_name: str = DEFAULT_STACK) -> dict[str, str]:
    """Return the bootstrap stack's outputs."""
    stacks = client(engine, "cloudformation").describe_stacks(StackName=stack_name)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stacks[0].get("Outputs", [])}


def why_it_failed(engine: Engine, stack_name: str) -> str:
    """Return what the last operation failed by: its first failed resource, and the reason."""
    cloudformation = client(engine, "cloudformation")
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_name)
    return first_failure(event for page in pages for event in page["StackEvents"])


def first_failure(newest_first: Iterable[Mapping[str, Any]]) -> str:
    """Return the first failed resource of the last operation in a stack's events, and why."""
    operation = takewhile(lambda event: not _begins(event), newest_first)
    failed = [event for event in operation if event["ResourceStatus"] in FAILED_EVENT]
    if not failed:
        return "no resource says why"
    first = failed[-1]
    return f"{first['LogicalResourceId']}: {first.get('ResourceStatusReason', 'no reason')}"


def _begins(event: Mapping[str, Any]) -> bool:
    is_of_stack = event["PhysicalResourceId"] == event["StackId"]
    return is_of_stack and event["ResourceStatus"] in _BEGINS
