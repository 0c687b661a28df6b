"""The caller's identity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.aws.clients import translated

if TYPE_CHECKING:
    from provisioner.aws.clients import Clients


def caller_arn(clients: Clients) -> str:
    """Return the ARN of the user or role in whose name this process calls AWS."""
    with translated():
        return str(clients.sts.get_caller_identity()["Arn"])
