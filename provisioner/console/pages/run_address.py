"""Which run an address names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.console.pages.queries import text
from provisioner.runs.keys import trigger_id

if TYPE_CHECKING:
    from provisioner.console.http import Request


def key_of(request: Request) -> str:
    """Return how to find the run: at once by its key, if the address says when it began."""
    run, at = request.parts["run"], text(request.query, "at")
    return trigger_id(at, run) if at else run
