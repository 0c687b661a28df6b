"""Entries of the audit."""

from typing import Literal

from pydantic import Field

from provisioner.api.answers.model import Model


class ShownChange(Model):
    """An attribute before and after, as texts of one line."""

    path: str
    kind: str
    before: str
    after: str


class AuditEntry(Model):
    """An action."""

    id: str = ""
    at: str = ""
    ended_at: str | None = None
    action: str = ""
    job_name: str | None = None
    run: str | None = None
    outcome: Literal["begun", "done", "refused", "failed"] = "done"
    reason: str | None = None
    detail: str | None = None
    by: str = ""
    proven: bool = Field(default=True, description="Whether `by` is proven, or only claimed.")
    via: str = ""
    address: str | None = None
    request_id: str | None = None
    changes: list[ShownChange] = []
    more_changes: int = 0


class AuditPage(Model):
    """Entries of the audit, newest first."""

    entries: list[AuditEntry]
    next: str | None
