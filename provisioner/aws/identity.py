"""Who is asking."""

from __future__ import annotations

from provisioner.aws.clients import client, translated


def caller_arn() -> str:
    """Return the ARN of the user or role in whose name this process calls AWS."""
    with translated():
        return str(client("sts").get_caller_identity()["Arn"])
