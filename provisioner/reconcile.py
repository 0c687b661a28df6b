"""Where pure meets I/O: one look at one job, and the one thing to do about it."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, assert_never

import templates
from provisioner import jobs
from provisioner.errors import ConflictError, NoChangesError, PermanentError, TemporaryError
from provisioner.jobs import Rejected
from provisioner.plan import (
    Action,
    ContinueRollback,
    Create,
    Delete,
    Desired,
    GiveUp,
    Nothing,
    Reject,
    Update,
    Wait,
    Wanted,
    decide,
)
from provisioner.ports import StackRequest
from provisioner.record import Done, Outcome, Postponed, Refused, Unchanged, after, unseen
from provisioner.stack import (
    CONTINUE,
    OWNER_TAG,
    Failure,
    JobStatus,
    StackRecord,
    StackState,
    request_token,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from provisioner.ports import Ports
    from provisioner.settings import Platform

_LOOKS = 3
"""Times that a job is looked at again at once, when somebody else acted meanwhile."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a look at a job came to, for the log."""

    action: Action
    outcome: Outcome
    record: StackRecord


class Reconciler:
    """Brings the stack of a job one step nearer to its row."""

    def __init__(
        self,
        ports: Ports,
        platform: Platform,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._ports = ports
        self._platform = platform
        self._clock = clock

    def reconcile(self, job_names: Iterable[str]) -> Iterator[tuple[str, Reconciled | Exception]]:
        """Look at each job once and act once; an error of one touches no other.

        Yields
        ------
        tuple
            The job's name, and what the look came to. An error means that the job must be looked
            at again later: nothing is known to have gone wrong for good.
        """
        names = list(dict.fromkeys(job_names))
        rows = self._ports.jobs.get_many(names)
        records = self._ports.stacks.get_many(names)
        for name in names:
            try:
                yield name, self._settle(name, rows.get(name), records.get(name))
            except Exception as error:  # noqa: BLE001  (whatever one job does, its neighbours go on)
                yield name, error

    def _settle(
        self, name: str, row: Mapping[str, object] | None, record: StackRecord | None
    ) -> Reconciled:
        for _ in range(_LOOKS - 1):
            try:
                return self._look(name, row, record)
            except ConflictError:
                row = self._ports.jobs.get_many([name]).get(name)
                record = self._ports.stacks.get_many([name]).get(name)
        return self._look(name, row, record)

    def _look(
        self, name: str, row: Mapping[str, object] | None, record: StackRecord | None
    ) -> Reconciled:
        now = self._clock()
        stack_name = jobs.stack_name(self._platform.prefix, name)
        record = record or StackRecord(name, stack_name=stack_name)
        try:
            desired = self._desired(row)
            observed = self._observe(name, stack_name)
        except PermanentError as error:
            return self._unseen(record, error, now)
        action = decide(desired, record, observed, now)
        outcome = self._apply(action, record, observed, now)
        fresh = after(record, desired, observed, action, outcome, now)
        self._keep(record, fresh, outcome, now)
        return Reconciled(action, outcome, fresh)

    def _unseen(self, record: StackRecord, error: PermanentError, now: datetime) -> Reconciled:
        failure = Failure(str(error), at=now)
        fresh = unseen(record, failure.reason, now)
        self._keep(record, fresh, Refused(failure), now)
        return Reconciled(GiveUp(failure), Refused(failure), fresh)

    def _observe(self, name: str, stack_name: str) -> StackState | None:
        if jobs.job_name_of(self._platform.prefix, stack_name) != name:
            return None  # no job can have this name, so no stack can
        return self._ports.cloudformation.describe(stack_name)

    def _desired(self, row: Mapping[str, object] | None) -> Desired:
        if row is None:
            return None
        job = jobs.parse(row)
        if isinstance(job, Rejected) or job.paused:
            return job if isinstance(job, Rejected) else Wanted(job, jobs.spec_digest(job))
        pinned = self._ports.pin(job)
        if isinstance(pinned, Rejected):
            return pinned
        return Wanted(pinned, jobs.spec_digest(pinned))

    def _apply(
        self, action: Action, record: StackRecord, observed: StackState | None, now: datetime
    ) -> Outcome:
        try:
            return Done(self._call(action, record, observed, now))
        except NoChangesError:
            return Unchanged()
        except ConflictError:
            raise
        except TemporaryError as error:
            return Postponed(str(error))
        except PermanentError as error:
            digest = action.wanted.digest if isinstance(action, Create | Update) else None
            return Refused(Failure(reason=str(error), at=now, digest=digest))

    def _call(
        self, action: Action, record: StackRecord, observed: StackState | None, now: datetime
    ) -> str | None:
        cloudformation = self._ports.cloudformation
        stack_id = observed.stack_id if observed else ""
        stack_name = jobs.stack_name(self._platform.prefix, record.job_name)
        match action:
            case Create(wanted):
                return cloudformation.create(
                    stack_name, self._request("create", wanted, record, now)
                )
            case Update(wanted):
                return cloudformation.update(
                    stack_name, self._request("update", wanted, record, now)
                )
            case Delete(retain_resources, force):
                token = request_token("delete", None, record.version)
                cloudformation.delete(stack_id, retain_resources, force=force, token=token)
            case ContinueRollback(resources_to_skip, force):
                failed = observed.failure.digest if observed and observed.failure else None
                token = request_token(CONTINUE, failed, record.version)
                cloudformation.continue_update_rollback(
                    stack_id, resources_to_skip, force=force, token=token
                )
            case Wait() | Nothing() | Reject() | GiveUp():
                pass
            case _:
                assert_never(action)
        return None

    def _request(
        self, verb: str, wanted: Wanted, record: StackRecord, now: datetime
    ) -> StackRequest:
        job = jobs.as_of(wanted.job, now)
        return StackRequest(
            template=templates.to_json(templates.build(job, self._platform)),
            parameters={"SpecDigest": wanted.digest, "DeletionPolicy": job.deletion_policy},
            tags={**job.tags, OWNER_TAG: self._platform.prefix, "job": job.job_name},
            token=request_token(verb, wanted.digest, record.version),
        )

    def _keep(
        self, before: StackRecord, fresh: StackRecord, outcome: Outcome, now: datetime
    ) -> None:
        never_was = not before.version and fresh.status is JobStatus.DELETED
        if fresh is not before and not never_was:
            self._ports.stacks.save(fresh)
        if isinstance(outcome, Postponed):
            self._ports.queue.send(before.job_name, delay_seconds=random.randint(2, 20))  # noqa: S311
        elif fresh.next_attempt_at and fresh.next_attempt_at != before.next_attempt_at:
            delay = math.ceil((fresh.next_attempt_at - now).total_seconds())
            self._ports.queue.send(before.job_name, delay_seconds=delay)
