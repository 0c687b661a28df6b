"""The queue of messages that wait to be sent to Slack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.aws.clients import translated

if TYPE_CHECKING:
    from provisioner.aws.clients import Clients


class SlackQueue:
    """Delays messages that were received."""

    def __init__(self, clients: Clients, url: str) -> None:
        self._clients = clients
        self._url = url

    def postpone(self, receipt_handle: str, seconds: int) -> None:
        """Make a message that was received visible again in so many seconds, and no sooner."""
        with translated():
            self._clients.sqs.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
            )
