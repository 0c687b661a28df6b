"""Executions of jobs' state machines."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from provisioner.aws.clients import translated
from provisioner.errors import ConflictError, NotFoundError
from provisioner.jobs import stack_name
from provisioner.runs.model import ENDED_AS, STOPPED, EndedExecution, RunStatus, waited_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.aws.clients import Clients
    from provisioner.settings import Platform


_MAX_STOPPED = 100
"""StopExecution allows hundreds a second, and a function has only seconds."""


@dataclass(frozen=True, slots=True)
class Started:
    """An execution, the input that it was started with, and whether that was just now.

    `ended_at` is None while it runs.
    """

    arn: str
    started_at: datetime
    input: Mapping[str, Any]
    is_new: bool
    ended_at: datetime | None = None


class Executions:
    """Executions, by the ARNs of their state machines or their own."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def start(
        self, state_machine_arn: str, execution_name: str, execution_input: Mapping[str, Any]
    ) -> Started:
        """Start an execution, unless that name has been started already: then return that one.

        While that one runs, the same input again looks as new: Step Functions does not say, so who
        has to know it asks `started` first. Names are known for 90 days after an execution's end.
        """
        try:
            with translated():
                made = self._clients.stepfunctions.start_execution(
                    stateMachineArn=state_machine_arn,
                    name=execution_name,
                    input=json.dumps(execution_input),
                )
        except ConflictError:
            return self._describe(state_machine_arn, execution_name)
        return Started(made["executionArn"], made["startDate"], execution_input, is_new=True)

    def started(self, state_machine_arn: str, execution_name: str) -> Started | None:
        """Return the execution of that name, None when there is none."""
        try:
            return self._describe(state_machine_arn, execution_name)
        except NotFoundError:
            return None

    def _describe(self, state_machine_arn: str, execution_name: str) -> Started:
        machine = state_machine_arn.replace(":stateMachine:", ":execution:", 1)
        with translated():
            found = self._clients.stepfunctions.describe_execution(
                executionArn=f"{machine}:{execution_name}"
            )
        return Started(
            found["executionArn"],
            found["startDate"],
            json.loads(found["input"]),
            is_new=False,
            ended_at=found.get("stopDate"),
        )

    def stop(self, execution_arn: str, *, error: str, cause: str) -> None:
        """Stop an execution; one that has ended stays as it ended."""
        with translated():
            self._clients.stepfunctions.stop_execution(
                executionArn=execution_arn, error=error, cause=cause
            )

    def ended(self, job_name: str, execution_arn: str) -> EndedExecution | None:
        """Return how an execution ended, None while it runs.

        One that Step Functions no longer knows (it forgets them 90 days after their end) ended now.
        """
        try:
            with translated():
                found = self._clients.stepfunctions.describe_execution(executionArn=execution_arn)
        except NotFoundError as error:
            return _forgotten(job_name, execution_arn, str(error))
        if found["status"] not in ENDED_AS:
            return None
        return EndedExecution(
            job_name=job_name,
            execution_name=found["name"],
            execution_arn=execution_arn,
            status=ENDED_AS[found["status"]],
            started_at=found["startDate"].astimezone(UTC),
            ended_at=found["stopDate"].astimezone(UTC),
            error=found.get("error"),
            cause=found.get("cause"),
            waited=waited_of(found.get("input")),
        )


def _forgotten(job_name: str, execution_arn: str, cause: str) -> EndedExecution:
    now = datetime.now(UTC)
    name = execution_arn.rpartition(":")[2]
    return EndedExecution(job_name, name, execution_arn, RunStatus.STOPPED, now, now, cause=cause)


class JobExecutions:
    """The executions of jobs, found by the names of the jobs."""

    def __init__(self, clients: Clients, platform: Platform) -> None:
        self._clients = clients
        self._executions = Executions(clients)
        self._platform = platform

    def start(self, job_name: str, execution_name: str, execution_input: str) -> str:
        """Start an execution and return its ARN; the same again starts nothing new.

        Raises
        ------
        ConflictError
            If that name has been used by one that has ended, or was given another input.
        NotFoundError
            If the job has no state machine.
        """
        machine = f"stateMachine:{stack_name(self._platform.prefix, job_name)}"
        with translated():
            response = self._clients.stepfunctions.start_execution(
                stateMachineArn=self._platform.arn("states", machine),
                name=execution_name,
                input=execution_input,
            )
        return str(response["executionArn"])

    def arn(self, job_name: str, execution_name: str) -> str:
        """Return the ARN that an execution of that name has."""
        machine = stack_name(self._platform.prefix, job_name)
        return self._platform.arn("states", f"execution:{machine}:{execution_name}")

    def has_started(self, job_name: str, execution_name: str) -> bool:
        """Tell whether there is or was an execution of that name.

        Step Functions may take some seconds until it says so, and forgets one after 90 days.
        """
        arn = self.arn(job_name, execution_name)
        try:
            with translated():
                self._clients.stepfunctions.describe_execution(executionArn=arn)
        except NotFoundError:
            return False
        return True

    def stop(self, execution_arn: str, *, error: str, cause: str) -> None:
        """Stop an execution; one that has ended stays as it ended."""
        self._executions.stop(execution_arn, error=error, cause=cause)

    def stop_running(self, job_name: str, cause: str) -> int:
        """Stop a job's runs; return how many that were, 100 at most, 0 without a state machine."""
        machine = f"stateMachine:{stack_name(self._platform.prefix, job_name)}"
        try:
            with translated():
                found = self._clients.stepfunctions.list_executions(
                    stateMachineArn=self._platform.arn("states", machine),
                    statusFilter="RUNNING",
                    maxResults=_MAX_STOPPED,
                )
        except NotFoundError:
            return 0
        for execution in found["executions"]:
            self.stop(execution["executionArn"], error=STOPPED, cause=cause)
        return len(found["executions"])

    def ended(self, job_name: str, execution_arn: str) -> EndedExecution | None:
        """Return how an execution ended, None while it runs."""
        return self._executions.ended(job_name, execution_arn)
