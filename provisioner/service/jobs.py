"""Jobs as people see them: a list, and one in detail."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.aws.stack_items import to_item
from provisioner.stacks.model import JobStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provisioner.aws.items import Item
    from provisioner.runs.cost import MonthlyCost
    from provisioner.service.context import Service
    from provisioner.stacks.model import StackRecord

RUNS_OF_ONE_JOB = 5
MONTHS_OF_ONE_JOB = 3
_PARALLEL_READS = 8


@dataclass(frozen=True, slots=True)
class JobSummary:
    """A job in a list; without `row` only its stack is left, without `record` only its row."""

    job_name: str
    row: Item | None
    record: StackRecord | None
    last_run: Item | None

    @property
    def status(self) -> JobStatus:
        """The job's status; PENDING as long as the provisioner has not seen its row."""
        return _status(self.record)


@dataclass(frozen=True, slots=True)
class JobDetail:
    """Everything about one job.

    `runs` are the last five, newest first; `needs` are the jobs that it runs after, each with its
    last run, and `needed_by` those that run after it. `costs` are those of the last three months in
    which the job ran, newest first.
    """

    job_name: str
    row: Item | None
    record: StackRecord | None
    runs: Sequence[Item]
    needs: Mapping[str, Item | None]
    needed_by: Sequence[str]
    costs: Sequence[MonthlyCost]

    @property
    def status(self) -> JobStatus:
        """The job's status; PENDING as long as the provisioner has not seen its row."""
        return _status(self.record)


def _status(record: StackRecord | None) -> JobStatus:
    return record.status if record else JobStatus.PENDING


def list_jobs(service: Service) -> list[JobSummary]:
    """Return every job that has a row, and those whose stack still exists without one."""
    rows = {str(row["job_name"]): row for row in service.jobs.all()}
    records = {record.job_name: record for record in service.stacks.all()}
    gone = {name for name, record in records.items() if record.status is JobStatus.DELETED}
    names = sorted(rows.keys() | (records.keys() - gone))
    triggers = service.triggers
    with ThreadPoolExecutor(_PARALLEL_READS) as readers:
        latest = list(readers.map(lambda name: triggers.latest(name, 1), names))
    return [
        JobSummary(name, rows.get(name), records.get(name), runs[0] if runs else None)
        for name, runs in zip(names, latest, strict=True)
    ]


def describe(service: Service, job_name: str) -> JobDetail:
    """Return everything about one job.

    Raises
    ------
    NotFoundError
        If it has neither a row nor a Stacks row.
    """
    row, record = service.row(job_name), service.record(job_name)
    if row is None and record is None:
        raise service.unknown(job_name)
    runs = service.triggers.latest(job_name, RUNS_OF_ONE_JOB)
    needs = {
        name: next(iter(service.triggers.latest(name, 1)), None)
        for name in (record.depends_on if record else ())
    }
    needed_by = sorted(service.dependants.of(job_name))
    costs = service.run_costs.months(job_name, MONTHS_OF_ONE_JOB)
    return JobDetail(job_name, row, record, runs, needs, needed_by, costs)


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
