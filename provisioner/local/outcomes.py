"""See what becomes of the examples: their stacks come up, each runs once."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Key
from botocore.exceptions import BotoCoreError, ClientError

from provisioner.local.clients import client, table
from provisioner.local.errors import LocalError
from provisioner.local.progress import Say, silent
from provisioner.local.stack import stack_outputs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from provisioner.local.engine import Engine
    from provisioner.local.examples import Example

_POLL_SECONDS = 0.25
_READY_SECONDS = 120.0
_RUN_SECONDS = 180.0
_SETTLED = frozenset({"READY", "FAILED", "INVALID", "PAUSED"})
_ENDED = frozenset({"SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED"})


@dataclass(frozen=True)
class ExampleOutcome:
    """What became of an example.

    Attributes
    ----------
    stack
        Its Stacks row.
    run
        Its newest run that ended, a Triggers row; None when it never ran.
    """

    example: Example
    stack: Mapping[str, Any]
    run: Mapping[str, Any] | None

    @property
    def reason(self) -> str | None:
        """Why its run failed."""
        run = self.run or {}
        return run.get("cause") or run.get("error")


def await_stacks(
    engine: Engine, stack_name: str, examples: Sequence[Example], say: Say = silent
) -> None:
    """Wait until the stacks of the examples have come up.

    Raises
    ------
    LocalError
        One failed, or takes too long; or the engine crashed in the meantime.
    """
    outputs = stack_outputs(engine, stack_name)
    stacks = table(engine, outputs["StacksTableName"])
    for example in examples:
        record = _wait(
            engine,
            lambda name=example.job_name: _settled(stacks, name),  # type: ignore[misc]
            f"stack of {example.job_name} to come up",
            _READY_SECONDS,
        )
        if record["status"] != "READY":
            why = record.get("errors") or record.get("failure") or ""
            message = f"job {example.job_name} is {record['status']}: {why}"
            raise LocalError(message)
        say(f"{example.job_name} is READY, with the stack {record['stack_name']}")


def run_each(
    engine: Engine, stack_name: str, examples: Sequence[Example], say: Say = silent
) -> None:
    """Start a run of each example that can run here, and wait for their ends."""
    outputs = stack_outputs(engine, stack_name)
    stacks = table(engine, outputs["StacksTableName"])
    triggers = table(engine, outputs["TriggersTableName"])
    runnable = [e for e in examples if engine.state.container_host or not e.is_container]
    say(f"starting {len(runnable)} runs")
    for example in runnable:
        client(engine, "stepfunctions").start_execution(
            stateMachineArn=stacks.get_item(Key={"job_name": example.job_name})["Item"][
                "state_machine_arn"
            ],
            input=json.dumps({"_run": {"source": "manual"}}),
        )
    for example in runnable:
        # Its schedule may have fired first, and ours be SKIPPED: any run that ends will do.
        run = _wait(
            engine,
            lambda name=example.job_name: next(_ended_runs(triggers, name), None),  # type: ignore[misc]
            f"run of {example.job_name} to end",
            _RUN_SECONDS,
        )
        say(f"run of {example.job_name}: {run['status']}")


def outcomes(engine: Engine, stack_name: str, examples: Sequence[Example]) -> list[ExampleOutcome]:
    """Return how the examples stand now."""
    outputs = stack_outputs(engine, stack_name)
    stacks = table(engine, outputs["StacksTableName"])
    triggers = table(engine, outputs["TriggersTableName"])
    found = []
    for example in examples:
        stack = stacks.get_item(Key={"job_name": example.job_name}).get("Item", {})
        run = next(_ended_runs(triggers, example.job_name), None)
        found.append(ExampleOutcome(example, stack, run))
    return found


def _settled(stacks: Any, job_name: str) -> Mapping[str, Any] | None:  # noqa: ANN401
    record: Mapping[str, Any] = stacks.get_item(Key={"job_name": job_name}).get("Item", {})
    return record if record.get("status") in _SETTLED else None


def _ended_runs(triggers: Any, job_name: str) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401
    """Return the runs that did something and ended, newest first."""
    found = triggers.query(
        KeyConditionExpression=Key("job_name").eq(job_name), ScanIndexForward=False
    )
    return (item for item in found["Items"] if item.get("status") in _ENDED)


def _wait(
    engine: Engine,
    look: Callable[[], Mapping[str, Any] | None],
    what: str,
    timeout_seconds: float,
) -> Mapping[str, Any]:
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        engine.check()
        try:
            if (found := look()) is not None:
                return found
        except (ClientError, BotoCoreError) as error:
            message = f"while waiting for the {what}: {error}"
            raise LocalError(message) from error
        time.sleep(_POLL_SECONDS)
    message = f"waited {timeout_seconds:.0f} s for the {what}"
    raise LocalError(message)
