"""Which jobs run after which: an item of the Triggers table for each pair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provisioner.aws.items import to_dynamodb
from provisioner.aws.tables import WRITE_BATCH_SIZE, pages, write_batch
from provisioner.runs import keys
from provisioner.runs.keys import Field
from provisioner.runs.model import RunStatus, Success

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from provisioner.aws.clients import Clients
    from provisioner.aws.items import Item


class DependantsTable:
    """Pairs of jobs: one that others depend on, and a dependant."""

    def __init__(self, clients: Clients, name: str) -> None:
        self._clients = clients
        self._name = name

    def change(self, job_name: str, *, before: Iterable[str], after: tuple[str, ...]) -> None:
        """Let a job depend on those in `after`, and no longer on others of `before`."""
        sort_key = keys.dependant(job_name)
        writes: list[dict[str, Any]] = [
            {
                "PutRequest": {
                    "Item": to_dynamodb(
                        {Field.JOB_NAME: name, Field.TRIGGER_ID: sort_key, Field.NEEDS: list(after)}
                    )
                }
            }
            for name in after
        ]
        writes += [
            {
                "DeleteRequest": {
                    "Key": to_dynamodb({Field.JOB_NAME: name, Field.TRIGGER_ID: sort_key})
                }
            }
            for name in before
            if name not in after
        ]
        for first in range(0, len(writes), WRITE_BATCH_SIZE):
            write_batch(self._clients, self._name, writes[first : first + WRITE_BATCH_SIZE])

    def of(self, job_name: str) -> dict[str, tuple[str, ...]]:
        """Return the dependants of a job, each with all jobs that it depends on."""
        found = self._query(job_name, "begins_with(trigger_id, :key)", keys.DEPENDANT_PREFIX)
        needs = {keys.dependant_of(item[Field.TRIGGER_ID]): item.get(Field.NEEDS) for item in found}
        return {
            name: tuple(map(str, all_of))
            for name, all_of in needs.items()
            if isinstance(all_of, list)
        }

    def last_started_at(self, job_name: str) -> str:
        """Return when the job's last run that was not skipped came, "" without one; ISO 8601."""
        for run in self._query(job_name, "trigger_id > :key", keys.FIRST_RUN, newest_first=True):
            if run.get(Field.STATUS, RunStatus.SKIPPED) != RunStatus.SKIPPED:
                return keys.started_at_of(run[Field.TRIGGER_ID])
        return ""

    def last_success(self, job_name: str) -> Success | None:
        """Return the job's last run that succeeded."""
        for run in self._query(job_name, "trigger_id > :key", keys.FIRST_RUN, newest_first=True):
            if run.get(Field.STATUS) == RunStatus.SUCCEEDED:
                return Success(run[Field.TRIGGER_ID], str(run.get(Field.ENDED_AT, "")))
        return None

    def _query(
        self, job_name: str, condition: str, key: str, *, newest_first: bool = False
    ) -> Iterator[Item]:
        return pages(
            self._clients,
            "query",
            TableName=self._name,
            KeyConditionExpression=f"job_name = :job AND {condition}",
            ExpressionAttributeValues=to_dynamodb({":job": job_name, ":key": key}),
            ScanIndexForward=not newest_first,
            ConsistentRead=True,
            PaginationConfig={"PageSize": 20},
        )
