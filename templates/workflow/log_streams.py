"""Log streams whose names are known before the work begins: those of machines.

The stream is named after the run, not after the machine, so the run's row has it from the start on.
All attempts write to it, one after the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.jobs import Ec2Job
from templates.workflow.expressions import run
from templates.workflow.jsonata import Expression, call, concat

if TYPE_CHECKING:
    from provisioner.jobs import Job
    from templates.workflow.jsonata import Value


def of_machine(job: Ec2Job) -> Expression:
    """Return the stream of a run, or of one item of a fan-out."""
    item: list[Value] = ["/", call("string", run("index"))] if job.fan_out else []
    return concat("job/", run("key"), *item)


def known_at_start(job: Job) -> Expression | None:
    """Return the stream of a run as far as its row can have it when the run begins."""
    return of_machine(job) if isinstance(job, Ec2Job) and job.fan_out is None else None
