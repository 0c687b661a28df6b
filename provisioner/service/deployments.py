"""Deployments of a job: listed, gone back to, and the end of the pin that this leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.audit.row_changes import RowChange, row_changes
from provisioner.errors import PermanentError
from provisioner.jobs import InvalidRow, guarded
from provisioner.jobs.row_content import content_digest
from provisioner.runs.model import iso
from provisioner.service import canary_state, edits, versions
from provisioner.service.edits import Intent
from provisioner.service.rights import Action, allows
from provisioner.stacks.model import Cause, StackRecord
from provisioner.stacks.rollback import row_for, target_of, unpinned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provisioner.audit.versions import Version
    from provisioner.aws.items import Item
    from provisioner.service.caller import Caller
    from provisioner.service.canary_state import CanaryState
    from provisioner.service.context import Service
    from provisioner.service.versions import ListedVersion
    from provisioner.stacks.model import Deployment

_WRITTEN = frozenset({Cause.ROW, Cause.ROLLBACK})
"""Causes that whoever wrote the row stands for."""


@dataclass(frozen=True, slots=True)
class ListedDeployment:
    """A deployment, and the version of the row that it is of; None if that is not kept.

    `is_current` is of the newest: what the stack is now, or was before an operation in progress.
    `canary` is there for the one that is judged, or was last.
    """

    deployment: Deployment
    version: ListedVersion | None
    is_current: bool
    canary: CanaryState | None = None

    @property
    def by(self) -> str | None:
        """The writer of the row, if that caused it: a proven name, or `says` and a claim."""
        if self.version is None or self.deployment.cause not in _WRITTEN:
            return None
        return None if self.version.written_by is None else self.version.writer


@dataclass(frozen=True, slots=True)
class RollbackPlan:
    """What going back would write.

    Attributes
    ----------
    to
        The deployment to go back to.
    before, row
        The row as it is, and as it would be.
    why
        What led to it, if it was not a person.
    """

    to: Deployment
    before: Item
    row: Item
    why: str = ""

    @property
    def intent(self) -> Intent:
        """What the audit has of it."""
        return Intent(
            Action.ROLL_BACK, f"deployment {self.to.number}{self.why and f': {self.why}'}"
        )

    def changes(self, reader: Caller) -> tuple[RowChange, ...]:
        """Return what would change in the row, as a caller may see it."""
        whole = allows(reader, Action.READ_ENVIRONMENT)
        return row_changes(self.before, self.row, values=whole)


def document(listed: ListedDeployment) -> dict[str, object]:
    """Return a deployment as JSON has it."""
    found = listed.deployment
    return {
        "number": found.number,
        "at": iso(found.at),
        "cause": found.cause.value,
        "by": listed.by,
        "artifact": found.artifact,
        "pinned": found.pinned,
        "row_version": listed.version.version.number if listed.version else None,
        "template_version": found.template_version,
        "current": listed.is_current,
        "canary": listed.canary and listed.canary.document(),
    }


def list_deployments(service: Service, job_name: str) -> list[ListedDeployment]:
    """Return the last deployments of a job, newest first, with three requests.

    Raises
    ------
    NotFoundError
        If there is no such job.
    """
    kept = service.kept(job_name) if service.has_audit else None
    now = kept or service.job_reader.items(job_name)
    record = now.record
    if record is None and now.row is None:
        raise service.unknown(job_name)
    if record is None or not record.deployments:
        return []
    rows = _by_content(service, job_name, kept.versions if kept else ())
    canary = canary_state.of(service, now.row, record)
    return [
        ListedDeployment(
            each,
            rows.get(each.row_content),
            is_current=each is record.deployments[0],
            canary=canary if canary and canary.deployment == each.number else None,
        )
        for each in record.deployments
    ]


def plan(service: Service, job_name: str, number: int | None = None) -> RollbackPlan:
    """Return what going back to a deployment would write; it writes nothing.

    Without a number it is the one before that which the row asks for: the last one, if what the row
    asks for now was never deployed, and else the one before it.

    Raises
    ------
    NotFoundError
        If the job has no row, or no such deployment, or the row of that time is not kept.
    PermanentError
        If there is nothing to go back to, or its code is gone.
    """
    before = service.existing_row(job_name)
    record = service.record(job_name) or StackRecord(job_name)
    return plan_from(service, record, before, number)


def plan_from(
    service: Service,
    record: StackRecord,
    before: Item,
    number: int | None = None,
    *,
    why: str = "",
) -> RollbackPlan:
    """Return what `plan` does, for a row and a Stacks row that were read; `why` is noted."""
    job_name = record.job_name
    target = target_of(record, before, number)

    def row_of(then: Deployment) -> Item | None:
        return _row_at(service, job_name, then)

    note = f"rolled back to deployment {target.number}{why and f': {why}'}"
    pin = {"since": iso(service.clock()), "note": note}
    row = row_for(record, before, target, row_of, pin)
    if content_digest(row) == content_digest(before):
        message = f"the row of {job_name} asks for deployment {target.number} already"
        raise PermanentError(message)
    _check_code(service, row, target)
    return RollbackPlan(target, before, row, why)


def roll_back(
    service: Service, planned: RollbackPlan, *, if_match: str | None = None
) -> edits.Edited:
    """Write what was planned, if nobody else has written the row in the meantime.

    Raises
    ------
    InvalidRowError
        If the row of that time is not valid today.
    StaleError
        If the row is not what the caller has seen.
    """
    seen = if_match or edits.etag_of(planned.before)
    return edits.put(service, planned.row, if_match=seen, intent=planned.intent)


def unpin(service: Service, job_name: str, *, if_match: str | None = None) -> edits.Edited:
    """Take the pin out of a job's row, so that it runs the newest code again.

    A row without a pin stays as it is.

    Raises
    ------
    NotFoundError
        If the job has no row.
    StaleError
        If the row is not what the caller has seen.
    """
    before = service.existing_row(job_name)
    pin = before.get("pin")
    version = str(pin.get("version", "")) if isinstance(pin, dict) else ""
    return edits.put(
        service,
        unpinned(before),
        if_match=if_match or edits.etag_of(before),
        intent=Intent(Action.UNPIN, f"from version {version[:100]}"),
    )


def _check_code(service: Service, row: Item, target: Deployment) -> None:
    """Refuse code that is gone; functions may not look, and have the row say so."""
    job = guarded.parse(row)
    if service.platform is not None or isinstance(job, InvalidRow):
        return
    if service.artifacts.is_gone(job):
        message = f"the code of deployment {target.number} is gone: {target.artifact}"
        raise PermanentError(message)


def _row_at(service: Service, job_name: str, deployed: Deployment) -> Item | None:
    """Return the row that a deployment is of, None if it is not kept."""
    kept = service.row_versions.of(job_name) if service.has_audit else []
    fitting = (each for each in kept if each.digests[1] == deployed.row_content)
    version = next((each for each in fitting if not each.deleted), None)
    return service.row_versions.row(job_name, version) if version else None


def _by_content(
    service: Service, job_name: str, kept: Sequence[Version]
) -> dict[str, ListedVersion]:
    """Return versions of a row by its content; of the same the newest."""
    found = versions.with_writers(service, job_name, kept)
    return {each.version.digests[1]: each for each in reversed(found) if not each.version.deleted}
