"""The queues of jobs: one that starts runs, and one beside it where messages are parked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from provisioner.aws.clients import translated
from provisioner.jobs import stack_name
from provisioner.runs.messages import WAITING_SUFFIX, Message, message_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.aws.clients import Clients

MESSAGE_ID = "message_id"
"""Attribute of a message: its identity, from its producer, or from us when we send it on."""


class MessageQueues:
    """Sends, parks and unparks messages; Lambda receives those of the queue that starts runs."""

    def __init__(self, clients: Clients, prefix: str) -> None:
        self._clients = clients
        self._prefix = prefix
        self._urls: dict[str, str] = {}

    def park(self, job_name: str, message: Message) -> None:
        """Put a message into the waiting queue."""
        self._send(self._url(job_name, WAITING_SUFFIX), message)

    def send(self, job_name: str, message: Message, *, delay_seconds: int = 0) -> None:
        """Let a message start a run, at the earliest in `delay_seconds`."""
        self._send(self._url(job_name), message, DelaySeconds=delay_seconds)

    def unpark(self, job_name: str, count: int) -> int:
        """Move at most `count` parked messages back to where they start runs; return how many.

        A message that is sent and then not deleted comes twice, under the same identity.
        """
        url = self._url(job_name, WAITING_SUFFIX)
        with translated():
            found = self._clients.sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=count,
                MessageAttributeNames=[MESSAGE_ID],
                WaitTimeSeconds=1,  # asks all of SQS's servers: an empty answer means empty
            )
        messages = found.get("Messages", [])
        for message in messages:
            self.send(job_name, _message(message))
            with translated():
                self._clients.sqs.delete_message(
                    QueueUrl=url, ReceiptHandle=message["ReceiptHandle"]
                )
        return len(messages)

    def is_empty(self, job_name: str) -> bool:
        """Tell whether no message is parked, not even one that has just been received."""
        counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        with translated():
            found = self._clients.sqs.get_queue_attributes(
                QueueUrl=self._url(job_name, WAITING_SUFFIX), AttributeNames=counts
            )
        return not any(int(found["Attributes"][name]) for name in counts)

    def max_receives(self, job_name: str) -> int | None:
        """Return how often a message is received before it is a dead-letter message."""
        with translated():
            found = self._clients.sqs.get_queue_attributes(
                QueueUrl=self._url(job_name), AttributeNames=["RedrivePolicy"]
            )
        policy = json.loads(found.get("Attributes", {}).get("RedrivePolicy", "{}"))
        return int(policy["maxReceiveCount"]) if "maxReceiveCount" in policy else None

    def hide(self, job_name: str, receipt_handle: str, seconds: int) -> None:
        """Make a message that Lambda received invisible for so many seconds."""
        with translated():
            self._clients.sqs.change_message_visibility(
                QueueUrl=self._url(job_name),
                ReceiptHandle=receipt_handle,
                VisibilityTimeout=seconds,
            )

    def _url(self, job_name: str, suffix: str = "") -> str:
        name = stack_name(self._prefix, job_name) + suffix
        if name not in self._urls:
            with translated():
                self._urls[name] = str(self._clients.sqs.get_queue_url(QueueName=name)["QueueUrl"])
        return self._urls[name]

    def _send(self, url: str, message: Message, **more: int) -> None:
        identity = {"DataType": "String", "StringValue": message.id}
        with translated():
            self._clients.sqs.send_message(
                QueueUrl=url,
                MessageBody=message.body,
                MessageAttributes={MESSAGE_ID: identity},
                **more,
            )


def _message(received: Mapping[str, Any]) -> Message:
    given = received["MessageAttributes"][MESSAGE_ID]["StringValue"]
    return Message(message_id(given, received["MessageId"]), received["Body"])
