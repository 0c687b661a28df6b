"""A secret of Secrets Manager, read now and then."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from provisioner.aws.clients import translated
from provisioner.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Callable

    from provisioner.aws.clients import Clients

KEPT_SECONDS = 300


class Secret:
    """One secret's text; a change of it is seen after five minutes, or when it is forgotten."""

    def __init__(
        self, clients: Clients, arn: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clients = clients
        self._arn = arn
        self._clock = clock
        self._read_at = 0.0
        self._value: str | None = None

    def value(self) -> str:
        """Return the text."""
        if self._value is None or self._clock() - self._read_at >= KEPT_SECONDS:
            with translated():
                found = self._clients.secretsmanager.get_secret_value(SecretId=self._arn)
            if "SecretString" not in found:
                message = f"{self._arn} is binary, not text"
                raise PermanentError(message)
            self._value = str(found["SecretString"])
            self._read_at = self._clock()
        return self._value

    def forget(self) -> None:
        """Have it read again when it is asked for next."""
        self._value = None
