"""What rows were before."""

from typing import Any, Literal

from pydantic import Field

from provisioner.api.answers.model import Model, Name


class Version(Model):
    """What a row became, when, and by whom if that is known."""

    version: int
    at: str | None
    by: str | None
    proven: bool = Field(description="Whether `by` is proven, or only claimed.")
    via: str | None
    changed: list[str] = Field(description="Paths, at most 20.")
    more_changed: int
    deleted: bool


class Versions(Model):
    """Versions of a row, newest first."""

    versions: list[Version]
    next: str | None


class RowChange(Model):
    """An attribute before and after; both null when hidden."""

    path: Name
    kind: Literal["added", "changed", "removed"]
    before: Any
    after: Any
    hidden: bool


class VersionDetail(Version):
    """A version with its row, null when it was deleted, and what differs from the one before."""

    row: dict[str, Any] | None
    changes: list[RowChange]
