"""What `decide` may name: one closed union of values, and the desired states that lead to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from provisioner.jobs import FieldError, InvalidRow, Job

if TYPE_CHECKING:
    from datetime import datetime

    from provisioner.stacks.model import Failure, JobStatus


@dataclass(frozen=True, slots=True)
class ValidRow:
    """A valid row: its job with the artifact pinned, and the digest of that.

    `row_digest` is of the job as the row says it, before anything was looked up, and `row_content`
    of the row itself. `template_version` is that of the templates which an operation would deploy.
    """

    job: Job
    digest: str
    template_version: str = ""
    row_digest: str = ""
    row_content: str = ""


Desired: TypeAlias = ValidRow | InvalidRow | None
"""What the row asks for; None when there is no row."""


@dataclass(frozen=True, slots=True)
class Create:
    """Call CreateStack."""

    desired: ValidRow


@dataclass(frozen=True, slots=True)
class Update:
    """Call UpdateStack, to a template without what is `missing`: the next update makes it again."""

    desired: ValidRow
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delete:
    """Call DeleteStack, leaving behind `retain_resources`, or whatever cannot go when `force`."""

    retain_resources: tuple[str, ...] = ()
    force: bool = False


@dataclass(frozen=True, slots=True)
class ContinueRollback:
    """Call ContinueUpdateRollback, skipping `resources_to_skip`, or whatever fails when `force`.

    With both, the resources are for an SDK that cannot force.
    """

    resources_to_skip: tuple[str, ...] = ()
    force: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing until an event comes, or until `until` when a failure is to be tried again."""

    status: JobStatus
    until: datetime | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """Do not delete the stack before a person has confirmed it."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """All is as it should be."""

    status: JobStatus


@dataclass(frozen=True, slots=True)
class MarkInvalid:
    """Tell the row's author what is wrong with it; the stack stays as it is."""

    errors: tuple[FieldError, ...]


@dataclass(frozen=True, slots=True)
class GiveUp:
    """A person has to act; the stack stays as it is."""

    failure: Failure


StackOperation: TypeAlias = Create | Update | Delete | ContinueRollback
"""Each is one call to CloudFormation."""

StackAction: TypeAlias = StackOperation | Wait | Hold | Nothing | MarkInvalid | GiveUp
