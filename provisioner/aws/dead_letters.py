"""Dead letters, wherever they lie: shown, done again, thrown away. For people."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, assert_never

from provisioner.aws.clients import translated
from provisioner.aws.reconcile_queue import ReconcileQueue
from provisioner.dead_letters.model import (
    Letter,
    Redrive,
    of_message,
    of_object,
    parsed,
    submission,
)
from provisioner.errors import NotFoundError, TemporaryError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provisioner.aws.clients import Clients

FAILED_RECORDS = "aws/lambda/"
"""Where Lambda puts what an event source mapping gave up (its on-failure destination in S3)."""

MOST = 1000
"""Letters of either place that are looked at in one go."""

_HELD_SECONDS = 120
_BATCH = 10


@dataclass(frozen=True, slots=True)
class Place:
    """What is needed to find letters and to do again what they ask for."""

    prefix: str
    dead_letter_queue_url: str
    artifacts_bucket: str
    reconcile_queue_url: str
    run_events_function: str


class Held:
    """Letters while nobody else gets at them."""

    def __init__(self, clients: Clients, place: Place) -> None:
        self._clients = clients
        self._place = place
        self._receipts: dict[str, str] = {}
        self._keys: dict[str, str] = {}
        self.letters: dict[str, Letter] = {}

    def take(self) -> None:
        """Hold what there is, oldest first."""
        found = [*self._messages(), *self._objects()]
        self.letters = {each.id: each for each in sorted(found, key=lambda letter: letter.at)}

    def release(self) -> None:
        """Let others get at the letters that are left."""
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

    def redrive(self, letter: Letter) -> None:
        """Have done again what a letter asks for; then it goes, unless a part of it cannot be.

        In that order: what is done twice is done once, what is lost is lost.
        """
        content = letter.content
        match content.redrive:
            case Redrive.LOOKS:
                queue = ReconcileQueue(self._clients, self._place.reconcile_queue_url)
                for job_name in content.job_names:
                    queue.send(job_name, retry=True)
            case Redrive.RUN_EVENT:
                with translated():
                    self._clients.lambda_.invoke(
                        FunctionName=self._place.run_events_function,
                        InvocationType="Event",
                        Payload=letter.payload.encode(),
                    )
            case Redrive.RUN_RECORDS:
                self._invoke("run_stream", letter.payload)
            case Redrive.NOTICE:
                self._invoke("notify", letter.payload)
            case Redrive.MESSAGE:
                self._invoke("unrouted", submission(letter))
            case Redrive.NOTHING | Redrive.IMPOSSIBLE:
                pass
            case _:
                assert_never(content.redrive)
        if not content.problem:
            self.discard(letter)

    def _invoke(self, function: str, payload: str) -> None:
        """Give a payload to one of the provisioner's functions, while one waits."""
        with translated():
            answer = self._clients.lambda_.invoke(
                FunctionName=f"{self._place.prefix}_provisioner_{function}",
                Payload=payload.encode(),
            )
            text = answer["Payload"].read().decode()
        said = parsed(text)
        match said:
            case {"errorMessage": str(reason)}:
                raise TemporaryError(f"{function} fails again: {reason}")
            case {"batchItemFailures": [_, *_]}:
                raise TemporaryError(f"{function} fails again; its log says why")

    def discard(self, letter: Letter) -> None:
        """Remove a letter for good."""
        with translated():
            if letter.id in self._receipts:
                self._clients.sqs.delete_message(
                    QueueUrl=self._place.dead_letter_queue_url,
                    ReceiptHandle=self._receipts[letter.id],
                )
                del self._receipts[letter.id]
            else:
                self._clients.s3.delete_object(
                    Bucket=self._place.artifacts_bucket, Key=self._keys[letter.id]
                )
        del self.letters[letter.id]

    def _messages(self) -> Iterator[Letter]:
        # The queue itself is polled long (template.yaml), so nothing is there when nothing comes.
        while len(self._receipts) < MOST:
            with translated():
                response = self._clients.sqs.receive_message(
                    QueueUrl=self._place.dead_letter_queue_url,
                    MaxNumberOfMessages=_BATCH,
                    MessageSystemAttributeNames=["SentTimestamp"],
                    MessageAttributeNames=["All"],
                    VisibilityTimeout=_HELD_SECONDS,
                )
            fresh = [
                m for m in response.get("Messages", ()) if m["MessageId"] not in self._receipts
            ]
            if not fresh:
                return
            for message in fresh:
                self._receipts[message["MessageId"]] = message["ReceiptHandle"]
                yield self._of_message(message)

    def _of_message(self, message: dict[str, Any]) -> Letter:
        attributes = message.get("MessageAttributes", {})
        sent_ms = int(message["Attributes"]["SentTimestamp"])
        return of_message(
            message["MessageId"],
            message["Body"],
            {name: value.get("StringValue", "") for name, value in attributes.items()},
            datetime.fromtimestamp(sent_ms / 1000, UTC),
            self._place.prefix,
        )

    def _objects(self) -> Iterator[Letter]:
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
            except NotFoundError:  # somebody was faster
                continue
            text = body.decode(errors="replace")
            letter = of_object(each["Key"], text, each["LastModified"].astimezone(UTC))
            self._keys[letter.id] = each["Key"]
            yield letter


@contextmanager
def held(clients: Clients, place: Place) -> Iterator[Held]:
    """Hold all letters, and let go of those that are left in the end."""
    taken = Held(clients, place)
    try:
        taken.take()
        yield taken
    finally:
        taken.release()
