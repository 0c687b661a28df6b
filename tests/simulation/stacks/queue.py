"""The reconcile queue, its mapping and its dead letters, as template.yaml sets them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

from tests.simulation.faults import Broken
from tests.simulation.stacks.calls import Calls
from tests.simulation.stacks.lambdas import FunctionError
from tests.simulation.timeline import Timeline

VISIBILITY_TIMEOUT_SECONDS = 360
MAX_RECEIVE_COUNT = 5
BATCH_SIZE = 10
MAX_DELAY_SECONDS = 900
MOST_MESSAGES = 100
"""At one time, of a few jobs."""
LOST_DELETIONS = 0.1
"""Share of deletions at most that SQS loses: each leaves a copy, and an outage copies of copies."""


@dataclass(eq=False)
class Message:
    message_id: str
    body: str
    visible: bool = False
    receives: int = 0


class Queue:
    """Standard SQS: at least once, in no order."""

    def __init__(
        self,
        timeline: Timeline,
        chance: random.Random,
        calls: Calls,
        invoke: Callable[[str, dict[str, Any]], Any],
    ) -> None:
        self._timeline = timeline
        self._chance = chance
        self._calls = calls
        self._invoke = invoke
        self._ids = count(1)
        self.messages: dict[str, Message] = {}
        self.dead_letter_messages = DeadLetterQueue(calls)
        self.dead: list[Message] = []
        self.trouble = 0.0

    def send(
        self,
        job_name: str,
        *,
        delay_seconds: int = 0,
        retry: bool = False,
        confirm_deletion: bool = False,
        detect_drift: bool = False,
        check_code: bool = False,
        tries: int = 0,
        receives: int = 0,
    ) -> None:
        """Take a message: the port."""
        asks = {
            "confirm_deletion": confirm_deletion,
            "retry": retry,
            "detect_drift": detect_drift,
            "check_code": check_code,
            "tries": tries,
            "receives": receives,
        }
        body = message(job_name, **asks)
        self._calls("queue.send", partial(self.put, body, delay_seconds))

    def send_many(self, delays_seconds: Mapping[str, int], **asks: Any) -> None:
        """Take the messages of a sweep."""
        for job_name, delay_seconds in delays_seconds.items():
            self.send(job_name, delay_seconds=delay_seconds, **asks)

    def forget(self, receipt_handles: Iterable[str]) -> None:
        """Take messages out before the function ends."""
        handles = list(receipt_handles)

        def delete() -> None:
            for message in [self.messages[h] for h in handles if h in self.messages]:
                self._delete(message)

        self._calls("queue.forget", delete)

    def put(self, body: str, delay_seconds: float = 0) -> None:
        """Take a message from anyone."""
        message = Message(str(next(self._ids)), body)
        self.messages[message.message_id] = message
        if len(self.messages) > MOST_MESSAGES:
            raise Broken(f"a flood of messages: {body}")
        delay_seconds = max(0.0, min(delay_seconds, MAX_DELAY_SECONDS))
        if self._chance.random() < self.trouble:
            delay_seconds += self._chance.uniform(0, 90)
        self._timeline.after(delay_seconds, partial(self._show, message))

    def redrive(self) -> None:
        """Send what is dead again, as a person does."""
        dead, self.dead = self.dead, []
        for message in dead:
            self.put(message.body)
        fatal, self.dead_letter_messages.fatal = self.dead_letter_messages.fatal, []
        for body in fatal:
            self.put(json.dumps({"job_name": json.loads(body)["job_name"]}))

    def _show(self, message: Message) -> None:
        if message.message_id in self.messages:
            message.visible = True
            self._timeline.after(self._chance.uniform(0, 0.5), self._deliver)

    def _deliver(self) -> None:
        visible = [message for message in self.messages.values() if message.visible]
        batch = [message for message in visible[:BATCH_SIZE] if not self._is_dead(message)]
        if not batch:
            return
        for message in batch:
            message.visible = False
            message.receives += 1
            self._timeline.after(VISIBILITY_TIMEOUT_SECONDS, partial(self._show, message))
        try:
            answer = self._invoke("reconcile_queue", {"Records": [received(m) for m in batch]})
        except FunctionError:
            return
        failed = {item["itemIdentifier"] for item in answer["batchItemFailures"]}
        for message in batch:
            if message.message_id not in failed:
                self._delete(message)

    def _delete(self, message: Message) -> None:
        """Forget a message, unless one of SQS's hosts did not hear of it."""
        if self._chance.random() >= min(self.trouble, LOST_DELETIONS):
            self.messages.pop(message.message_id, None)

    def _is_dead(self, message: Message) -> bool:
        if message.receives < MAX_RECEIVE_COUNT:
            return False
        del self.messages[message.message_id]
        self.dead.append(message)
        return True


class DeadLetterQueue:
    """The dead-letter queue, as the functions fill it themselves."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self.kept: list[str] = []
        self.fatal: list[str] = []
        """Of jobs over which functions died again and again: only a person has them reconciled."""

    def send(self, payload: str, attributes: Mapping[str, str]) -> None:
        """Take a letter."""
        assert attributes["reason"], "a dead letter without a reason"
        self._calls("letters.send", partial(self.kept.append, payload))
        if attributes["reason"].startswith("the function ended over this job"):
            self.fatal.append(payload)


def message(job_name: str, **asks: int) -> str:
    """Return the body of a message, as the adapter writes it."""
    return json.dumps(
        {"job_name": job_name} | {name: asked for name, asked in asks.items() if asked}
    )


def received(message: Message) -> dict[str, Any]:
    """Return the message as a function gets it."""
    return {
        "messageId": message.message_id,
        "receiptHandle": message.message_id,
        "body": message.body,
        "attributes": {"ApproximateReceiveCount": str(message.receives)},
        "eventSource": "aws:sqs",
    }
