"""A function of the bootstrap, called by another part of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from provisioner.aws.clients import translated
from provisioner.errors import TemporaryError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.aws.clients import Clients


class Function:
    """Calls one function."""

    def __init__(self, clients: Clients, arn: str) -> None:
        self._clients = clients
        self._arn = arn

    def call_later(self, event: Mapping[str, object]) -> None:
        """Have the function called with an event, whatever comes of it."""
        with translated():
            self._clients.lambda_.invoke(
                FunctionName=self._arn, InvocationType="Event", Payload=json.dumps(event).encode()
            )

    def call(self, event: Mapping[str, object]) -> Any:  # noqa: ANN401
        """Call the function with an event and return its answer.

        Raises
        ------
        TemporaryError
            If it fails.
        """
        with translated():
            answer = self._clients.lambda_.invoke(
                FunctionName=self._arn, Payload=json.dumps(event).encode()
            )
            text = answer["Payload"].read().decode()
        if "FunctionError" in answer:
            message = f"the function {self._arn.rpartition(':')[2]} failed: see its log"
            raise TemporaryError(message)
        return json.loads(text)
