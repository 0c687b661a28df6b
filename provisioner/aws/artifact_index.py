"""Which jobs track which artifacts: an item of the Triggers table for each pair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provisioner.aws.items import to_dynamodb
from provisioner.aws.tables import WRITE_BATCH_SIZE, pages, write_batch
from provisioner.runs import keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from provisioner.aws.clients import Clients


class ArtifactIndex:
    """Pairs of an artifact and a job; `provisioner.jobs.tracked` names the artifacts."""

    def __init__(self, clients: Clients, triggers_table: str) -> None:
        self._clients = clients
        self._name = triggers_table

    def add(self, job_name: str, artifacts: Iterable[str]) -> None:
        """Let a job track artifacts; adding a pair twice is adding it once."""
        self.add_all({job_name: artifacts})

    def add_all(self, tracked: Mapping[str, Iterable[str]]) -> None:
        """Let each job track its artifacts."""
        self._write(
            {"PutRequest": {"Item": _pair(job_name, artifact)}}
            for job_name, artifacts in tracked.items()
            for artifact in artifacts
        )

    def remove(self, job_name: str, artifacts: Iterable[str]) -> None:
        """Let a job track artifacts no longer."""
        self._write({"DeleteRequest": {"Key": _pair(job_name, each)}} for each in artifacts)

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
        return (keys.tracker_of(item["trigger_id"]) for item in found)

    def _write(self, requests: Iterable[Mapping[str, Any]]) -> None:
        writes = list(requests)
        for first in range(0, len(writes), WRITE_BATCH_SIZE):
            write_batch(self._clients, self._name, writes[first : first + WRITE_BATCH_SIZE])


def _pair(job_name: str, artifact: str) -> dict[str, Any]:
    return to_dynamodb({"job_name": keys.artifact(artifact), "trigger_id": keys.tracker(job_name)})
