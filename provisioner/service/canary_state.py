"""How far the canary of a job's newest deployment is, and what comes next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from provisioner.jobs import InvalidRow, guarded
from provisioner.plain_text import counted
from provisioner.runs.canary import CanaryVerdict, progress_of
from provisioner.runs.keys import execution_name_of
from provisioner.runs.model import iso
from provisioner.stacks.model import JUDGED, Cause, JobStatus
from provisioner.stacks.rollback import asks_for

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any

    from provisioner.jobs import Job
    from provisioner.runs.canary import CanaryProgress
    from provisioner.service.context import Service
    from provisioner.stacks.model import Deployment, StackRecord


class State(StrEnum):
    """Where a canary stands."""

    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    """A run failed, and the job runs the deployment all the same: so far, or for good."""
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, slots=True)
class CanaryState:
    """The canary of a deployment.

    Attributes
    ----------
    deployment
        The number of the one that is judged.
    since
        When it was first seen to be there: later runs decide.
    runs
        How many decide.
    succeeded
        How many of them have.
    run
        The name of the run that decided, None while none has.
    rolls_back_to
        The deployment to which a failure rolls the job back; None if to none.
    """

    deployment: int
    since: datetime
    runs: int
    succeeded: int
    state: State
    run: str | None
    rolls_back_to: int | None

    @property
    def sentence(self) -> str:
        """Where it stands and what comes next, in a line."""
        to = self.rolls_back_to
        match self.state:
            case State.RUNNING:
                next_ = (
                    f"the first that fails rolls the job back to deployment {to}"
                    if to
                    else "a failure rolls nothing back"
                )
                return f"{self.succeeded} of {counted(self.runs, 'run')} succeeded; {next_}"
            case State.PASSED:
                return f"passed: {counted(self.runs, 'run')} succeeded"
            case State.FAILED:
                next_ = f"it is rolled back to deployment {to}" if to else "nothing is rolled back"
                return f"failed: run {self.run} failed; {next_}"
            case State.ROLLED_BACK:
                return f"rolled back: run {self.run} failed"

    def document(self) -> dict[str, object]:
        """Return it as JSON has it."""
        return {
            "deployment": self.deployment,
            "since": iso(self.since),
            "runs": self.runs,
            "succeeded": self.succeeded,
            "state": self.state.value,
            "run": self.run,
            "rolls_back_to": self.rolls_back_to,
        }


def of(
    service: Service, row: Mapping[str, Any] | None, record: StackRecord | None
) -> CanaryState | None:
    """Return the state of a job's canary, from its row, its Stacks row and two queries at most.

    None for a job without one, whose last deployment is not judged, or whose first runs are
    no longer stored.
    """
    job = guarded.parse(row) if row else None
    known = record.deployments if record else ()
    if row is None or record is None or job is None or isinstance(job, InvalidRow) or not known:
        return None
    if known[0].cause in JUDGED:
        return _of_newest(service, job, record, _target(job, row, record))
    if known[0].cause is Cause.ROLLBACK and len(known) > 1 and known[1].cause in JUDGED:
        return _of_former(service, job, known[1], until=known[0].at)
    return None


def _of_newest(
    service: Service, job: Job, record: StackRecord, target: int | None
) -> CanaryState | None:
    deployed, now = record.deployments[0], service.clock()
    found = progress_of(service.triggers, job, deployed.at, now, settled_at=record.ready_since)
    if found is None:
        return None
    states = {
        CanaryVerdict.OPEN: State.RUNNING,
        CanaryVerdict.PASSED: State.PASSED,
        CanaryVerdict.FAILED: State.FAILED,
    }
    return _state(job, deployed, found, states[found.verdict], target)


def _of_former(
    service: Service, job: Job, deployed: Deployment, until: datetime
) -> CanaryState | None:
    """Return the canary of the deployment that a job was rolled back from, if a run had failed."""
    found = progress_of(service.triggers, job, deployed.at, service.clock(), until=until)
    if found is None or found.verdict is not CanaryVerdict.FAILED:
        return None
    return _state(job, deployed, found, State.ROLLED_BACK, None)


def _state(
    job: Job, deployed: Deployment, found: CanaryProgress, state: State, target: int | None
) -> CanaryState:
    canary = job.deploy.canary if job.deploy else None
    return CanaryState(
        deployment=deployed.number,
        since=deployed.at,
        runs=canary.runs if canary else 0,
        succeeded=found.succeeded,
        state=state,
        run=execution_name_of(found.run) if found.run else None,
        rolls_back_to=None if found.verdict is CanaryVerdict.PASSED else target,
    )


def _target(job: Job, row: Mapping[str, Any], record: StackRecord) -> int | None:
    """Return the deployment to which a failure rolls a job back, None if to none.

    A row that is paused stays as it is, and one that asks for something else by now is what its
    author wants.
    """
    known, canary = record.deployments, job.deploy.canary if job.deploy else None
    wants_it = canary is not None and canary.rollback_on_failure and not job.paused
    is_at_rest = record.status is JobStatus.READY and asks_for(record, row, known[0])
    if not wants_it or not is_at_rest:
        return None
    return next((each.number for each in known if each.digest != known[0].digest), None)
