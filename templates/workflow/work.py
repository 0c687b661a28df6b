"""What a job type gives the workflow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from templates.workflow.programs import INSUFFICIENT_CAPACITY

if TYPE_CHECKING:
    from provisioner.jobs import Spot
    from templates.workflow.jsonata import Expression, Value
    from templates.workflow.states import State


@dataclass(frozen=True, slots=True)
class Work:
    """What ``Run`` does: one service integration, and how its result reads."""

    resource: str
    arguments: State | Expression
    timeout_seconds: int
    refusals: tuple[str, ...]
    """Errors that mean nothing was started, so that trying again repeats nothing."""
    problem: Value
    """Why an input cannot be run, or an empty text."""
    details: Value
    """What `outcome` says of a success beyond its status (`provisioner.runs.keys.DETAILS`)."""
    output: Expression
    """The result as the caller and the row get it."""
    result_key: Expression | None
    """The key in the artifacts bucket at which the work leaves its result, if it does."""
    failure: Expression
    """Statements that read the service's own report of a failure (`programs`)."""
    failure_details: tuple[Value, ...] = ()
    """What `outcome` says of a failure beyond that report; `$named` is its error."""
    slow_refusals: tuple[str, ...] = (INSUFFICIENT_CAPACITY,)
    """Those of them that pass within minutes, not within seconds."""
    before: dict[str, object] = field(default_factory=dict)
    """States that lead to the first attempt, in their order."""
    after_failure: dict[str, object] = field(default_factory=dict)
    """States between a failed attempt and the rules of what becomes of it, in their order."""
    least_seconds: int = 1
    """With less time left another attempt is not begun."""
    heartbeat_seconds: int | None = None
    """How many seconds an attempt may be silent."""
    spot: Spot = "never"
    """Whether attempts start on Spot capacity (`templates.workflow.spot`)."""

    @property
    def leaves_spot(self) -> Spot:
        """The same for the rules of a failure, unless the states before them leave Spot."""
        return "never" if self.after_failure else self.spot

    @property
    def first(self) -> str:
        """The state that the work begins with."""
        return next(iter(self.before), "Run")
