"""Jobs as people see them: a list, and one in detail."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.aws.stack_items import to_item
from provisioner.errors import InvalidRequestError
from provisioner.jobs import guarded
from provisioner.jobs.row_summary import RowSummary, summary_of
from provisioner.runs.recent import SHOWN, RecentRuns
from provisioner.service.run_lines import RunLine, line_of
from provisioner.stacks.model import JobStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from provisioner.aws.items import Item
    from provisioner.runs.cost import MonthlyCost
    from provisioner.runs.model import RunStatus
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
class JobLine:
    """A job as a line of a list.

    Attributes
    ----------
    type
        "" when its row is gone, or does not say.
    reason
        Why it is not READY, in one line; None when there is nothing to say.
    schedule
        Its expressions as the row has them, `, ` between them; None without one.
    paused
        Whether its schedule starts nothing now: by the row, or after failures.
    in_sync
        Whether the stack is what the row asks for; None while nothing is asked for.
    strip
        The statuses of its last runs, twenty at most, oldest first.
    usual_seconds
        The median of its last twenty successes.
    next_at
        When its schedule next starts a run; None when it starts none.
    running_since
        When the longest of its running runs began.
    """

    job_name: str
    type: str
    status: JobStatus
    reason: str | None
    description: str
    owner: str
    schedule: str | None
    time_zone: str
    tags: Mapping[str, str]
    paused: bool
    row_exists: bool
    in_sync: bool | None
    last_run: RunLine | None
    strip: tuple[RunStatus, ...]
    usual_seconds: float | None
    next_at: datetime | None
    running_since: datetime | None
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class JobsPage:
    """Jobs in the order of their names; `cursor` asks for those after them, None at the end."""

    jobs: tuple[JobLine, ...]
    cursor: str | None


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


def page(  # noqa: PLR0913  (each is one filter)
    service: Service,
    limit: int,
    *,
    prefix: str = "",
    status: JobStatus | None = None,
    type: str | None = None,  # noqa: A002  (what the row calls it)
    owner: str | None = None,
    tag: str | None = None,
    cursor: str | None = None,
) -> JobsPage:
    """Return the next jobs, at most `limit`, in the order of their names.

    With a filter a page may have fewer jobs, or none, although it has a cursor.

    Parameters
    ----------
    tag
        `team=data`, or `team` for any value.

    Raises
    ------
    InvalidRequestError
        If the cursor is not one that a page had.
    """
    after = _name_in(cursor) if cursor else ""
    found: list[JobLine] = []
    for each in list_jobs(service):
        if each.job_name <= after or not each.job_name.startswith(prefix):
            continue
        row = each.row or {}
        summary = summary_of(row, guarded.parse(row)) if each.row else None
        wanted = _has_tag(summary, tag) and all(
            asked is None or has == asked
            for asked, has in (
                (status, each.status),
                (type, summary and summary.type),
                (owner, summary and summary.owner),
            )
        )
        if not wanted:
            continue
        if len(found) == limit:
            return JobsPage(tuple(found), _cursor_after(found[-1].job_name))
        runs = service.triggers.latest(each.job_name, SHOWN)
        found.append(
            _line(service, each.job_name, each.record, summary, RecentRuns().with_runs(runs))
        )
    return JobsPage(tuple(found), None)


def _line(
    service: Service,
    job_name: str,
    record: StackRecord | None,
    row: RowSummary | None,
    recent: RecentRuns,
) -> JobLine:
    shown = row or RowSummary()
    pause = service.triggers.pause(job_name) if shown.pauses else None
    paused = shown.paused or not shown.schedule_enabled or bool(pause and pause.paused)
    now = service.clock()
    return JobLine(
        job_name=job_name,
        type=shown.type,
        status=_status(record),
        reason=_reason(record),
        description=shown.description,
        owner=shown.owner,
        schedule=", ".join(shown.schedule) or None,
        time_zone=shown.timezone,
        tags=shown.tags,
        paused=paused,
        row_exists=row is not None,
        in_sync=in_sync(record),
        last_run=line_of({"job_name": job_name, **recent.last}) if recent.last else None,
        strip=recent.strip,
        usual_seconds=recent.usual_seconds,
        next_at=None if paused else shown.next_after(job_name, now),
        running_since=recent.running_since,
        updated_at=record.updated_at if record else None,
    )


def _reason(record: StackRecord | None) -> str | None:
    ready = [each for each in record.conditions if each.type == "Ready"] if record else []
    return " ".join(ready[0].message.split()) or None if ready else None


def _has_tag(row: RowSummary | None, tag: str | None) -> bool:
    if tag is None:
        return True
    name, asks_value, value = tag.partition("=")
    has = row.tags.get(name) if row else None
    return has is not None and (not asks_value or has == value)


def _cursor_after(job_name: str) -> str:
    return base64.urlsafe_b64encode(job_name.encode()).decode().rstrip("=")


def _name_in(cursor: str) -> str:
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError as error:
        message = "this is not a cursor that a list of jobs had: begin without one"
        raise InvalidRequestError(message) from error


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
