"""The clients that all tests of a process share: making them takes longer than most tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from provisioner.aws.clients import Clients

CLIENTS = Clients()


@contextmanager
def heard(client: Any, event: str, hear: Callable[..., Any]) -> Iterator[None]:
    """Have a client tell of its calls for as long as this lasts: later tests have it as well."""
    client.meta.events.register(event, hear)
    try:
        yield
    finally:
        client.meta.events.unregister(event, hear)
