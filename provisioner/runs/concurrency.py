"""Runs that messages start: never more at once than the `max_concurrency` of the job's row.

A message that finds no free slot is parked in a queue that nothing polls; each run that ends
unparks as many messages as it had itself. So no message circulates while it waits, waiting uses up
none of its receives, and what is in SQS's dead-letter queue really could not be started. Every step
can be repeated: a message keeps its identity, its run is named after it, and Step Functions starts
a name once. A run of several messages is named after all of them; as one that is delivered again
comes with others, each is claimed for its run before that is started.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from provisioner.errors import ConflictError, PermanentError, TemporaryError
from provisioner.runs.messages import Limits, MessageBatch, batches
from provisioner.runs.model import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from provisioner.runs.messages import Message
    from provisioner.runs.ports import (
        ConcurrencySlots,
        Executions,
        MessageQueues,
        QueueLimits,
        Submissions,
    )

RETRY_SECONDS = 30
"""Delay before a message is tried again whose run could not be started for the moment."""

QUIET = timedelta(minutes=2)
"""Longer than a start takes: a slot acquired so long ago has a running execution, or is lost.

So is a claim.
"""

_MAX_RUNS_PER_SWEEP = 100


@dataclass(frozen=True, slots=True)
class Unstarted:
    """Why messages have neither started a run nor been parked, by message id.

    Attributes
    ----------
    kept
        Of those that stay in the queue: SQS delivers them again, and counts.
    sent_again
        Of those that failed only for the moment, and are in the queue again.
    """

    kept: dict[str, Exception] = field(default_factory=dict)
    sent_again: dict[str, Exception] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MessageRuns:
    """Starts runs for messages, and unparks messages when a slot is free."""

    slots: ConcurrencySlots
    queues: MessageQueues
    executions: Executions
    limits: QueueLimits
    submissions: Submissions
    clock: Callable[[], datetime]

    def start(self, job_name: str, messages: Iterable[Message]) -> Unstarted:
        """Start runs for messages, or park the messages until a slot is free."""
        distinct = {message.id: message for message in messages}.values()
        unstarted = Unstarted()
        try:
            limits = self.limits.queue_limits(job_name)
            if limits is None:
                raise TemporaryError(f"the stack of {job_name} is not ready")  # noqa: TRY301
        except Exception as error:  # noqa: BLE001  (whatever it is, the messages are tried again)
            self._note(job_name, distinct, error, unstarted)
            return unstarted
        for batch in batches(distinct, limits):
            left = list(batch.messages)
            try:
                self._start_or_park(job_name, left, limits)
            except Exception as error:  # noqa: BLE001  (one batch's error must not stop the others)
                self._note(job_name, left, error, unstarted)
        return unstarted

    def run_ended(self, job_name: str, run: str) -> None:
        """Release the slot of a run that has ended, and unpark messages for it."""
        slots = self.slots.release(job_name, run)
        if slots is None or slots.parked_at is None:
            return
        if limits := self.limits.queue_limits(job_name):
            self._unpark(job_name, limits, slots.parked_at)

    def jobs_with_parked_messages(self, until: datetime) -> list[str]:
        """Return the jobs of which messages have been parked since before `until`."""
        return list(self.slots.jobs_with_parked_messages(until))

    def recover(self, job_name: str) -> int:
        """Release the slots of runs whose end was missed, and use all free slots; return how many.

        The sweep calls it: a lost event must not keep messages parked.
        """
        slots = self.slots.get(job_name)
        if slots.parked_at is None:
            return 0
        limits = self.limits.queue_limits(job_name)
        if limits is None:  # the queue is gone, with all messages that were parked
            self.slots.clear_parked(job_name, slots.parked_at)
            return 0
        in_use = set(slots.in_use)
        if slots.acquired_at < iso(self.clock() - QUIET):
            in_use -= self._release_ended(job_name, slots.in_use)
        unparked = 0
        while unparked < min(limits.max_concurrency - len(in_use), _MAX_RUNS_PER_SWEEP):
            if not self._unpark(job_name, limits, slots.parked_at):
                break
            unparked += 1
        return unparked

    def _release_ended(self, job_name: str, runs: Iterable[str]) -> set[str]:
        ended = {run for run in runs if self._has_ended(job_name, run)}
        for run in ended:
            self.slots.release(job_name, run)
        return ended

    def _start_or_park(self, job_name: str, left: list[Message], limits: Limits) -> None:
        """Start a run for a batch's messages, or park them; what is done with leaves the list."""
        while left:
            batch = MessageBatch(tuple(left), whole=limits.batch_size == 1)
            execution_input = batch.input()
            if not self.slots.acquire(job_name, batch.run, limits.max_concurrency, self.clock()):
                self._park(job_name, left, limits)
                return
            others = set() if batch.whole else self._claimed_by_others(job_name, batch)
            if not others:
                self._start(job_name, batch.run, execution_input)
                return
            self.run_ended(job_name, batch.run)
            left[:] = [message for message in left if message.id not in others]

    def _start(self, job_name: str, run: str, execution_input: str) -> None:
        """Start a run that has its slot, and may have been started before.

        When it is not known whether it was started its slot is kept: the same name is started
        again.
        """
        try:
            self.executions.start(job_name, run, execution_input)
        except ConflictError:
            if self._has_ended(job_name, run):
                self.run_ended(job_name, run)
        except PermanentError:
            self.slots.release(job_name, run)
            raise

    def _claimed_by_others(self, job_name: str, batch: MessageBatch) -> set[str]:
        """Claim a batch's messages for its run, unless other runs have some: return which.

        A claim is all that is left of a function that ended before it started the run. Only an
        attempt to start a run shows that, so the claim is withdrawn then.

        Raises
        ------
        TemporaryError
            If the run of a claim may be about to start.
        """
        ids = [message.id for message in batch.messages]
        claims = self.submissions.claim(job_name, ids, batch.run)
        unknown = {
            message_id: claim
            for message_id, claim in claims.items()
            if not self.executions.has_started(job_name, claim.run)
        }
        for message_id, claim in unknown.items():
            if claim.at < iso(self.clock() - QUIET):
                self.submissions.withdraw(job_name, message_id, claim)
        if unknown:
            self.run_ended(job_name, batch.run)
            runs = ", ".join(sorted({claim.run for claim in unknown.values()}))
            raise TemporaryError(f"messages are claimed for {runs}, which may be about to start")
        return set(claims)

    def _has_ended(self, job_name: str, run: str) -> bool:
        arn = self.executions.arn(job_name, run)
        return self.executions.ended(job_name, arn) is not None

    def _park(self, job_name: str, left: list[Message], limits: Limits) -> None:
        """Park what is `left` of a batch. A slot that was released in between is used at once.

        What is parked leaves the list: it must not be sent again, or it would come twice, in
        batches of different names. The last one stays until the item says that messages are parked.
        """
        while left[1:]:
            self.queues.park(job_name, left[0])
            del left[0]
        self.queues.park(job_name, left[0])
        now = self.clock()
        slots = self.slots.mark_parked(job_name, now)
        del left[0]
        if len(slots.in_use) < limits.max_concurrency:
            self._unpark(job_name, limits, iso(now))

    def _unpark(self, job_name: str, limits: Limits, parked_at: str) -> bool:
        """Unpark as many messages as one run takes; False when none is parked."""
        if self.queues.unpark(job_name, limits.batch_size):
            return True
        if self.queues.is_empty(job_name):
            self.slots.clear_parked(job_name, parked_at)
        return False

    def _note(
        self, job_name: str, messages: Iterable[Message], error: Exception, unstarted: Unstarted
    ) -> None:
        """Note why messages have started no run.

        What failed only for the moment is sent again: no outage, however long, uses up a message's
        receives and makes it a dead-letter message.
        """
        for message in messages:
            if not isinstance(error, TemporaryError):
                unstarted.kept[message.id] = error
                continue
            try:
                self.queues.send(job_name, message, delay_seconds=RETRY_SECONDS)
            except Exception as unsent:  # noqa: BLE001  (`error` is its context)
                unstarted.kept[message.id] = unsent
            else:
                unstarted.sent_again[message.id] = error
