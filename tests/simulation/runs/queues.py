"""A job's queues: at least once, in any order, and Lambda that hands over what can be received."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from provisioner.aws.message_queues import MESSAGE_ID
from provisioner.entrypoints import job_queue
from provisioner.errors import TemporaryError
from provisioner.runs.messages import Message
from tests.support.fakes import FakeMessageQueues
from tests.support.functions import Context
from tests.support.platforms import PLATFORM

if TYPE_CHECKING:
    from tests.simulation.runs.world import World

WAITING_VISIBILITY_SECONDS = 60
"""Of a message that was received and not deleted (templates/parts/queue.py)."""
ARN = f"arn:aws:sqs:eu-west-1:123456789012:{PLATFORM.prefix}-job"


class Queues(FakeMessageQueues):
    """The port, and the event source mapping of the queue that starts runs."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self._received: list[Message] = []
        self.copies = 0

    def send(self, job_name: str, message: Message, *, delay_seconds: int = 0) -> None:
        def arrive() -> None:
            super(Queues, self).send(job_name, message)
            self._world.after(self._world.chance.uniform(0.01, 2), self._poll)

        for _ in range(2 if self._world.strikes() else 1):  # SQS delivers at least once
            self.copies += 1
            self._world.after(delay_seconds, arrive)

    def unpark(self, job_name: str, count: int) -> int:
        """Move messages; one whose deletion is lost comes again, under the same identity."""
        parked = self.parked.get(job_name, [])[:count]
        moved = super().unpark(job_name, count)
        for message in parked if self._world.strikes() else ():
            self._received.append(message)
            self._world.after(WAITING_VISIBILITY_SECONDS, partial(self._show, job_name, message))
        return moved

    def is_empty(self, job_name: str) -> bool:
        return super().is_empty(job_name) and not self._received

    def _show(self, job_name: str, message: Message) -> None:
        self._received.remove(message)
        self.park(job_name, message)

    def _poll(self) -> None:
        ready = self.ready.get("job", [])
        batch = ready[: self._world.chance.randint(1, self._world.limits.batch_size)]
        del ready[: len(batch)]
        if batch:
            self._deliver(batch)

    def _deliver(self, batch: list[Message]) -> None:
        """Hand messages over; each that the function does not take comes again, with others."""
        left = {message.id: message for message in batch}

        def handle() -> None:
            event = {"Records": [_record(message) for message in batch]}
            answer = job_queue.handler(event, Context(), self._world.runtime)
            failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
            for message in batch:
                if message.id not in failed:
                    left.pop(message.id, None)
            if left:
                raise TemporaryError

        def again() -> None:
            ready = self.ready.setdefault("job", [])
            for message in left.values():
                ready.insert(self._world.chance.randint(0, len(ready)), message)
                self._world.after(self._world.chance.uniform(0.01, 2), self._poll)

        self._world.invoke(handle, again)


def _record(message: Message) -> dict[str, Any]:
    return {
        "messageId": message.id,
        "receiptHandle": message.id,
        "body": message.body,
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {MESSAGE_ID: {"stringValue": message.id, "dataType": "String"}},
        "eventSource": "aws:sqs",
        "eventSourceARN": ARN,
    }
