"""Which jobs track which artifacts: an item of the Triggers table for each pair."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from provisioner.aws.items import to_dynamodb
from provisioner.aws.tables import WRITE_BATCH_SIZE, pages, write_batch, written
from provisioner.runs import keys
from provisioner.runs.keys import Field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from provisioner.aws.clients import Clients


KEPT = timedelta(days=30)
"""A pair that the daily check does not write again: a function ended between it and the Stacks row,
and no Stacks row names it. Long enough for a daily check that does not run for weeks."""


class ArtifactIndex:
    """Pairs of an artifact and a job; `provisioner.jobs.tracked` names the artifacts."""

    def __init__(
        self, clients: Clients, triggers_table: str, clock: Callable[[], datetime]
    ) -> None:
        self._clients = clients
        self._name = triggers_table
        self._clock = clock

    def add(self, job_name: str, artifacts: Iterable[str], version: int) -> None:
        """Let a job track artifacts; adding a pair twice is adding it once.

        Parameters
        ----------
        version
            Of the Stacks row that says what the job tracked until now.
        """
        self.add_all([(job_name, artifacts, version)])

    def add_all(self, tracked: Iterable[tuple[str, Iterable[str], int]]) -> None:
        """Let each job track its artifacts; see `add`."""
        expires_at = int((self._clock() + KEPT).timestamp())
        writes: list[dict[str, Any]] = []
        for job_name, artifacts, version in tracked:
            more = {Field.VERSION: version, Field.EXPIRES_AT: expires_at}
            items = (to_dynamodb(_pair(job_name, each) | more) for each in artifacts)
            writes += [{"PutRequest": {"Item": item}} for item in items]
        for first in range(0, len(writes), WRITE_BATCH_SIZE):
            write_batch(self._clients, self._name, writes[first : first + WRITE_BATCH_SIZE])

    def remove(self, job_name: str, artifacts: Iterable[str], version: int) -> None:
        """Let a job track artifacts no longer, but those that were added again since `version`.

        Another reconcile may have added one at the same time, because the row names it again.
        """
        for each in artifacts:
            written(
                self._clients,
                "delete_item",
                TableName=self._name,
                Key=to_dynamodb(_pair(job_name, each)),
                ConditionExpression="attribute_not_exists(version) OR version < :read",
                ExpressionAttributeValues=to_dynamodb({":read": version}),
            )

    def jobs_of(self, artifact: str) -> Iterator[str]:
        """Yield the jobs that track an artifact.

        One query, and another for each further megabyte, which is some 5,000 jobs.
        """
        found = pages(
            self._clients,
            "query",
            TableName=self._name,
            KeyConditionExpression="job_name = :artifact AND begins_with(trigger_id, :tracker)",
            ExpressionAttributeValues=to_dynamodb(
                {":artifact": keys.artifact(artifact), ":tracker": keys.TRACKER_PREFIX}
            ),
            ConsistentRead=True,
        )
        return (keys.tracker_of(item[Field.TRIGGER_ID]) for item in found)


def _pair(job_name: str, artifact: str) -> dict[str, Any]:
    return {Field.JOB_NAME: keys.artifact(artifact), Field.TRIGGER_ID: keys.tracker(job_name)}
