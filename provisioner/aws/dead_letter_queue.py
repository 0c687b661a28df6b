"""The dead-letter queue, to which functions send what fails for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.aws.clients import translated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.aws.clients import Clients

MAX_BODY_BYTES = 262_144
"""The most that a message to a job has; the queue accepts 1 MiB (template.yaml) with attributes."""

_MAX_ATTRIBUTE_CHARACTERS = 1000


class DeadLetterQueue:
    """Keeps payloads together with the reason why they failed."""

    def __init__(self, clients: Clients, url: str) -> None:
        self._clients = clients
        self._url = url

    def send(self, payload: str, attributes: Mapping[str, str]) -> None:
        """Send a payload.

        Parameters
        ----------
        payload
            Cut if it is larger than a message may be.
        attributes
            Become message attributes of type String; empty ones are left out.
        """
        with translated():
            self._clients.sqs.send_message(
                QueueUrl=self._url,
                MessageBody=_printable(payload.encode()[:MAX_BODY_BYTES].decode(errors="ignore")),
                MessageAttributes={
                    name: {
                        "DataType": "String",
                        "StringValue": _printable(value[:_MAX_ATTRIBUTE_CHARACTERS]),
                    }
                    for name, value in attributes.items()
                    if value
                },
            )


def _printable(text: str) -> str:
    """Replace what SQS refuses in a text: control characters but tab and line ends."""
    shown = (c if (c >= " " and c not in "\ufffe\uffff") or c in "\t\n\r" else "�" for c in text)
    return "".join(shown) or " "
