"""How a bug is planted: in an adapter, or in the handler of a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from provisioner.stacks.ports import Ports
from tests.simulation.stacks.bug import Handlers


class Like:
    """An adapter like another, but for what a subclass does otherwise."""

    def __init__(self, port: Any) -> None:
        self.port = port

    def __getattr__(self, name: str) -> Any:
        return getattr(self.port, name)


def ports_with(**kinds: type[Like]) -> Callable[[Ports], Ports]:
    def change(ports: Ports) -> Ports:
        return replace(ports, **{name: kind(getattr(ports, name)) for name, kind in kinds.items()})

    return change


def in_handler(
    name: str, handle: Callable[..., Any]
) -> Callable[[Handlers], Mapping[str, Callable[..., Any]]]:
    """Have a function's handler replaced by `handle`, which gets the real one first."""
    return lambda handlers: {name: partial(handle, handlers[name])}
