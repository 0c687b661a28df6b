"""Dead-letter messages of the queue and of S3: listed, redriven, discarded. For people."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, assert_never

from provisioner.aws.clients import translated
from provisioner.aws.failed_records import FAILED_RECORDS
from provisioner.aws.reconcile_queue import ReconcileQueue
from provisioner.dead_letters import redrive
from provisioner.dead_letters.content import JOB_STREAM, REDRIVEN, parsed
from provisioner.dead_letters.model import DeadLetterMessage, of_message, of_object
from provisioner.dead_letters.redrive import Invoke, ReconcileJobs, SendEvent
from provisioner.errors import NotFoundError, TemporaryError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provisioner.aws.clients import Clients

MOST = 1000
"""Messages of the queue, and objects in S3, that are read in one go."""

_HELD_SECONDS = 120
_BATCH = 10


@dataclass(frozen=True, slots=True)
class DeadLetterLocation:
    """Where dead-letter messages are, and what redriving them needs."""

    prefix: str
    dead_letter_queue_url: str
    artifacts_bucket: str
    reconcile_queue_url: str
    run_events_function: str


class HeldMessages:
    """Dead-letter messages while they are invisible to others.

    Parameters
    ----------
    expected
        How many messages the queue is said to have: no answer is waited for once so many have come.
        None to be sure that none is left.
    """

    def __init__(
        self, clients: Clients, place: DeadLetterLocation, expected: int | None = None
    ) -> None:
        self._clients = clients
        self._place = place
        self._expected = expected
        self._receipts: dict[str, str] = {}
        self._keys: dict[str, str] = {}
        self.messages: dict[str, DeadLetterMessage] = {}

    def take(self) -> None:
        """Receive what there is, oldest first."""
        found = [*self._messages(), *self._objects()]
        self.messages = {each.id: each for each in sorted(found, key=lambda each: each.at)}

    @property
    def is_complete(self) -> bool:
        """Whether these are all, as far as is known: others may hold some at the moment."""
        return len(self._receipts) >= (self._expected or 0) and len(self.messages) < MOST

    def release(self) -> None:
        """Make the messages that are left visible to others."""
        handles = list(self._receipts.values())
        for start in range(0, len(handles), _BATCH):
            entries = [
                {"Id": str(index), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for index, handle in enumerate(handles[start : start + _BATCH])
            ]
            with translated():
                self._clients.sqs.change_message_visibility_batch(
                    QueueUrl=self._place.dead_letter_queue_url, Entries=entries
                )

    def redrive(self, message: DeadLetterMessage) -> None:
        """Do again what a message asked for, and remove it if all of it could be done."""
        match redrive.step(message):
            case ReconcileJobs(job_names, has_rows):
                queue = ReconcileQueue(self._clients, self._place.reconcile_queue_url)
                for job_name in job_names:
                    queue.send(job_name, retry=True)
                if has_rows and message.id in self._keys:
                    named = {REDRIVEN: self._keys[message.id]}
                    self._invoke(JOB_STREAM, json.dumps(named))
            case SendEvent(payload):
                with translated():
                    self._clients.lambda_.invoke(
                        FunctionName=self._place.run_events_function,
                        InvocationType="Event",
                        Payload=payload.encode(),
                    )
            case Invoke(function, payload):
                self._invoke(function, payload)
            case None:
                pass
            case step:
                assert_never(step)
        if redrive.is_done(message):
            self.discard(message)

    def _invoke(self, function: str, payload: str) -> None:
        """Give a payload to one of the provisioner's functions, and wait for its answer."""
        with translated():
            answer = self._clients.lambda_.invoke(
                FunctionName=f"{self._place.prefix}_provisioner_{function}",
                Payload=payload.encode(),
            )
            text = answer["Payload"].read().decode()
        match parsed(text):
            case {"errorMessage": str(reason)}:
                raise TemporaryError(f"{function} fails again: {reason}")
            case {"batchItemFailures": [_, *_]}:
                raise TemporaryError(f"{function} fails again; its log says why")

    def discard(self, message: DeadLetterMessage) -> None:
        """Remove a message for good."""
        with translated():
            if message.id in self._receipts:
                self._clients.sqs.delete_message(
                    QueueUrl=self._place.dead_letter_queue_url,
                    ReceiptHandle=self._receipts[message.id],
                )
                del self._receipts[message.id]
            else:
                self._clients.s3.delete_object(
                    Bucket=self._place.artifacts_bucket, Key=self._keys[message.id]
                )
        del self.messages[message.id]

    def _messages(self) -> Iterator[DeadLetterMessage]:
        # The queue has long polling (template.yaml), so an empty answer means that it is empty.
        # Short polling asks some of SQS's servers: enough once all that are expected have come.
        while len(self._receipts) < MOST:
            at_once = self._expected is not None and len(self._receipts) >= self._expected
            with translated():
                response = self._clients.sqs.receive_message(
                    QueueUrl=self._place.dead_letter_queue_url,
                    MaxNumberOfMessages=_BATCH,
                    MessageSystemAttributeNames=["SentTimestamp"],
                    MessageAttributeNames=["All"],
                    VisibilityTimeout=_HELD_SECONDS,
                    **({"WaitTimeSeconds": 0} if at_once else {}),
                )
            fresh = [
                m for m in response.get("Messages", ()) if m["MessageId"] not in self._receipts
            ]
            if not fresh:
                return
            for message in fresh:
                self._receipts[message["MessageId"]] = message["ReceiptHandle"]
                yield self._of_message(message)

    def _of_message(self, message: dict[str, Any]) -> DeadLetterMessage:
        attributes = message.get("MessageAttributes", {})
        sent_ms = int(message["Attributes"]["SentTimestamp"])
        return of_message(
            message["MessageId"],
            message["Body"],
            {name: value.get("StringValue", "") for name, value in attributes.items()},
            datetime.fromtimestamp(sent_ms / 1000, UTC),
            self._place.prefix,
        )

    def _objects(self) -> Iterator[DeadLetterMessage]:
        bucket = self._place.artifacts_bucket
        with translated():
            found = self._clients.s3.list_objects_v2(
                Bucket=bucket, Prefix=FAILED_RECORDS, MaxKeys=MOST
            )
        for each in found.get("Contents", ()):
            try:
                with translated():
                    found = self._clients.s3.get_object(Bucket=bucket, Key=each["Key"])
                    body = found["Body"].read()
            except NotFoundError:  # it was removed in between
                continue
            text = body.decode(errors="replace")
            found_message = of_object(each["Key"], text, each["LastModified"].astimezone(UTC))
            self._keys[found_message.id] = each["Key"]
            yield found_message


@contextmanager
def hold(
    clients: Clients, place: DeadLetterLocation, expected: int | None = None
) -> Iterator[HeldMessages]:
    """Hold all dead-letter messages, and release those that are left in the end."""
    taken = HeldMessages(clients, place, expected)
    try:
        taken.take()
        yield taken
    finally:
        taken.release()


def about_how_many(clients: Clients, queue_url: str) -> int:
    """Return about how many messages a queue has, those included that somebody is reading."""
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    with translated():
        found = clients.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=counts)
    return sum(int(found["Attributes"][name]) for name in counts)
