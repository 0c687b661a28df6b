"""What a reconcile reaches outside itself. `provisioner.aws` has one adapter for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from provisioner.settings import DeploymentMode

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from datetime import datetime

    from provisioner.jobs import InvalidRow, Job
    from provisioner.jobs.unbuilt import Unbuilt
    from provisioner.stacks.builds import BuildReport
    from provisioner.stacks.model import StackRecord, StackState
    from provisioner.stacks.rate_limits import Permit, Quota


@dataclass(frozen=True, slots=True)
class StackRequest:
    """What CreateStack and UpdateStack are asked for; `token` makes asking twice ask once."""

    template: str
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    token: str
    mode: DeploymentMode = DeploymentMode.STANDARD


class Jobs(Protocol):
    """The rows that people write."""

    def get_many(self, job_names: Iterable[str]) -> Mapping[str, Mapping[str, object]]:
        """Read rows consistently; a job without one is left out."""


class Stacks(Protocol):
    """What we know of each job's stack."""

    def get_many(self, job_names: Iterable[str]) -> Mapping[str, StackRecord]:
        """Read records consistently; a job without one is left out."""

    def save(self, record: StackRecord) -> None:
        """Write the successor of `record.version`, or raise ConflictError."""


class StackOperations(Protocol):
    """CloudFormation, as far as one stack goes. Every operation only starts.

    It raises DeploymentModeError when the stack takes it in the other deployment mode only.
    """

    def known_mode(self, wanted: DeploymentMode) -> DeploymentMode:
        """Return the mode to ask for: the standard one where the SDK knows no other."""

    def describe(self, stack_name: str) -> StackState | None:
        """Return the stack of that name, None when there is none."""

    def template(self, stack_id: str) -> str:
        """Return the template that a stack was last deployed with."""

    def create(self, stack_name: str, request: StackRequest) -> str:
        """Start CreateStack and return the stack's id, or raise StackLimitError."""

    def update(self, stack_id: str, request: StackRequest) -> None:
        """Start UpdateStack, or raise NoChangesError."""

    def delete(
        self,
        stack_id: str,
        retain_resources: Iterable[str],
        *,
        force: bool,
        token: str,
        mode: DeploymentMode = DeploymentMode.STANDARD,
    ) -> None:
        """Start DeleteStack."""

    def continue_update_rollback(
        self, stack_id: str, resources_to_skip: Iterable[str], *, force: bool, token: str
    ) -> None:
        """Start ContinueUpdateRollback."""

    def detect_drift(self, stack_id: str) -> None:
        """Start DetectStackDrift, or raise ConflictError when it runs."""


class Builds(Protocol):
    """CodeBuild, which builds the code of jobs."""

    def start(self, wanted: Unbuilt, token: str) -> str:
        """Start a build and return its id; the same token again starts it once.

        Raises
        ------
        TemporaryError
            If as many builds run as may, or CodeBuild does not take it for another such reason.
        """

    def find(self, build_id: str) -> BuildReport | None:
        """Return what has become of a build, None when CodeBuild does not know it."""

    def stop(self, build_id: str) -> None:
        """Stop a build; one that has ended, or that nobody knows, stays as it is."""


class ReconcileQueue(Protocol):
    """Jobs to reconcile later."""

    def send(
        self,
        job_name: str,
        *,
        delay_seconds: int = 0,
        retry: bool = False,
        detect_drift: bool = False,
    ) -> None:
        """Have a job reconciled, or its drift detected, at the earliest in `delay_seconds`.

        With `retry` its failures are reset first.
        """


class RateLimiter(Protocol):
    """The rate limits of CloudFormation, shared by all functions that call it in this Region.

    `reserve` and `acquire` answer at once, and raise TemporaryError when too many ask at once.
    """

    def reserve(self, quota: Quota, *, has_reservation: bool) -> Permit:
        """Let a caller continue, or reserve a time for it; see `rate_limits.reserve`."""

    def acquire(self, quota: Quota) -> Permit:
        """Use up the right to one call; see `rate_limits.acquire`."""

    def back_off(self, quota: Quota) -> None:
        """Grant nothing for a moment: a call was throttled."""

    def suspend(self, quota: Quota, reason: str) -> datetime:
        """Grant nothing for a while; return until when."""


class JobRuns(Protocol):
    """What runs of a job."""

    def stop_running(self, job_name: str, cause: str) -> int:
        """Stop a job's runs; return how many that were, 100 at most, 0 without a state machine."""


class Pauses(Protocol):
    """Schedules that are paused after failures."""

    def end_pause(self, job_name: str, now: datetime) -> None:
        """Let the failures of a job that is deleted count for no later job of its name."""


class DeletionBudget(Protocol):
    """How many stacks may go at once because their rows are gone."""

    def spend(self, job_name: str) -> bool:
        """Tell whether the deletion of a job's stack may begin; see `deletion_budget.spend`."""


class DependencyIndex(Protocol):
    """Which jobs wait for which, to write."""

    def change(self, job_name: str, *, before: Iterable[str], after: tuple[str, ...]) -> None:
        """Let a job wait for those in `after`, and no more for others of `before`."""


class ArtifactIndex(Protocol):
    """Which jobs track which artifacts, to write."""

    def add(self, job_name: str, artifacts: Iterable[str], version: int) -> None:
        """Have the job reconciled when one of these is pushed.

        `version` is that of the Stacks row that was read.
        """

    def remove(self, job_name: str, artifacts: Iterable[str], version: int) -> None:
        """Have the job reconciled no more when one of these is pushed.

        One stays that was added by who read this `version` of the Stacks row, or a later one.
        """


class Synthesize(Protocol):
    """Makes the template of a job's stack; pure."""

    def __call__(self, job: Job, now: datetime, missing: Collection[str]) -> str:
        """Return it as CloudFormation gets it, without the resources in `missing`."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything that a reconcile reaches.

    `pin` looks up the artifact that a job runs; `template_version` is of what `synthesize` makes.
    """

    jobs: Jobs
    stacks: Stacks
    cloudformation: StackOperations
    queue: ReconcileQueue
    rate_limiter: RateLimiter
    pin: Callable[[Job], Job | InvalidRow | Unbuilt]
    dependants: DependencyIndex
    artifact_index: ArtifactIndex
    deletion_budget: DeletionBudget
    runs: JobRuns
    pauses: Pauses
    synthesize: Synthesize
    template_version: str
    builds: Builds
