"""The histories find bugs: each of these is caught by some that pass without it."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from provisioner.entrypoints.sweep_runs import complete_ended_runs, start_waiting_runs
from provisioner.runs.keys import LOCK
from provisioner.runs.model import Lock
from provisioner.runs.overlap import RunControl
from provisioner.runs.work import WorkByType
from tests.simulation.runs.histories import History, explore
from tests.simulation.runs.table import Table
from tests.simulation.runs.world import OUTSIDE, Bug, Work

HISTORIES = 600


class ReleasedByAnyone(Table):
    def release(self, *_):
        self._free()
        return True


class PassingThoseThatWait(Table):
    def admit(self, run):
        return super().admit(replace(run, waited=True))


class WithoutTicks(Table):
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


class ForEver(Table):
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

    def _asked(self, job_type):
        return self.adapters.get(job_type, ())


BUGS = {
    "release_of_any_lock": Bug(table=ReleasedByAnyone),
    "newcomers_pass_those_that_wait": Bug(table=PassingThoseThatWait),
    "a_scheduled_time_runs_as_often_as_it_comes": Bug(table=WithoutTicks),
    "the_lock_is_free_before_the_work_has_stopped": Bug(work=ReleasingFirst),
    "work_is_stopped_by_the_type_of_the_row": Bug(by_type=OfOneType),
    "work_of_an_unknown_type_goes_on": Bug(by_type=OfKnownTypes),
    "the_work_goes_on": Bug(work=NeverStopping),
    "the_sweep_starts_none": Bug(sweeps=(complete_ended_runs,)),
    "the_sweep_ends_none": Bug(sweeps=(start_waiting_runs,)),
    "the_end_of_a_run_that_waited_is_written_elsewhere": Bug(table=WithoutWaited),
    "nobody_is_stopped_for_another": Bug(table=WithoutCancels, control=Uncancelled),
    "the_stream_is_not_heard": Bug(table=Unheard, sweeps=(complete_ended_runs,)),
    "a_lock_is_for_ever": Bug(table=ForEver, sweeps=(start_waiting_runs,)),
    "the_lock_is_not_looked_at": Bug(table=WithoutLock),
    "the_last_to_come_to_the_lock_wins": Bug(table=LastWins),
}


@pytest.mark.simulation
@pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS)
def test_it_is_caught(bug):
    with pytest.raises(AssertionError):
        explore(1, HISTORIES, bug, shrink=False)


def test_a_history_is_shrunk_to_what_matters():
    bug = BUGS["newcomers_pass_those_that_wait"]
    found = next(h for h in map(History.of, range(100_000, 100_600)) if h.fails(bug))

    least = found.shrunk(bug)

    assert least.fails(bug)
    assert len(least.deeds) < len(found.deeds) or len(least.deeds) <= 2
    assert not any(replace(least, deeds=least.without(deed)).fails(bug) for deed in least.deeds)
