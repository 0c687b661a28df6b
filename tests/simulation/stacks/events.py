"""EventBridge: the status events of stacks, lost, repeated, late and in any order."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

from provisioner.stacks.model import IN_PROGRESS, StackStatus
from tests.simulation.stacks.lambdas import FunctionError
from tests.simulation.timeline import Timeline

RETRY_AFTER_SECONDS = (60, 120)
"""Lambda's two retries of an asynchronous invocation, before the dead-letter queue."""


class Events:
    """Hands on what the rule in template.yaml matches: every status at which nothing runs."""

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
        self.dead: list[dict[str, Any]] = []

    def tell(self, stack_id: str, status: StackStatus, token: str) -> None:
        """Take a change of a stack's status."""
        if status in IN_PROGRESS or status is StackStatus.REVIEW_IN_PROGRESS:
            return
        if self.to_lose:
            self.to_lose -= 1
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
        trouble = self._chance.random() < self.trouble
        late = self._chance.uniform(30, 300) if trouble else self._chance.uniform(0.2, 3)
        self._timeline.after(late, partial(self._deliver, event))
        if self._chance.random() < self.trouble:
            self._timeline.after(self._chance.uniform(0, 600), partial(self._deliver, event))

    def redrive(self) -> None:
        """Deliver again what no function took, as a person does."""
        dead, self.dead = self.dead, []
        for event in dead:
            self._deliver(event)

    def _deliver(self, event: dict[str, Any], attempt: int = 0) -> None:
        try:
            self._invoke("stack_events", event)
        except FunctionError:
            if attempt == len(RETRY_AFTER_SECONDS):
                self.dead.append(event)
                return
            again = partial(self._deliver, event, attempt + 1)
            self._timeline.after(RETRY_AFTER_SECONDS[attempt], again)
