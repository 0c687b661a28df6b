"""Rolling a job back by itself, when one of the first runs of a new deployment has failed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from provisioner.errors import PermanentError, StaleError, TemporaryError
from provisioner.jobs import InvalidRow, guarded
from provisioner.runs.canary import LOOKED_THROUGH, first_failure
from provisioner.runs.keys import Field, execution_name_of
from provisioner.service import deployments
from provisioner.service.caller import Caller, Role
from provisioner.stacks.model import JUDGED
from provisioner.stacks.rollback import asks_for

if TYPE_CHECKING:
    from provisioner.aws.items import Item
    from provisioner.jobs.deploy import Canary
    from provisioner.service.context import Service
    from provisioner.stacks.model import StackRecord

CALLER = Caller("provisioner", via="canary", role=Role.WRITE, proven=True)
"""In whose name a job is rolled back."""

_log = logging.getLogger(__name__)


def judge(service: Service, job_name: str) -> deployments.Rollback | None:
    """Roll a job back if its row wants that, and one of the runs that decide has failed.

    It depends on what the tables say and on nothing else, so it may be called at any time and any
    number of times. Returns what was written, None if nothing was: nor is it where nothing can be
    gone back to, which the log says.

    Raises
    ------
    TemporaryError
        If somebody writes the row meanwhile: then what it says decides.
    """
    row, record = service.row(job_name), service.record(job_name)
    canary = _canary_of(row) if row else None
    if row is None or record is None or canary is None or not _is_judged(record, row):
        return None
    runs = service.triggers.last(job_name, LOOKED_THROUGH)
    failed = first_failure(runs, record.deployments[0].at, canary.runs)
    if failed is None:
        return None
    run = execution_name_of(str(failed[Field.TRIGGER_ID]))
    why = f"run {run} of deployment {record.deployments[0].number} has failed"
    try:
        planned = deployments.plan_from(service, record, row, why=why)
        deployments.roll_back(service, planned)
    except StaleError as error:
        raise TemporaryError(str(error)) from error
    except PermanentError:  # the row of that time is not kept, or is no longer valid
        _log.exception("%s, and cannot be rolled back", why)
        return None
    return planned


def _canary_of(row: Item) -> Canary | None:
    job = guarded.parse(row)
    if isinstance(job, InvalidRow) or job.paused or job.deploy is None:
        return None
    canary = job.deploy.canary
    return canary if canary and canary.rollback_on_failure else None


def _is_judged(record: StackRecord, row: Item) -> bool:
    """Tell whether what a row asks for is a new deployment, and there is one before it."""
    known = record.deployments
    if not known or known[0].cause not in JUDGED or not asks_for(record, row, known[0]):
        return False
    return any(each.digest != known[0].digest for each in known)
