"""The notification topic: what has happened to jobs, for people and programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from provisioner.aws.clients import translated
from provisioner.notifications import text
from provisioner.notifications.document import attributes, to_document

if TYPE_CHECKING:
    from provisioner.aws.clients import Clients
    from provisioner.notifications.model import Notification


class NotificationTopic:
    """Publishes notifications: JSON for programs, text for people who read mail."""

    def __init__(self, clients: Clients, arn: str) -> None:
        self._clients = clients
        self._arn = arn

    def publish(self, notification: Notification) -> None:
        """Publish a notification to all subscribers whose filters match its attributes."""
        published = json.dumps(to_document(notification), ensure_ascii=False)
        with translated():
            self._clients.sns.publish(
                TopicArn=self._arn,
                Subject=text.subject(notification),
                Message=json.dumps({"default": published, "email": text.mail(notification)}),
                MessageStructure="json",
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value}
                    for name, value in attributes(notification).items()
                },
            )
