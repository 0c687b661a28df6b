"""Actions on many jobs or runs."""

from datetime import datetime

from pydantic import Field

from provisioner.api.answers.model import Model, Name


class BulkFailure(Model):
    """A target for which the action failed."""

    target: Name
    message: str


class BulkLine(Model):
    """A bulk action as a line of a list."""

    id: Name
    action: Name
    reason: str
    by: str
    created_at: datetime
    targets: int = Field(description="How many.")
    done: int = Field(description="How many of them have been processed.")
    failed: int = Field(description="For how many of these it failed.")
    is_over: bool


class BulkActions(Model):
    """Bulk actions, newest first."""

    bulk_actions: list[BulkLine]
    next: str | None
    complete: bool = Field(description="False if there are more than one request can read.")


class Bulk(Model):
    """A bulk action; the first `done` of its targets have been processed."""

    id: str | None = Field(description="Null for a dry run.")
    action: Name
    reason: str
    by: str
    created_at: datetime | None
    targets: list[str]
    digest: str = Field(description="Digest of the targets: `expected` of the start.")
    done: int
    is_over: bool
    failures: list[BulkFailure]
