"""Rolling a job back automatically, when one of the first runs of a new deployment has failed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from provisioner.errors import PermanentError, StaleError, TemporaryError
from provisioner.service import canary_state, deployments
from provisioner.service.caller import Caller, Role
from provisioner.service.canary_state import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from provisioner.service.context import Service
    from provisioner.stacks.model import StackSummary

CALLER = Caller("provisioner", via="canary", role=Role.WRITE, proven=True)
"""In whose name a job is rolled back."""

_log = logging.getLogger(__name__)


def judge(
    service: Service, job_name: str, stack_of: Callable[[str], StackSummary | None]
) -> deployments.RollbackPlan | None:
    """Roll a job back if its row wants that, and one of the runs that decide has failed.

    It depends on what the tables and the stack say and on nothing else, so it may be called at any
    time and any number of times. Returns what was written, None if nothing was: nor is it where
    nothing can be gone back to, which the log says.

    Parameters
    ----------
    stack_of
        Returns the stack of an id as it is now.

    Raises
    ------
    TemporaryError
        If the row or the deployment changes in the meantime, or the stack carries another one than
        was recorded: then what it is decides.
    """
    row, record = service.row(job_name), service.record(job_name)
    state = canary_state.of(service, row, record)
    if row is None or record is None or state is None:
        return None
    if state.state is not State.FAILED or state.rolls_back_to is None:
        return None
    stack = stack_of(record.stack_id) if record.stack_id else None
    # The run may be of what was deployed since, and even of what could not be recorded yet.
    is_other = stack is not None and stack.digest != record.deployments[0].digest
    if is_other or service.record(job_name) != record:
        message = f"{job_name} was reconciled in the meantime"
        raise TemporaryError(message)
    if stack is None:
        return None
    why = f"run {state.run} of deployment {state.deployment} has failed"
    try:
        planned = deployments.plan_from(service, record, row, state.rolls_back_to, why=why)
        deployments.roll_back(service, planned)
    except StaleError as error:
        raise TemporaryError(str(error)) from error
    except PermanentError:  # the row of that time is not kept, or is no longer valid
        _log.exception("%s, and cannot be rolled back", why, extra={"job_name": job_name})
        return None
    return planned
