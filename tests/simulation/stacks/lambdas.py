"""The provisioner's functions, run as Lambda runs them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from provisioner.entrypoints import (
    artifact_events,
    job_stream,
    reconcile_queue,
    run_stream,
    stack_events,
    sweep,
)
from provisioner.entrypoints.wiring import Runtime
from provisioner.errors import ProvisionerError
from tests.simulation.faults import Broken, Crash
from tests.simulation.stacks.calls import Calls, Invocation
from tests.simulation.stacks.tables import JobsTable
from tests.simulation.timeline import Timeline

FUNCTIONS = {
    "artifact_events": artifact_events,
    "job_stream": job_stream,
    "reconcile_queue": reconcile_queue,
    "run_stream": run_stream,
    "stack_events": stack_events,
    "sweep": sweep,
}


class FunctionError(Exception):
    """The function raised, or died, or took too long: Lambda tells its caller no more."""


@dataclass(frozen=True)
class Context:
    """Lambda's context object."""

    timeline: Timeline
    invocation: Invocation
    memory_limit_in_mb: int = 1024
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:jobs"
    aws_request_id: str = "52fdfc07-2182-154f-163f-5f0f9a621d72"

    @property
    def function_name(self) -> str:
        return self.invocation.function

    def get_remaining_time_in_millis(self) -> int:
        left = self.invocation.deadline - self.timeline.now
        return max(0, left // timedelta(milliseconds=1))


class Lambdas:
    """Invokes the real handlers; remembers what they were given."""

    runtime_of: Callable[[str], Runtime]
    """What a function works with; the world is wired last."""

    def __init__(self, timeline: Timeline, calls: Calls, jobs: JobsTable) -> None:
        self._timeline = timeline
        self._calls = calls
        self._jobs = jobs
        self.handlers = {name: module.handler for name, module in FUNCTIONS.items()}
        self.broken = False
        self.retained: Callable[[], frozenset[str]] = frozenset
        self.given: list[tuple[str, dict[str, Any]]] = []

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        """Return what the function answers.

        Raises
        ------
        FunctionError
            If it does not.
        """
        if function != "sweep":
            self.given.append((function, event))
        invocation = Invocation(
            function, self._timeline.now, len(self._jobs.edits), self.retained()
        )
        self._calls.invocation = invocation
        self._timeline.note(function, names(event))
        try:
            context = Context(self._timeline, invocation)
            runtime = self.runtime_of(function)
            return self.handlers[function](event, context, runtime)
        except Broken as broken:
            self.broken = True
            raise AssertionError(str(broken)) from broken
        except (ProvisionerError, Crash) as error:
            self._timeline.note(function, "ended by", repr(error))
            raise FunctionError(function) from error


def names(event: dict[str, Any]) -> object:
    """Return what of an event tells which job it is about, for the diary."""
    if "detail" in event:
        return event["detail"]
    records = event.get("Records", ())
    return [r.get("body") or r["dynamodb"].get("Keys") for r in records]
