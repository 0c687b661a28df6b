"""The notification topic, which tells people and programs what has happened to jobs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from provisioner.aws.clients import client, translated

if TYPE_CHECKING:
    from provisioner.notifications.detection import Notice


class NotificationTopic:
    """Publishes notices: JSON for programs, text for people who read mail."""

    def __init__(self, arn: str) -> None:
        self._arn = arn

    def publish(self, notice: Notice) -> None:
        """Tell all subscribers whose filters let the notice's attributes through."""
        document = json.dumps(notice.document(), ensure_ascii=False)
        with translated():
            client("sns").publish(
                TopicArn=self._arn,
                Subject=notice.subject,
                Message=json.dumps({"default": document, "email": notice.text}),
                MessageStructure="json",
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value}
                    for name, value in notice.attributes.items()
                },
            )
