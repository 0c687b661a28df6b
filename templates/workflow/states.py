"""What the states of the workflow are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from templates.workflow.expressions import jsonata, squeezed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.settings import Platform

CANCELED = "DynamoDb.TransactionCanceledException"
State = dict[str, object]

SERVICE_RETRY: State = {
    "ErrorEquals": ["States.TaskFailed"],
    "IntervalSeconds": 1,
    "MaxAttempts": 6,
    "BackoffRate": 2,
    "MaxDelaySeconds": 30,
    "JitterStrategy": "FULL",
}

COLLISION_RETRY: State = {
    **SERVICE_RETRY,
    "ErrorEquals": [CANCELED],
    "MaxAttempts": 2,
}


def transaction(platform: Platform, items: str) -> State:
    """Return the body of a state that writes items all together or not at all."""
    return {
        "Type": "Task",
        "Resource": f"arn:{platform.partition}:states:::aws-sdk:dynamodb:transactWriteItems",
        "Arguments": {"TransactItems": jsonata(squeezed(items))},
    }


def choice(condition: str, following: str, assign: Mapping[str, object] | None = None) -> State:
    """Return a rule of a Choice state."""
    rule: State = {"Condition": jsonata(condition), "Next": following}
    return {**rule, "Assign": assign} if assign else rule
