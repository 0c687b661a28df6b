"""Actions on many jobs or runs."""

from datetime import datetime

from pydantic import Field

from provisioner.api.answers.model import Model, Name


class BulkFailure(Model):
    """A target for which the action failed."""

    target: Name
    message: str


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
