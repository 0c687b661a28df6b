"""What the states of the workflow are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.settings import Platform
    from templates.workflow.jsonata import Expression

CANCELED = "DynamoDb.TransactionCanceledException"
BAD_EXPRESSION = "States.QueryEvaluationError"

State = dict[str, object]
"""A state or a part of one: JSON whose leaves may be expressions (`templates.workflow.asl`).

A leaf that yields nothing is an error in Step Functions. What may be missing therefore has to be a
member inside one expression, which then leaves it out.
"""

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


def never_retried(*errors: str) -> State:
    """Return the retrier that leaves errors to the state's ``Catch``."""
    return {"ErrorEquals": list(errors), "MaxAttempts": 0}


def transaction(platform: Platform, items: Expression) -> State:
    """Return the body of a state that writes items all together or not at all."""
    return {
        "Type": "Task",
        "Resource": sdk(platform, "dynamodb:transactWriteItems"),
        "Arguments": {"TransactItems": items},
    }


def sdk(platform: Platform, action: str) -> str:
    """Return the resource that calls an action of AWS's API as it is."""
    return f"arn:{platform.partition}:states:::aws-sdk:{action}"


def choice(
    condition: Expression, following: str, assign: Mapping[str, object] | None = None
) -> State:
    """Return a rule of a Choice state."""
    rule: State = {"Condition": condition, "Next": following}
    return {**rule, "Assign": assign} if assign else rule


def caught(error: str, following: str, **fields: object) -> State:
    """Return a rule of a ``Catch``."""
    return {"ErrorEquals": [error], **fields, "Next": following}
