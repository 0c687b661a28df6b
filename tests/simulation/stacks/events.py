"""EventBridge: the events of stacks, pushes and builds, lost, repeated, late and in any order."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

from provisioner.jobs.unbuilt import JOB_VARIABLE
from provisioner.stacks.stack_status import IN_PROGRESS, StackStatus
from tests.simulation.stacks.lambdas import FunctionError
from tests.simulation.timeline import Timeline

RETRY_AFTER_SECONDS = (60, 120)
"""Lambda's two retries of an asynchronous invocation, before the dead-letter queue."""


class Events:
    """Hands on what the bootstrap's rules match: every status at which nothing runs, every push."""

    def __init__(
        self,
        timeline: Timeline,
        chance: random.Random,
        invoke: Callable[[str, dict[str, Any]], Any],
    ) -> None:
        self._timeline = timeline
        self._chance = chance
        self._invoke = invoke
        self.trouble = 0.0
        self.to_lose = 0
        self.lost: Callable[[str], None] = lambda _: None
        self.lost_push: Callable[[str], None] = lambda _: None
        self.dead: list[tuple[str, dict[str, Any]]] = []

    def tell(self, stack_id: str, status: StackStatus, token: str) -> None:
        """Take a change of a stack's status."""
        if status in IN_PROGRESS or status is StackStatus.REVIEW_IN_PROGRESS:
            return
        if self._is_lost():
            self.lost(stack_id)
            return
        event = {
            "detail-type": "CloudFormation Stack Status Change",
            "source": "aws.cloudformation",
            "resources": [stack_id],
            "detail": {
                "stack-id": stack_id,
                "status-details": {"status": str(status), "status-reason": ""},
                "client-request-token": token,
            },
        }
        self._send("stack_events", event)

    def push(self, bucket: str, key: str) -> None:
        """Take a new version of an object."""
        if self._is_lost():
            self.lost_push(key)
            return
        event = {
            "detail-type": "Object Created",
            "source": "aws.s3",
            "detail": {"bucket": {"name": bucket}, "object": {"key": key}},
        }
        self._send("artifact_events", event)

    def build(self, job_name: str) -> None:
        """Take the end of a build: a lost one is swept."""
        if self._is_lost():
            return
        named = [{"name": JOB_VARIABLE, "type": "PLAINTEXT", "value": job_name}]
        event = {
            "detail-type": "CodeBuild Build State Change",
            "source": "aws.codebuild",
            "detail": {"additional-information": {"environment": {"environment-variables": named}}},
        }
        self._send("artifact_events", event)

    def _is_lost(self) -> bool:
        lost = self.to_lose > 0
        self.to_lose -= lost
        return lost

    def _send(self, function: str, event: dict[str, Any]) -> None:
        trouble = self._chance.random() < self.trouble
        late = self._chance.uniform(30, 300) if trouble else self._chance.uniform(0.2, 3)
        self._timeline.after(late, partial(self._deliver, function, event))
        if self._chance.random() < self.trouble:
            again = self._chance.uniform(0, 600)
            self._timeline.after(again, partial(self._deliver, function, event))

    def redrive(self) -> None:
        """Deliver again what no function took, as a person does."""
        dead, self.dead = self.dead, []
        for function, event in dead:
            self._deliver(function, event)

    def _deliver(self, function: str, event: dict[str, Any], attempt: int = 0) -> None:
        try:
            self._invoke(function, event)
        except FunctionError:
            if attempt == len(RETRY_AFTER_SECONDS):
                self.dead.append((function, event))
                return
            again = partial(self._deliver, function, event, attempt + 1)
            self._timeline.after(RETRY_AFTER_SECONDS[attempt], again)
