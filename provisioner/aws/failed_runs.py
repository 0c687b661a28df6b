"""The runs that failed since an upgrade began: what it may have broken."""

from __future__ import annotations

from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING

from provisioner.aws.items import to_dynamodb
from provisioner.aws.tables import pages
from provisioner.aws.updates import names
from provisioner.runs.keys import BY_STATUS, FIRST_RUN, Field, is_trigger_id
from provisioner.runs.model import FINAL, RunStatus, iso
from provisioner.stacks.upgrade import FailedRun

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provisioner.aws.clients import Clients
    from provisioner.aws.items import Item

_FAILED = (RunStatus.FAILED, RunStatus.TIMED_OUT)

_MOST = 1_000
"""Runs of each status that are looked at, the newest first; a step of an upgrade takes seconds."""

_LOOKED_BACK = 10
"""Runs of a job among which the last one that ended is looked for."""

_NEEDED = "job_name, trigger_id, #status, started_at, #error, cause"


class FailedRuns:
    """Reads the Triggers table."""

    def __init__(self, clients: Clients, triggers_table: str) -> None:
        self._clients = clients
        self._name = triggers_table

    def since(self, moment: datetime) -> list[FailedRun]:
        """Return the runs of all jobs that began since then and failed or timed out."""
        items = chain.from_iterable(self._of(status, moment) for status in _FAILED)
        return [run for item in items for run in _run(item)]

    def had_failed(self, job_name: str, moment: datetime) -> bool:
        """Tell whether the last run that a job had before a time failed as well."""
        found = pages(
            self._clients,
            "query",
            TableName=self._name,
            KeyConditionExpression="job_name = :job AND trigger_id BETWEEN :first AND :moment",
            ExpressionAttributeValues=to_dynamodb(
                {":job": job_name, ":first": FIRST_RUN, ":moment": iso(moment)}
            ),
            ProjectionExpression=_NEEDED,
            **names(_NEEDED),
            ScanIndexForward=False,
            PaginationConfig={"PageSize": _LOOKED_BACK, "MaxItems": _LOOKED_BACK},
        )
        ended = (run.get(Field.STATUS) for run in found if run.get(Field.STATUS) in FINAL)
        return next((status for status in ended if status != RunStatus.SKIPPED), None) in _FAILED

    def _of(self, status: RunStatus, moment: datetime) -> Iterator[Item]:
        return pages(
            self._clients,
            "query",
            TableName=self._name,
            IndexName=BY_STATUS,
            KeyConditionExpression="#status = :status AND started_at >= :moment",
            ExpressionAttributeValues=to_dynamodb({":status": status, ":moment": iso(moment)}),
            ProjectionExpression=_NEEDED,
            **names(_NEEDED),
            ScanIndexForward=False,
            PaginationConfig={"MaxItems": _MOST},
        )


def _run(item: Item) -> Iterator[FailedRun]:
    """Yield a run, if its row can be read."""
    try:
        started_at = datetime.fromisoformat(item[Field.STARTED_AT])
    except (KeyError, TypeError, ValueError):
        return
    if started_at.tzinfo is not None and is_trigger_id(item[Field.TRIGGER_ID]):
        said = item.get(Field.CAUSE) or item.get(Field.ERROR) or item[Field.STATUS]
        yield FailedRun(item[Field.JOB_NAME], started_at, str(said))
