"""Work for a job that the request names."""

from datetime import datetime

from pydantic import Field

from provisioner.api.answers.model import Model, Name
from provisioner.api.answers.runs import Stored
from provisioner.runs.model import RunStatus


class Submitted(Model):
    """Accepted work; null for a dry run."""

    id: str | None
    job_name: Name
    run: str | None = Field(description="Null while it waits in the job's queue.")
    dry_run: bool


class Submission(Model):
    """The progress of a submission."""

    id: Name
    job_name: Name
    run: str | None = Field(description="Null while it waits in the job's queue.")
    status: str = Field(description=", ".join((*RunStatus, "STARTING", "DEAD_LETTER", "EXPIRED")))
    started_at: datetime | None
    ended_at: datetime | None
    error: str | None
    result: Stored
    run_url: str | None
    redrive: str | None = Field(description="Command that redrives the dead-letter message.")
