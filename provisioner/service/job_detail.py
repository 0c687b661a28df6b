"""One job as people see it, in detail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.aws.stack_items import to_item
from provisioner.service import canary_state
from provisioner.service.run_lines import RunLine, line_of
from provisioner.stacks.model import JobStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provisioner.aws.items import Item
    from provisioner.runs.cost import MonthlyCost
    from provisioner.runs.model import Pause
    from provisioner.runs.recent import RecentRuns
    from provisioner.service.canary_state import CanaryState
    from provisioner.service.context import Service
    from provisioner.stacks.model import StackRecord


RUNS_OF_ONE_JOB = 5


MONTHS_OF_ONE_JOB = 3


@dataclass(frozen=True, slots=True)
class JobState:
    """How one job is: its row, its Stacks row, its pause after failures, and its recent runs."""

    job_name: str
    row: Item | None
    record: StackRecord | None
    pause: Pause | None
    recent: RecentRuns

    @property
    def status(self) -> JobStatus:
        """The job's status; PENDING as long as the provisioner has not seen its row."""
        return _status(self.record)


@dataclass(frozen=True, slots=True)
class Relations:
    """What else there is of one job.

    Attributes
    ----------
    needs
        The jobs that it runs after, each with its last run as a list shows it.
    needed_by
        The jobs that run after it.
    costs
        Those of the last three months in which the job ran, newest first.
    """

    needs: Mapping[str, Item | None]
    needed_by: Sequence[str]
    costs: Sequence[MonthlyCost]


@dataclass(frozen=True, slots=True)
class JobDetail:
    """Everything about one job; `runs` are the last five, newest first."""

    state: JobState
    runs: Sequence[Item]
    relations: Relations
    canary: CanaryState | None


def _status(record: StackRecord | None) -> JobStatus:
    return record.status if record else JobStatus.PENDING


def state(service: Service, job_name: str) -> JobState:
    """Return how one job is, with one request.

    Raises
    ------
    NotFoundError
        If it has neither a row nor a Stacks row.
    """
    found = service.job_reader.items(job_name)
    if found.row is None and found.record is None:
        raise service.unknown(job_name)
    return JobState(job_name, found.row, found.record, found.pause, found.recent)


def last_runs(service: Service, job_name: str, count: int) -> tuple[RunLine, ...]:
    """Return a job's last runs as a list shows them, newest first, with one request."""
    return tuple(line_of(run) for run in service.triggers.page(job_name, count)[0])


def relations(service: Service, job_name: str, record: StackRecord | None) -> Relations:
    """Return what a job has cost and what it depends on, with two requests at most."""
    costs, needed_by = service.job_reader.costs_and_dependants(job_name)
    names = record.depends_on if record else ()
    recent = service.recent_runs.read(names, ())[0] if names else {}
    last = {name: recent[name].last if name in recent else None for name in names}
    needs = {name: {**run, "job_name": name} if run else None for name, run in last.items()}
    return Relations(needs, needed_by, costs[:MONTHS_OF_ONE_JOB])


def describe(service: Service, job_name: str, *, whole_runs: bool = False) -> JobDetail:
    """Return everything about one job, with three requests.

    One more if it runs after others, and two at most for its canary.

    Parameters
    ----------
    whole_runs
        Its last runs as their rows are, instead of what a list shows of them.

    Raises
    ------
    NotFoundError
        If it has neither a row nor a Stacks row.
    """
    found, table = state(service, job_name), service.triggers
    runs = (
        table.latest(job_name, RUNS_OF_ONE_JOB)
        if whole_runs
        else table.page(job_name, RUNS_OF_ONE_JOB)[0]
    )
    more = relations(service, job_name, found.record)
    return JobDetail(found, runs, more, canary_state.of(service, found.row, found.record))


def in_sync(record: StackRecord | None) -> bool | None:
    """Tell whether the stack is what the row asks for; None while nothing is asked for."""
    if record is None or record.status is JobStatus.DELETED:
        return None
    if record.status is JobStatus.INVALID:
        return False
    return bool(record.spec_digest) and record.spec_digest == record.deployed_digest


def stacks_row(record: StackRecord | None) -> Item | None:
    """Return a Stacks row as it is in its table."""
    if record is None:
        return None
    item = to_item(record) | {"version": record.version}
    return {name: value for name, value in item.items() if value is not None}
