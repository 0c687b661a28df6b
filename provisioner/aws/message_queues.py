"""The queues of jobs: one that starts runs, and one beside it where messages wait for a place."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from provisioner.aws.clients import client, translated
from provisioner.jobs import stack_name
from provisioner.runs.messages import WAITING, Message, message_id

if TYPE_CHECKING:
    from collections.abc import Mapping

MESSAGE_ID = "message_id"
"""Attribute of a message: its identity, for one that was sent on, or as its producer has it."""


@cache
def queue_url(name: str) -> str:
    """Return the address of a queue."""
    with translated():
        return str(client("sqs").get_queue_url(QueueName=name)["QueueUrl"])


class MessageQueues:
    """Sends messages to and fro; the messages of the first queue are received by Lambda."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def put_aside(self, job_name: str, message: Message) -> None:
        """Let a message wait until it is brought back."""
        self._send(self._url(job_name, WAITING), message)

    def send(self, job_name: str, message: Message, *, delay_seconds: int = 0) -> None:
        """Let a message start a run, at the earliest in `delay_seconds`."""
        self._send(self._url(job_name), message, DelaySeconds=delay_seconds)

    def bring(self, job_name: str, most: int) -> int:
        """Send messages that wait back to where they start runs; return how many there were.

        A message that is sent and then not deleted comes twice, under the same identity.
        """
        url = self._url(job_name, WAITING)
        with translated():
            found = client("sqs").receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=most,
                MessageAttributeNames=[MESSAGE_ID],
                WaitTimeSeconds=1,  # asks all of SQS's servers: an empty answer means empty
            )
        messages = found.get("Messages", [])
        for message in messages:
            self.send(job_name, _message(message))
            with translated():
                client("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return len(messages)

    def is_empty(self, job_name: str) -> bool:
        """Tell whether no message waits, not even one that someone has just received."""
        counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        with translated():
            found = client("sqs").get_queue_attributes(
                QueueUrl=self._url(job_name, WAITING), AttributeNames=counts
            )
        return not any(int(found["Attributes"][name]) for name in counts)

    def hide(self, job_name: str, receipt_handle: str, seconds: int) -> None:
        """Let a message that Lambda received come again in so many seconds."""
        with translated():
            client("sqs").change_message_visibility(
                QueueUrl=self._url(job_name),
                ReceiptHandle=receipt_handle,
                VisibilityTimeout=seconds,
            )

    def _url(self, job_name: str, which: str = "") -> str:
        return queue_url(stack_name(self._prefix, job_name) + which)

    def _send(self, url: str, message: Message, **more: int) -> None:
        identity = {"DataType": "String", "StringValue": message.id}
        with translated():
            client("sqs").send_message(
                QueueUrl=url,
                MessageBody=message.body,
                MessageAttributes={MESSAGE_ID: identity},
                **more,
            )


def _message(received: Mapping[str, Any]) -> Message:
    given = received["MessageAttributes"][MESSAGE_ID]["StringValue"]
    return Message(message_id(given, received["MessageId"]), received["Body"])
