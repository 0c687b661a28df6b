"""Bugs that a reconciler may have, each planted in the product's own functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from provisioner.entrypoints import job_stream, reconcile_queue, reconciling
from provisioner.stacks import (
    actions,
    attempts,
    operations,
    plan,
    quotas,
    rate_limits,
    reconcile,
    record,
    results,
)
from provisioner.stacks.actions import Action, Desired
from provisioner.stacks.attempts import Attempts
from provisioner.stacks.model import (
    IN_PROGRESS,
    SETTLED,
    JobStatus,
    StackRecord,
    StackState,
    StackStatus,
)
from provisioner.stacks.reconcile import Reconciler
from tests.simulation.world.tables import StacksTable
from tests.support.platforms import PLATFORM

S = StackStatus
Plant = Callable[[pytest.MonkeyPatch], None]

CLEANUP = {S.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS, S.UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS}


class _Images:
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


def trusts_the_stream_image(patch: pytest.MonkeyPatch) -> None:
    real = job_stream.handler

    def handler(event: dict[str, Any], context: Any) -> Any:
        world = reconciling.reconciler()
        ports = replace(reconciling.ports(), jobs=_Images(event["Records"]))
        with pytest.MonkeyPatch.context() as inner:
            own = Reconciler(ports, PLATFORM, world._clock, world._results._chance)
            inner.setattr(reconciling, "reconciler", lambda: own)
            return real(event, context)

    patch.setattr(job_stream, "handler", handler)


def forgets_the_failed_digest(patch: pytest.MonkeyPatch) -> None:
    real = Attempts.verdict
    patch.setattr(Attempts, "verdict", lambda known, _, now: real(known, None, now))


def ignores_that_cleaning_up_takes_time(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(plan, "IN_PROGRESS", IN_PROGRESS - CLEANUP)
    for module in (plan, record):
        patch.setattr(module, "SETTLED", SETTLED | CLEANUP)


def reconciles_new_rows_only(patch: pytest.MonkeyPatch) -> None:
    real = job_stream.handler

    def handler(event: dict[str, Any], context: Any) -> Any:
        new = [each for each in event["Records"] if each["eventName"] == "INSERT"]
        return real({"Records": new}, context)

    patch.setattr(job_stream, "handler", handler)


def saves_over_what_others_wrote(patch: pytest.MonkeyPatch) -> None:
    real = StacksTable.save

    def save(table: StacksTable, fresh: StackRecord) -> None:
        stored = table.records.get(fresh.job_name)
        real(table, replace(fresh, version=stored.version if stored else 0))

    patch.setattr(StacksTable, "save", save)


def deletes_what_is_to_be_retained(patch: pytest.MonkeyPatch) -> None:
    real = plan._decide_absent

    def decide(known: StackRecord, observed: StackState | None, now: Any) -> Action:
        return real(replace(known, retain=False), observed and replace(observed, retain=False), now)

    patch.setattr(plan, "_decide_absent", decide)


def tries_for_ever(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(attempts, "is_recoverable", lambda _: True)
    patch.setattr(attempts, "MAX_ATTEMPTS", 1_000_000)


def takes_every_stack_for_its_own(patch: pytest.MonkeyPatch) -> None:
    real = plan.decide

    def decide(
        desired: Desired, known: StackRecord, observed: StackState | None, now: Any
    ) -> Action:
        return real(desired, known, observed and replace(observed, ours=True), now)

    patch.setattr(reconcile, "decide", decide)


def waits_for_a_failed_deletion(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(plan, "_delete_again", lambda *_: actions.Wait(JobStatus.DELETING))


def releases_records_whose_look_failed(patch: pytest.MonkeyPatch) -> None:
    def reconcile_or_queue(job_names: Iterable[str], context: Any) -> dict[str, Exception]:
        reconciling.reconcile(job_names, context)
        return {}

    patch.setattr(job_stream, "reconcile_or_queue", reconcile_or_queue)


def drops_messages_whose_look_failed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reconcile_queue, "_settled", lambda *_: True)


def holds_a_new_row_to_the_failure_of_the_old(patch: pytest.MonkeyPatch) -> None:
    def want(known: StackRecord, desired: Desired) -> StackRecord:
        known = replace(record.with_deletion_policy(known, desired), errors=())
        digest = desired.digest if isinstance(desired, actions.ValidRow) else known.spec_digest
        return replace(known, spec_digest=known.spec_digest or digest)

    patch.setattr(record, "_want", want)


def forgets_what_a_deletion_leaves_behind(patch: pytest.MonkeyPatch) -> None:
    for module in (record, results):
        patch.setattr(module, "with_retained_resources", lambda known, _: known)


def gives_every_operation_the_same_token(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(operations, "request_token", lambda verb, *_: verb)


def gives_up_on_a_rollback_that_failed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(plan, "_continue_rollback", lambda *_: actions.Wait(JobStatus.UPDATING))


def repairs_rows_that_are_paused(patch: pytest.MonkeyPatch) -> None:
    real = plan.decide

    def decide(desired: Desired, *more: Any) -> Action:
        if isinstance(desired, actions.ValidRow):
            job = desired.job.model_copy(update={"paused": False})
            desired = replace(desired, job=job)
        return real(desired, *more)

    for module in (reconcile, quotas):
        patch.setattr(module, "decide", decide)


def overlooks_what_somebody_deleted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(plan, "_decide_missing", lambda *_: actions.Nothing(JobStatus.READY))


def updates_over_what_somebody_deleted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(plan, "_decide_missing", lambda desired, *_: actions.Update(desired))


def believes_every_time(patch: pytest.MonkeyPatch) -> None:
    for module in (rate_limits, attempts):
        patch.setattr(module, "is_plausible", lambda *_: True)


BUGS: tuple[Plant, ...] = (
    trusts_the_stream_image,
    forgets_the_failed_digest,
    ignores_that_cleaning_up_takes_time,
    reconciles_new_rows_only,
    saves_over_what_others_wrote,
    deletes_what_is_to_be_retained,
    tries_for_ever,
    takes_every_stack_for_its_own,
    waits_for_a_failed_deletion,
    releases_records_whose_look_failed,
    drops_messages_whose_look_failed,
    holds_a_new_row_to_the_failure_of_the_old,
    forgets_what_a_deletion_leaves_behind,
    gives_every_operation_the_same_token,
    gives_up_on_a_rollback_that_failed,
    repairs_rows_that_are_paused,
    overlooks_what_somebody_deleted,
    updates_over_what_somebody_deleted,
    believes_every_time,
)
