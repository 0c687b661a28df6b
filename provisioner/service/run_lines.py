"""A run as a line of a list."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from provisioner.runs.keys import execution_name_of, started_at_of
from provisioner.runs.model import time_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class RunLine:
    """What a list shows of a run.

    Attributes
    ----------
    run
        The name of its execution, by which people and other functions name it.
    status
        A `RunStatus`; "-" when somebody wrote something else there.
    started_by
        Who is said to have started it: whoever may start executions can write it.
    attempts
        None while it runs.
    error
        At most 200 characters; `error_group` is the error and its cause without what differs.
    estimated_cost
        In USD, None when it has no estimate.
    """

    run: str
    trigger_id: str
    job_name: str
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    started_by: str | None
    source: str | None
    attempts: int | None
    error: str | None
    error_group: str | None
    estimated_cost: Decimal | None

    @property
    def reason(self) -> str | None:
        """Why it failed, in the same words for runs that failed for the same reason."""
        return self.error_group or self.error


def line_of(row: Mapping[str, Any]) -> RunLine:
    """Return the line of a run's row, or of its entry in an index.

    Whatever its row says instead of what belongs there reads as if it were absent.
    """
    key = str(row["trigger_id"])
    attempts, cost = row.get("attempts"), row.get("estimated_cost")
    return RunLine(
        run=execution_name_of(key),
        trigger_id=key,
        job_name=str(row["job_name"]),
        status=_text(row.get("status")) or "-",
        started_at=time_of(row.get("started_at")) or time_of(started_at_of(key)),
        ended_at=time_of(row.get("ended_at")),
        started_by=_text(row.get("started_by")),
        source=_text(row.get("source")),
        attempts=int(attempts) if isinstance(attempts, int | Decimal) else None,
        error=_text(row.get("error")),
        error_group=_text(row.get("error_group")),
        estimated_cost=Decimal(cost) if isinstance(cost, int | Decimal) else None,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
