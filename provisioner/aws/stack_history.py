"""The last events of a stack, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.aws.clients import translated

if TYPE_CHECKING:
    from provisioner.aws.clients import Clients
    from provisioner.aws.stack_events import Event


def latest(clients: Clients, stack_id: str) -> list[Event]:
    """Return the last events of a stack, newest first: a page, 100 at most, in one call."""
    with translated():
        found: list[Event] = clients.cloudformation.describe_stack_events(StackName=stack_id)[
            "StackEvents"
        ]
    return found
