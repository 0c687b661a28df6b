"""Bugs that a reconciler may have, each planted in what the functions are handed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any

from provisioner.jobs import InvalidRow, Job
from provisioner.settings import DeploymentMode
from provisioner.stacks import plan
from provisioner.stacks.actions import (
    ContinueRollback,
    Delete,
    Desired,
    GiveUp,
    Nothing,
    StackAction,
    Update,
    ValidRow,
    Wait,
)
from provisioner.stacks.model import JobStatus, StackRecord, StackState
from provisioner.stacks.ports import Ports, StackRequest
from provisioner.stacks.rate_limits import LONGEST_WAIT, Permit, Quota, Reservation
from provisioner.stacks.stack_status import StackStatus
from tests.simulation.stacks.bug import Bug
from tests.simulation.stacks.code import KEYS
from tests.simulation.stacks.deeds import RECOVERABLE
from tests.simulation.stacks.planted_builds import BUGS as OF_BUILDS
from tests.simulation.stacks.planted_canaries import BUGS as OF_CANARIES
from tests.simulation.stacks.planted_upgrades import BUGS as OF_UPGRADES
from tests.simulation.stacks.planting import Like, in_handler, ports_with
from tests.simulation.stacks.wiring import LookedUp, Watched
from tests.support.functions import having
from tests.support.platforms import PLATFORM

S = StackStatus
AS_IF_CLEAN = {
    S.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS: S.UPDATE_COMPLETE,
    S.UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS: S.UPDATE_ROLLBACK_COMPLETE,
}


# In what reads events


class Images:
    """Rows as the records of a batch show them."""

    def __init__(self, records: Iterable[Mapping[str, Any]]) -> None:
        self._rows: dict[str, dict[str, object]] = {}
        for each in records:
            content = each["dynamodb"]
            name = content.get("Keys", {}).get("job_name", {}).get("S")
            self._rows.pop(name, None)
            if "NewImage" in content:
                self._rows[name] = {
                    key: value
                    for key, typed in content["NewImage"].items()
                    for value in typed.values()
                }

    def get_many(self, job_names: Iterable[str]) -> dict[str, dict[str, object]]:
        return {name: self._rows[name] for name in job_names if name in self._rows}


def _with_images(real: Any, event: dict[str, Any], context: Any, runtime: Any) -> Any:
    ports = replace(runtime.ports, jobs=Images(event["Records"]))
    reconciler = Watched(ports, PLATFORM, runtime.clock, runtime.chance)
    return real(event, context, having(runtime, ports=ports, reconciler=reconciler))


def _new_rows_only(real: Any, event: dict[str, Any], context: Any, runtime: Any) -> Any:
    new = [each for each in event["Records"] if each["eventName"] == "INSERT"]
    return real({"Records": new}, context, runtime)


class Deaf(Like):
    """The reconcile queue; what failed does not get into it again."""

    def send(self, job_name: str, *, tries: int = 0, **asks: Any) -> None:
        if not tries:
            self.port.send(job_name, **asks)


def _without_requeueing(real: Any, event: dict[str, Any], context: Any, runtime: Any) -> Any:
    real(event, context, having(runtime, reconcile_queue=Deaf(runtime.reconcile_queue)))
    return {"batchItemFailures": []}


def _of_another_key(real: Any, event: dict[str, Any], context: Any, runtime: Any) -> Any:
    detail = event["detail"]
    if "object" not in detail:  # a build has ended
        return real(event, context, runtime)
    other = KEYS[detail["object"]["key"] == KEYS[0]]
    event = event | {"detail": detail | {"object": {"key": other}}}
    return real(event, context, runtime)


# In what is decided


def _forgetful(
    desired: Desired, record: StackRecord, observed: StackState | None, now: datetime
) -> StackAction:
    record = replace(record, failure=None, attempts=0, next_attempt_at=None)
    return plan.decide(desired, record, observed and replace(observed, failure=None), now)


def _not_retaining(
    desired: Desired, record: StackRecord, observed: StackState | None, now: datetime
) -> StackAction:
    if desired is None:
        record, observed = (
            replace(record, retain=False),
            observed and replace(observed, retain=False),
        )
    return plan.decide(desired, record, observed, now)


def _never_tired(
    desired: Desired, record: StackRecord, observed: StackState | None, now: datetime
) -> StackAction:
    if record.failure:
        failure = replace(record.failure, reason=RECOVERABLE)
        record = replace(record, attempts=0, failure=failure)
    if observed and observed.failure:
        failure = replace(observed.failure, reason=RECOVERABLE)
        observed = replace(observed, failure=failure)
    return plan.decide(desired, record, observed, now)


def _taking_all(
    desired: Desired, record: StackRecord, observed: StackState | None, now: datetime
) -> StackAction:
    return plan.decide(desired, record, observed and replace(observed, ours=True), now)


def _waiting_for_deletions(
    desired: Desired, record: StackRecord, observed: StackState | None, now: datetime
) -> StackAction:
    action = plan.decide(desired, record, observed, now)
    failed = observed is not None and observed.status is S.DELETE_FAILED
    return Wait(JobStatus.DELETING) if failed and isinstance(action, Delete | GiveUp) else action


def _waiting_for_rollbacks(
    desired: Desired, record: StackRecord, observed: StackState | None, now: datetime
) -> StackAction:
    action = plan.decide(desired, record, observed, now)
    return Wait(JobStatus.UPDATING) if isinstance(action, ContinueRollback) else action


def _repairing_paused(
    desired: Desired, record: StackRecord, observed: StackState | None, now: datetime
) -> StackAction:
    if isinstance(desired, ValidRow):
        desired = replace(desired, job=desired.job.model_copy(update={"paused": False}))
    return plan.decide(desired, record, observed, now)


def _where_something_is_missing(action: Callable[[ValidRow], StackAction]) -> plan.Decide:
    def decide(
        desired: Desired, record: StackRecord, observed: StackState | None, now: datetime
    ) -> StackAction:
        real = plan.decide(desired, record, observed, now)
        missing = observed and observed.drift and observed.drift.missing
        if missing and isinstance(desired, ValidRow) and isinstance(real, GiveUp | Update):
            return action(desired)
        return real

    return decide


# In what is written and called


class Overwriting(Like):
    def save(self, fresh: StackRecord) -> None:
        stored = self.port.records.get(fresh.job_name)
        self.port.save(replace(fresh, version=stored.version if stored else 0))


class KeepingTheOldDigest(Like):
    def save(self, fresh: StackRecord) -> None:
        stored = self.port.records.get(fresh.job_name)
        if stored and stored.spec_digest:
            failure = fresh.failure or stored.failure
            attempts = max(fresh.attempts, stored.attempts)
            kept = {"spec_digest": stored.spec_digest, "failure": failure, "attempts": attempts}
            fresh = replace(fresh, **kept)
        self.port.save(fresh)


class LeavingNothing(Like):
    def save(self, fresh: StackRecord) -> None:
        self.port.save(replace(fresh, retained_resources=()))


class ForgettingDeployments(Like):
    """The Stacks table, where a job that fails loses what it was."""

    def save(self, fresh: StackRecord) -> None:
        lost = {} if fresh.failure is None else {"deployments": ()}
        self.port.save(replace(fresh, **lost))


class Believed(Reservation):
    def is_ahead(self, now: datetime) -> bool:
        return self.at > now


class BelievingReservations(Like):
    def get_many(self, job_names: Iterable[str]) -> dict[str, StackRecord]:
        found = self.port.get_many(job_names)
        return {name: self._believed(record) for name, record in found.items()}

    def _believed(self, record: StackRecord) -> StackRecord:
        if record.reservation is None:
            return record
        values = {each.name: getattr(record.reservation, each.name) for each in fields(Reservation)}
        return replace(record, reservation=Believed(**values))


class BelievingLimits(Like):
    """The rate limiter; a time that a wrong clock wrote is waited for."""

    def reserve(self, quota: Quota, *, has_reservation: bool) -> Permit:
        return self._until(quota) or self.port.reserve(quota, has_reservation=has_reservation)

    def acquire(self, quota: Quota) -> Permit:
        return self._until(quota) or self.port.acquire(quota)

    def _until(self, quota: Quota) -> Permit | None:
        limit, now = self.port.limits.get(quota), self.port._clock()
        is_far = limit is not None and limit.next_reservation_at > now + timedelta(hours=1)
        return Permit(now + LONGEST_WAIT) if is_far else None


class SeeingItClean(Like):
    def describe(self, stack_name: str) -> StackState | None:
        found: StackState | None = self.port.describe(stack_name)
        return found and replace(found, status=AS_IF_CLEAN.get(found.status, found.status))


class InExpressModeOnly(Like):
    def known_mode(self, wanted: DeploymentMode) -> DeploymentMode:
        del wanted
        return DeploymentMode.EXPRESS


class KeepingArtifacts(Like):
    """The index, in which a job stays."""

    def remove(self, job_name: str, artifacts: Iterable[str], version: int) -> None:
        """Remove nothing."""


def _looking_once(ports: Ports) -> Ports:
    known: dict[str, str] = {}

    def pin(job: Job) -> Job | InvalidRow:
        found = ports.pin(job)
        if not isinstance(found, Job) or job.build or job.pin or job.bundle.version_id:
            return found
        version = known.setdefault(job.bundle.key, found.bundle.version_id)
        return LookedUp().pinned(job, version, None)

    return replace(ports, pin=pin)


class OneToken(Like):
    def create(self, stack_name: str, request: StackRequest) -> Any:
        return self.port.create(stack_name, replace(request, token="create"))

    def update(self, stack_id: str, request: StackRequest) -> None:
        self.port.update(stack_id, replace(request, token="update"))

    def delete(self, *stack: Any, token: str, **more: Any) -> None:
        del token
        self.port.delete(*stack, token="delete", **more)

    def continue_update_rollback(self, *stack: Any, token: str, **more: Any) -> None:
        del token
        self.port.continue_update_rollback(*stack, token="continue", **more)


BUGS = {
    "trusts_the_stream_image": Bug(handlers=in_handler("job_stream", _with_images)),
    "forgets_the_failed_digest": Bug(decide=_forgetful),
    "ignores_that_cleaning_up_takes_time": Bug(ports=ports_with(cloudformation=SeeingItClean)),
    "reconciles_new_rows_only": Bug(handlers=in_handler("job_stream", _new_rows_only)),
    "saves_over_what_others_wrote": Bug(ports=ports_with(stacks=Overwriting)),
    "deletes_what_is_to_be_retained": Bug(decide=_not_retaining),
    "tries_for_ever": Bug(decide=_never_tired),
    "takes_every_stack_for_its_own": Bug(decide=_taking_all),
    "waits_for_a_failed_deletion": Bug(decide=_waiting_for_deletions),
    "releases_records_whose_reconcile_failed": Bug(
        handlers=in_handler("job_stream", _without_requeueing)
    ),
    "drops_messages_whose_reconcile_failed": Bug(
        handlers=in_handler("reconcile_queue", _without_requeueing)
    ),
    "holds_a_new_row_to_the_failure_of_the_old": Bug(ports=ports_with(stacks=KeepingTheOldDigest)),
    "forgets_what_a_deletion_leaves_behind": Bug(ports=ports_with(stacks=LeavingNothing)),
    "forgets_deployments": Bug(ports=ports_with(stacks=ForgettingDeployments)),
    "gives_every_operation_the_same_token": Bug(ports=ports_with(cloudformation=OneToken)),
    "insists_on_a_deployment_mode": Bug(ports=ports_with(cloudformation=InExpressModeOnly)),
    "gives_up_on_a_rollback_that_failed": Bug(decide=_waiting_for_rollbacks),
    "repairs_rows_that_are_paused": Bug(decide=_repairing_paused),
    "overlooks_what_somebody_deleted": Bug(
        decide=_where_something_is_missing(lambda _: Nothing(JobStatus.READY))
    ),
    "updates_over_what_somebody_deleted": Bug(decide=_where_something_is_missing(Update)),
    "leaves_what_a_row_no_longer_names_in_the_index": Bug(
        ports=ports_with(artifact_index=KeepingArtifacts)
    ),
    "hears_of_another_artifact": Bug(handlers=in_handler("artifact_events", _of_another_key)),
    "looks_code_up_only_once": Bug(ports=_looking_once),
    "believes_every_time": Bug(
        ports=ports_with(stacks=BelievingReservations, rate_limiter=BelievingLimits)
    ),
    **OF_UPGRADES,
    **OF_BUILDS,
    **OF_CANARIES,
}
