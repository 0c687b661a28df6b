"""Inputs of runs, in their rows or, when they are large, in the artifacts bucket."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from provisioner.aws.clients import translated
from provisioner.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.aws.clients import Clients


def payload_of(clients: Clients, text: str) -> Mapping[str, object] | None:
    """Return the payload that a row's `input` holds or points to, None when it is lost."""
    found = text_at(clients, text) if text.startswith("s3://") else text
    if found is None:
        return None
    try:
        payload = json.loads(found)
    except (ValueError, RecursionError):
        return None
    return payload if isinstance(payload, dict) else None


def text_at(clients: Clients, location: str) -> str | None:
    """Return the text at `s3://bucket/key`, None when it is lost, or not this caller's to read."""
    bucket, _, key = location.removeprefix("s3://").partition("/")
    try:
        with translated():
            found = clients.s3.get_object(Bucket=bucket, Key=key)
            return str(found["Body"].read().decode())
    except (PermanentError, UnicodeDecodeError):
        return None
