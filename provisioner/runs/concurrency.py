"""Runs that messages start: no more at once than the job's row allows.

A message that finds every place taken is put aside into a queue that nobody polls; each run that
ends brings back as many as it had itself. So nothing goes round while it waits, waiting uses up
none of a message's receives, and what is in SQS's dead-letter queue really could not be started.
Every step can be repeated: a message keeps its identity on its way, its run is named after it, and
Step Functions starts a name once.
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
    from provisioner.runs.ports import Executions, MessageQueues, Places, QueueLimits

AGAIN_SECONDS = 30
"""Before a message is tried again whose run could not be started for the moment."""

QUIET = timedelta(minutes=2)
"""Longer than a start takes: a place taken so long ago is a running execution's, or lost."""

_MOST_AT_A_SWEEP = 100


@dataclass(frozen=True, slots=True)
class MessageRuns:
    """Everything that starting runs for messages reaches."""

    places: Places
    queues: MessageQueues
    executions: Executions
    limits: QueueLimits
    clock: Callable[[], datetime]

    def take(self, job_name: str, messages: Iterable[Message]) -> dict[str, Exception]:
        """Let messages start runs, now or when there is a place.

        Returns
        -------
        dict
            Why a message could not be taken, by its id: it is still the queue's.
        """
        different = {message.id: message for message in messages}.values()
        try:
            limits = self.limits.queue_limits(job_name)
            if limits is None:
                raise TemporaryError(f"the stack of {job_name} is not ready")  # noqa: TRY301
        except Exception as error:  # noqa: BLE001  (whatever it is, the messages are tried again)
            return self._left(job_name, different, error)
        failed: dict[str, Exception] = {}
        for batch in batches(different, limits):
            try:
                if not self._started(job_name, batch, limits):
                    self._put_aside(job_name, batch, limits)
            except Exception as error:  # noqa: BLE001  (whatever it is, its neighbours go on)
                failed |= self._left(job_name, batch.messages, error)
        return failed

    def ended(self, job_name: str, run: str) -> None:
        """Give the place of a run that has ended to messages that wait for one."""
        places = self.places.free(job_name, run)
        if places is None or places.aside_at is None:
            return
        if limits := self.limits.queue_limits(job_name):
            self._bring(job_name, limits, places.aside_at)

    def waiting(self, until: datetime) -> list[str]:
        """Return the jobs for which messages wait since before `until`."""
        return list(self.places.waiting(until))

    def look(self, job_name: str) -> int:
        """Use the places that were freed without anybody noticing; return how many."""
        places = self.places.get(job_name)
        if places.aside_at is None:
            return 0
        limits = self.limits.queue_limits(job_name)
        if limits is None:  # the queue is gone, with all that waited
            self.places.wait_no_more(job_name, places.aside_at)
            return 0
        taken = set(places.taken)
        if places.taken_at < iso(self.clock() - QUIET):
            for run in places.taken:
                if self._has_ended(job_name, run):
                    self.places.free(job_name, run)
                    taken.discard(run)
        used = 0
        while used < min(limits.max_concurrency - len(taken), _MOST_AT_A_SWEEP):
            if not self._bring(job_name, limits, places.aside_at):
                break
            used += 1
        return used

    def _started(self, job_name: str, batch: Batch, limits: Limits) -> bool:
        """Start a batch's run, which may have been started before; False when there is no place.

        When it is not known whether it was started its place is kept: it is started again, by the
        same name.
        """
        execution_input = batch.input()
        if not self.places.take(job_name, batch.run, limits.max_concurrency, self.clock()):
            return False
        try:
            self.executions.start(job_name, batch.run, execution_input)
        except ConflictError:
            if self._has_ended(job_name, batch.run):
                self.ended(job_name, batch.run)
        except PermanentError:
            self.places.free(job_name, batch.run)
            raise
        return True

    def _has_ended(self, job_name: str, run: str) -> bool:
        arn = self.executions.arn(job_name, run)
        return self.executions.ended(job_name, arn) is not None

    def _put_aside(self, job_name: str, batch: Batch, limits: Limits) -> None:
        """Let a batch wait for a place. One that became free meanwhile is used at once."""
        for message in batch.messages:
            self.queues.put_aside(job_name, message)
        now = self.clock()
        places = self.places.wait(job_name, now)
        if len(places.taken) < limits.max_concurrency:
            self._bring(job_name, limits, iso(now))

    def _bring(self, job_name: str, limits: Limits, aside_at: str) -> bool:
        """Bring back what one run takes; False when nothing waits."""
        if self.queues.bring(job_name, limits.batch_size):
            return True
        if self.queues.is_empty(job_name):
            self.places.wait_no_more(job_name, aside_at)
        return False

    def _left(
        self, job_name: str, messages: Iterable[Message], error: Exception
    ) -> dict[str, Exception]:
        """Return what the queue has to keep.

        What failed for the moment only is sent anew instead, so that an outage, however long, makes
        no dead letters.
        """
        failed = {message.id: error for message in messages}
        if isinstance(error, TemporaryError):
            for message in messages:
                try:
                    self.queues.send(job_name, message, delay_seconds=AGAIN_SECONDS)
                except Exception:  # noqa: BLE001, S112  (then SQS delivers it again, and counts)
                    continue
                del failed[message.id]
        return failed
