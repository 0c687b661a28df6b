"""The outputs of a job's stack: in snake_case, the attributes of its row in the Stacks table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from troposphere import GetAtt, Output, Ref

if TYPE_CHECKING:
    from collections.abc import Mapping

    from troposphere import AWSHelperFn
    from troposphere.iam import Role
    from troposphere.logs import LogGroup
    from troposphere.stepfunctions import StateMachine


def outputs(values: Mapping[str, str | AWSHelperFn]) -> list[Output]:
    """Return an output for each value, of the same name."""
    return [Output(name, Value=value) for name, value in values.items()]


def shared_outputs(workflow: StateMachine, role: Role, logs: LogGroup) -> dict[str, AWSHelperFn]:
    """Return the outputs that every job has, whatever its type."""
    return {
        "StateMachineArn": Ref(workflow),
        "RoleArn": GetAtt(role, "Arn"),
        "LogGroup": Ref(logs),
    }
