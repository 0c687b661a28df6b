"""What can go wrong on this machine, said so that a person can act on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.errors import ProvisionerError

if TYPE_CHECKING:
    from pathlib import Path

_TAIL_LINES = 15


class LocalError(ProvisionerError):
    """The embedded engine cannot do what was asked; the message says why and what helps."""


def with_log_tail(message: str, log: Path) -> LocalError:
    """Return an error that ends in what the failed part last wrote."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:]
    except FileNotFoundError:
        lines = []
    tail = "".join(f"\n  {line}" for line in lines)
    return LocalError(f"{message}\n{log} ends in:{tail}" if lines else message)
