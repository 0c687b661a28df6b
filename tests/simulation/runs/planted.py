"""Bugs that the functions of runs may have, each planted in what they are handed."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta

from provisioner.entrypoints.sweep_runs import (
    complete_ended_runs,
    start_waiting_runs,
    stop_overdue_machines,
    unpark_messages,
)
from provisioner.runs.keys import LOCK
from provisioner.runs.messages import Claim, Message
from provisioner.runs.model import Lock, iso
from provisioner.runs.overlap import RunControl
from provisioner.runs.work import WorkByType
from tests.simulation.runs.bug import NO_BUG, OUTSIDE, Bug, Work
from tests.simulation.runs.machines import Machines
from tests.simulation.runs.queues import Queues
from tests.simulation.runs.table import Table
from tests.support.fakes import FakeSlots, FakeSubmissions


class ReleasedByAnyone(Table):
    def release(self, *_):
        self._free()
        return True


class PassingThoseThatWait(Table):
    def admit(self, run):
        return super().admit(replace(run, waited=True))


class WithoutScheduledTimes(Table):
    def admit(self, run):
        return super().admit(replace(run, tick=""))


class WithoutWaited(Table):
    """The end of a run that waited is written elsewhere than on its row."""

    def end(self, execution):
        return super().end(replace(execution, waited=None))


class WithoutCancels(Table):
    """Nobody is stopped for another."""

    def lock(self, job_name):
        return replace(super().lock(job_name), cancels=None)


class Unheard(Table):
    def __post_init__(self):
        self.changed = lambda *_: None


class Eternal(Lock):
    def is_free(self, _now):
        return self.owner is None


class Forever(Table):
    def lock(self, job_name):
        found = super().lock(job_name)
        return Eternal(**{each.name: getattr(found, each.name) for each in fields(Lock)})

    def _take(self, run, _now):
        super()._take(run, 10**10)


class WithoutLock(Table):
    def _take(self, run, _now):
        self.merge(LOCK, {"run_id": run.id})


class LastWins(Table):
    def _superseded(self, *_):
        return False


class Uncancelled(RunControl):
    def _cancelled(self, *_):
        return False


class ReleasingFirst(Work):
    """The lock is free before the work has stopped."""

    def stop(self, job_name, execution_name, reason):
        self.world.control.runs.release(job_name, execution_name)
        return super().stop(job_name, execution_name, reason)


class NeverStopping(Work):
    def stop(self, *_):
        return 0


class OfOneType(WorkByType):
    """Work is stopped as what the job's row says, which may have been another when it began."""

    def stop(self, execution, _job_type, reason):
        return super().stop(execution, OUTSIDE[0], reason)


class OfKnownTypes(WorkByType):
    """A run whose row does not say its type leaves its work running."""

    def _adapters_of(self, job_type):
        return self.adapters.get(job_type, ())


class Unlimited(FakeSlots):
    def acquire(self, job_name, run, _max_concurrency, now):
        return super().acquire(job_name, run, 100, now)


class Unreleased(FakeSlots):
    """The end of a run frees nothing."""

    def release(self, *_):
        return None


class Forgotten(FakeSlots):
    """Nobody knows afterwards that messages are parked."""

    def mark_parked(self, job_name, _now):
        return self.get(job_name)


class Unclaimed(FakeSubmissions):
    """No message is known to be in a run."""

    def claim(self, *_):
        return {}


class Overclaimed(FakeSubmissions):
    """The last run that claims a message has it."""

    def claim(self, job_name, message_ids, run):
        super().claim(job_name, message_ids, run)
        for message_id in message_ids:
            self.claims[job_name, message_id] = Claim(run, iso(self._clock()))
        return {}


class Renaming(Queues):
    """A message that is sent on is another message."""

    def park(self, job_name, message):
        super().park(job_name, Message(f"{message.id}-", message.body))


class Dropping(Queues):
    """A parked message is deleted before it is sent on."""

    def unpark(self, job_name, count):
        parked = self.parked.get(job_name, [])[:count]
        if not self._world.strikes():
            return super().unpark(job_name, count)
        del self.parked[job_name][: len(parked)]
        return len(parked)


class StayingAfterReport(Machines):
    def after_report(self, _machine):
        pass


class WithoutTimer(Machines):
    def by_timer(self, _machine):
        pass


class DeafToRefusals(Machines):
    def by_refusal(self, _machine):
        pass


class LeftAfterFailure(Machines):
    def after_failure(self, _machine):
        pass


def terminate_at_work(runtime, now):
    return stop_overdue_machines(runtime, now + timedelta(minutes=10))


def without(*steps):
    """Return the steps of the sweep that are left."""
    return tuple(step for step in NO_BUG.sweeps if step not in steps)


BUGS = {
    "release_of_any_lock": Bug(table=ReleasedByAnyone),
    "newcomers_pass_those_that_wait": Bug(table=PassingThoseThatWait),
    "a_scheduled_time_runs_as_often_as_it_comes": Bug(table=WithoutScheduledTimes),
    "the_lock_is_free_before_the_work_has_stopped": Bug(work=ReleasingFirst),
    "work_is_stopped_by_the_type_of_the_row": Bug(by_type=OfOneType),
    "work_of_an_unknown_type_goes_on": Bug(by_type=OfKnownTypes),
    "the_work_goes_on": Bug(work=NeverStopping),
    "the_sweep_starts_none": Bug(sweeps=without(start_waiting_runs)),
    "the_sweep_ends_none": Bug(sweeps=without(complete_ended_runs)),
    "the_end_of_a_run_that_waited_is_written_elsewhere": Bug(table=WithoutWaited),
    "nobody_is_stopped_for_another": Bug(table=WithoutCancels, control=Uncancelled),
    "the_stream_is_not_heard": Bug(table=Unheard, sweeps=without(start_waiting_runs)),
    "a_lock_is_forever": Bug(table=Forever, sweeps=without(complete_ended_runs)),
    "the_lock_is_not_looked_at": Bug(table=WithoutLock),
    "the_last_to_come_to_the_lock_wins": Bug(table=LastWins),
    "more_runs_than_slots": Bug(slots=Unlimited),
    "a_slot_is_never_released": Bug(slots=Unreleased),
    "parked_messages_are_forgotten": Bug(slots=Forgotten),
    "messages_of_a_batch_are_not_claimed": Bug(submissions=Unclaimed),
    "a_message_is_the_last_one_s_that_claims_it": Bug(submissions=Overclaimed),
    "the_sweep_unparks_none": Bug(sweeps=without(unpark_messages)),
    "the_sweep_terminates_no_machine": Bug(sweeps=without(stop_overdue_machines)),
    "a_machine_is_terminated_at_work": Bug(sweeps=(*NO_BUG.sweeps, terminate_at_work)),
    "a_machine_stays_after_its_report": Bug(machines=StayingAfterReport),
    "a_machine_has_no_timer": Bug(machines=WithoutTimer),
    "a_machine_works_on_though_nobody_waits": Bug(machines=DeafToRefusals),
    "the_machine_of_a_failed_attempt_is_left": Bug(machines=LeftAfterFailure),
    "what_is_not_ready_is_not_waited_for": Bug(refusals=1),
    "a_parked_message_loses_its_identity": Bug(queues=Renaming),
    "a_message_is_deleted_before_it_is_sent_on": Bug(queues=Dropping),
}
