"""Definitions of containers: the old revisions that no run needs. Pure.

A run's definition names the revision of its job's task or job definition that was deployed when it
started, and an INACTIVE one starts no tasks: neither a retry nor the next item of a fan-out. So a
revision that CloudFormation replaces stays ACTIVE (`templates.ecs_job`, `templates.batch_job`),
until it may go by this.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from provisioner import jobs
from provisioner.stacks.model import JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from provisioner.stacks.model import StackRecord

SETTLES_AFTER = timedelta(minutes=10)
"""By then no execution is admitted that knows the definition from before an update: an admission
takes a minute at most, and Step Functions a few seconds to use a new definition."""

_ARN = re.compile(
    r"arn:[^:]+:(ecs|batch):[^:]+:[0-9]+:(?:task|job)-definition/([A-Za-z0-9_-]{1,255}):([0-9]{1,9})"
)
_DEPLOYED = {"ecs": "TaskDefinitionArn", "batch": "BatchJobDefinitionArn"}
"""Which output of a stack names the revision that is deployed, by the service that it is of."""

_ONE_OF_ANY_TYPE = frozenset({"LambdaArn", "LaunchTemplateId", *_DEPLOYED.values()})
"""What a stack's outputs name, one for each type: a stack without any says nothing of its type."""

_NEVER = datetime.min.replace(tzinfo=UTC)


class RunningJob(Protocol):
    """A run that is RUNNING, as far as it matters here."""

    @property
    def job_name(self) -> str:
        """The job that it is of."""

    @property
    def started_at(self) -> datetime | None:
        """When it started; None when its row does not say so."""


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision of a job's task definition in ECS, or of its job definition in Batch."""

    arn: str
    service: str
    job_name: str
    number: int


def revision_of(arn: str, prefix: str) -> Revision | None:
    """Return what an ARN of a definition names, None when it is not that of a job."""
    found = _ARN.fullmatch(arn)
    job_name = jobs.job_name_of(prefix, found[2]) if found else None
    return Revision(arn, found[1], job_name, int(found[3])) if found and job_name else None


def not_needed(
    active: Iterable[Revision],
    records: Mapping[str, StackRecord],
    running: Iterable[RunningJob],
    now: datetime,
    prefix: str,
) -> Iterator[Revision]:
    """Yield the revisions that may be deregistered; one that may be needed is never among them.

    Parameters
    ----------
    active
        All ACTIVE ones, read before `records`, and these before `running`.
    records
        The Stacks rows: another bootstrap's jobs, whose prefix may begin with ours, have none here.
    running
        The runs that are RUNNING by their rows.
    """
    oldest: dict[str, datetime] = {}
    for run in running:
        started_at = run.started_at or _NEVER
        oldest[run.job_name] = min(started_at, oldest.get(run.job_name, started_at))
    for revision in active:
        record = records.get(revision.job_name)
        if record is None:
            continue
        settled = _settled_at(record)
        if settled is None or settled > now or oldest.get(revision.job_name, now) <= settled:
            continue
        if record.status is JobStatus.DELETED or _is_replaced(revision, record.outputs, prefix):
            yield revision


def _is_replaced(revision: Revision, outputs: Mapping[str, str], prefix: str) -> bool:
    """Return whether the stack has a newer revision, or the job another type by now."""
    output = _DEPLOYED[revision.service]
    if output not in outputs:
        return not _ONE_OF_ANY_TYPE.isdisjoint(outputs)
    deployed = revision_of(str(outputs[output]), prefix)
    return deployed is not None and revision.number < deployed.number


def _settled_at(record: StackRecord) -> datetime | None:
    """Return since when no run starts by an older definition, None while one may."""
    if record.status is JobStatus.DELETED:
        return record.updated_at and record.updated_at + SETTLES_AFTER
    return record.ready_since and record.ready_since + SETTLES_AFTER
