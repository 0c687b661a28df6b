"""Executions in moto, which runs each in a thread: it begins and ends some time after the call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.cli import put_run
from tests.support.clients import CLIENTS, heard
from tests.support.waiting import wait_until


def start_execution(machine: str, name: str, **more: Any) -> str:
    """Start an execution; return its ARN once it runs, because moto stops none before."""
    states = CLIENTS.stepfunctions
    arn = str(states.start_execution(stateMachineArn=machine, name=name, **more)["executionArn"])
    wait_until(
        lambda: states.get_execution_history(executionArn=arn)["events"], f"an event of {name}"
    )
    return arn


@contextmanager
def recorded(job_name: str, status: str, **attributes: Any) -> Iterator[None]:
    """Give an execution that starts its row at once, whose key has the moment when it began."""

    def begun(parsed: dict[str, Any], **_: Any) -> None:
        name = parsed["executionArn"].rpartition(":")[2]
        put_run(job_name, name, status, started_at=parsed["startDate"], **attributes)

    with heard(CLIENTS.stepfunctions, "after-call.sfn.StartExecution", begun):
        yield


def put_running(job_name: str, arn: str) -> None:
    """Write the row of an execution that runs: its key begins with when that began."""
    execution = CLIENTS.stepfunctions.describe_execution(executionArn=arn)
    name, began = execution["name"], execution["startDate"]
    put_run(job_name, name, "RUNNING", started_at=began, execution_arn=arn)


def stop_execution(arn: str, **more: str) -> None:
    """Stop an execution, and wait for its end."""
    CLIENTS.stepfunctions.stop_execution(executionArn=arn, **more)
    wait_for_status(arn, "ABORTED")


def wait_for_status(arn: str, status: str) -> None:
    states = CLIENTS.stepfunctions
    wait_until(
        lambda: states.describe_execution(executionArn=arn)["status"] == status,
        f"{status} of {arn}",
    )
