"""The histories find bugs: each of these is caught by some that pass without it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.entrypoints import run_events, run_stream, sweep_runs
from provisioner.runs import overlap
from provisioner.runs.completion import Completed
from provisioner.runs.keys import LOCK
from provisioner.runs.model import Lock
from provisioner.runs.overlap import RunControl
from tests.simulation.runs import table
from tests.simulation.runs.histories import explore
from tests.simulation.runs.table import Table

HISTORIES = 600


def release_of_any_lock(patch):
    def release(table, *_):
        table._free()
        return True

    patch.setattr(Table, "release", release)


def newcomers_pass_those_that_wait(patch):
    admit = Table.admit
    patch.setattr(Table, "admit", lambda table, run: admit(table, replace(run, waited=True)))


def a_tick_runs_as_often_as_it_comes(patch):
    admit = Table.admit
    patch.setattr(Table, "admit", lambda table, run: admit(table, replace(run, tick="")))


def the_lock_is_free_before_the_work_has_stopped(patch):
    def complete(execution, runs, work):
        runs.release(execution.job_name, execution.execution_name)
        runs.end(execution)
        return Completed(
            work.stop(execution.execution_name, ""), wrote_row=True, released_lock=True
        )

    patch.setattr(run_events, "complete", complete)


def the_work_goes_on(patch):
    def complete(execution, runs, _work):
        freed = runs.release(execution.job_name, execution.execution_name)
        return Completed(0, wrote_row=runs.end(execution), released_lock=freed)

    patch.setattr(run_events, "complete", complete)


def the_sweep_starts_none(patch):
    patch.setattr(sweep_runs, "start_waiting_runs", lambda _: 0)


def the_sweep_ends_none(patch):
    patch.setattr(sweep_runs, "complete_ended_runs", lambda _: 0)


def the_end_of_a_run_that_waited_is_written_elsewhere(patch):
    patch.setattr(run_events, "_waited", lambda *_: None)
    patch.setattr(overlap, "replace", lambda execution, **_: replace(execution, waited=None))


def nobody_is_stopped_for_another(patch):
    patch.setattr(RunControl, "_cancelled", lambda *_: False)
    patch.setattr(Lock, "superseded", ())


def the_stream_is_not_heard(patch):
    patch.setattr(run_stream, "_steps", lambda _: ())
    patch.setattr(sweep_runs, "start_waiting_runs", lambda _: 0)


def a_lock_is_for_ever(patch):
    patch.setattr(Lock, "is_free", lambda lock, _now: lock.owner is None)
    take = Table._take

    def taken(table, run, _now):
        take(table, run, 10**10)

    patch.setattr(Table, "_take", taken)
    patch.setattr(sweep_runs, "complete_ended_runs", lambda _: 0)


def the_lock_is_not_looked_at(patch):
    patch.setattr(Table, "_take", lambda table, run, _now: table.merge(LOCK, {"run_id": run.id}))


def the_last_to_come_to_the_lock_wins(patch):
    patch.setattr(table, "_superseded", lambda *_: False)


BUGS = (
    release_of_any_lock,
    newcomers_pass_those_that_wait,
    a_tick_runs_as_often_as_it_comes,
    the_lock_is_free_before_the_work_has_stopped,
    the_work_goes_on,
    the_sweep_starts_none,
    the_sweep_ends_none,
    the_end_of_a_run_that_waited_is_written_elsewhere,
    nobody_is_stopped_for_another,
    the_stream_is_not_heard,
    a_lock_is_for_ever,
    the_lock_is_not_looked_at,
    the_last_to_come_to_the_lock_wins,
)


@pytest.mark.simulation
@pytest.mark.parametrize("plant", BUGS, ids=lambda plant: plant.__name__)
def test_it_is_caught(plant, monkeypatch):
    plant(monkeypatch)

    with pytest.raises(AssertionError):
        explore(1, HISTORIES)
