"""How far something has come that a caller waits for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """The status of one job or run; `succeeded` means something only when it is `done`."""

    status: str
    done: bool = False
    succeeded: bool = False
