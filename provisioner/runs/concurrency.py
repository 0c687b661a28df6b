"""Runs that messages start: never more at once than the `max_concurrency` of the job's row.

A message that finds no free slot is parked in a queue that nothing polls; each run that ends
unparks as many messages as it had itself. So no message circulates while it waits, waiting uses up
none of its receives, and what is in SQS's dead-letter queue really could not be started. Every step
can be repeated: a message keeps its identity, its run is named after it, and Step Functions starts
a name once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from provisioner.errors import ConflictError, PermanentError, TemporaryError
from provisioner.runs.messages import Limits, batches
from provisioner.runs.model import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from provisioner.runs.messages import Batch, Message
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
"""Longer than a start takes: a slot acquired so long ago has a running execution, or is lost."""

_MAX_RUNS_PER_SWEEP = 100


@dataclass(frozen=True, slots=True)
class MessageRuns:
    """Starts runs for messages, and unparks messages when a slot is free."""

    slots: ConcurrencySlots
    queues: MessageQueues
    executions: Executions
    limits: QueueLimits
    submissions: Submissions
    clock: Callable[[], datetime]

    def start(self, job_name: str, messages: Iterable[Message]) -> dict[str, Exception]:
        """Start runs for messages, or park the messages until a slot is free.

        Returns
        -------
        dict
            By message id, why a message could be neither started nor parked. It stays in the queue.
        """
        distinct = {message.id: message for message in messages}.values()
        try:
            limits = self.limits.queue_limits(job_name)
            if limits is None:
                raise TemporaryError(f"the stack of {job_name} is not ready")  # noqa: TRY301
        except Exception as error:  # noqa: BLE001  (whatever it is, the messages are tried again)
            return self._failed(job_name, distinct, error)
        failed: dict[str, Exception] = {}
        for batch in batches(distinct, limits):
            left = list(batch.messages)
            try:
                if not self._started(job_name, batch, limits):
                    self._park(job_name, left, limits)
            except Exception as error:  # noqa: BLE001  (one batch's error must not stop the others)
                failed |= self._failed(job_name, left, error)
        return failed

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

    def _started(self, job_name: str, batch: Batch, limits: Limits) -> bool:
        """Start a batch's run, which may have been started before; False when no slot is free.

        When it is not known whether the run was started its slot is kept: the same name is started
        again.
        """
        execution_input = batch.input()
        if not batch.whole:  # the run is not called after any one of them
            for message in batch.messages:
                if message.is_followed:
                    self.submissions.put_into(job_name, message.id, batch.run)
        if not self.slots.acquire(job_name, batch.run, limits.max_concurrency, self.clock()):
            return False
        try:
            self.executions.start(job_name, batch.run, execution_input)
        except ConflictError:
            if self._has_ended(job_name, batch.run):
                self.run_ended(job_name, batch.run)
        except PermanentError:
            self.slots.release(job_name, batch.run)
            raise
        return True

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

    def _failed(
        self, job_name: str, messages: Iterable[Message], error: Exception
    ) -> dict[str, Exception]:
        """Return the messages that have to stay in the queue.

        What failed only for the moment is sent again instead: no outage, however long, uses up a
        message's receives and makes it a dead-letter message.
        """
        failed = {message.id: error for message in messages}
        if isinstance(error, TemporaryError):
            for message in messages:
                try:
                    self.queues.send(job_name, message, delay_seconds=RETRY_SECONDS)
                except Exception:  # noqa: BLE001, S112  (then SQS delivers it again, and counts)
                    continue
                del failed[message.id]
        return failed
