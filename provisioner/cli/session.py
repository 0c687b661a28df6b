"""The service of one bootstrap, for the time of a command."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from provisioner.aws.clients import Clients, translated
from provisioner.cli.options import usage_errors
from provisioner.service.context import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provisioner.service.context import Service

_CLIENTS: ContextVar[Clients | None] = ContextVar("_CLIENTS", default=None)


@contextmanager
def using(clients: Clients) -> Iterator[None]:
    """Let the commands inside work through these clients, not through the environment's."""
    token = _CLIENTS.set(clients)
    try:
        yield
    finally:
        _CLIENTS.reset(token)


@contextmanager
def session(stack_name: str) -> Iterator[Service]:
    """Give access to a bootstrap; AWS's errors leave the block as ours."""
    clients = _CLIENTS.get() or Clients()
    with usage_errors(), translated():
        yield connect(stack_name, clients, lambda: datetime.now(UTC))
