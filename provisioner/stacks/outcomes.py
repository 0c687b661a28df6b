"""What came of a reconcile: one closed union of outcomes, and one result per job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from provisioner.settings import DeploymentMode
    from provisioner.stacks.actions import StackAction
    from provisioner.stacks.model import Failure, OtherMode, StackRecord
    from provisioner.stacks.rate_limits import Quota


@dataclass(frozen=True, slots=True)
class Done:
    """The call was accepted, or there was none to make.

    `mode` is the deployment mode of the operation that has begun, `other_mode` why it is not the
    one that was wanted.
    """

    stack_id: str | None = None
    mode: DeploymentMode | None = None
    other_mode: OtherMode | None = None


@dataclass(frozen=True, slots=True)
class Unchanged:
    """An update had nothing to do: the stack is what the row asks for."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The call was refused for good."""

    failure: Failure


OperationOutcome: TypeAlias = Done | Unchanged | Refused
"""What came of an action."""


@dataclass(frozen=True, slots=True)
class RateLimited:
    """Nothing was called, or not accepted; the job is reconciled again at `until`."""

    quota: Quota
    until: datetime


@dataclass(frozen=True, slots=True)
class Failed:
    """The reconcile did not end, or could not be recorded; the job has to be reconciled again."""

    error: Exception


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The result of one reconcile of a job; `Reconciler.reconcile` has the contract.

    `action` is None for a job that has to wait for a rate limiter, or whose reconcile failed before
    it decided. `record` is the job's Stacks row, as far as it is known. `requeue_after` is set when
    a message is on its way that has the job reconciled again.
    """

    action: StackAction | None
    outcome: OperationOutcome | RateLimited | Failed
    record: StackRecord
    requeue_after: timedelta | None = None

    @property
    def to_requeue(self) -> Exception | None:
        """The error for which the caller has to have the job reconciled again, if there is one."""
        if isinstance(self.outcome, Failed) and self.requeue_after is None:
            return self.outcome.error
        return None
