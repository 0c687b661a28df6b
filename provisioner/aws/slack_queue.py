"""The queue before Slack."""

from __future__ import annotations

from provisioner.aws.clients import client, translated


class SlackQueue:
    """Holds messages back."""

    def __init__(self, url: str) -> None:
        self._url = url

    def postpone(self, receipt_handle: str, seconds: int) -> None:
        """Let a message that was received come again in so many seconds, and no sooner."""
        with translated():
            client("sqs").change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
            )
