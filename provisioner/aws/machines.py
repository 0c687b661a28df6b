"""The EC2 instances of runs: machines that are there for one run each."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from provisioner.aws.clients import translated
from provisioner.aws.tasks import started_by
from provisioner.errors import PermanentError, attempt_each
from provisioner.jobs.machines import DEADLINE_TAG, RUN_TAG

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provisioner.aws.clients import Clients

_ALIVE = ["pending", "running", "stopping", "stopped"]
_AT_ONCE = 100
"""Ours, of the 1,000 that EC2 terminates in one call."""


class Machines:
    """Machines of one bootstrap, known by their tags."""

    def __init__(self, clients: Clients, prefix: str) -> None:
        self._clients = clients
        self._prefix = prefix

    def stop(self, job_name: str, execution_name: str, reason: str) -> int:  # noqa: ARG002
        """Terminate what an execution left running; return how many machines that were.

        EC2 keeps no reason: that is on the run's row.
        """
        tags = {"job": job_name, RUN_TAG: started_by(execution_name)}
        return self._terminate([found["InstanceId"] for found in self._alive(tags)])

    def stop_overdue(self, now: datetime) -> int:
        """Terminate machines whose deadline has passed; return how many that were.

        A machine ends by itself long before: this is for one that no longer can.
        """
        overdue = [found["InstanceId"] for found in self._alive({}) if _deadline(found) < now]
        return self._terminate(overdue)

    def _alive(self, tags: dict[str, str]) -> Iterator[dict[str, Any]]:
        wanted = {"provisioner": self._prefix, **tags}
        filters = [
            {"Name": "instance-state-name", "Values": _ALIVE},
            {"Name": "tag-key", "Values": [RUN_TAG]},
            *({"Name": f"tag:{name}", "Values": [value]} for name, value in wanted.items()),
        ]
        with translated():
            pages = self._clients.ec2.get_paginator("describe_instances")
            for page in pages.paginate(Filters=filters):
                for reservation in page["Reservations"]:
                    yield from reservation["Instances"]

    def _terminate(self, instance_ids: Sequence[str]) -> int:
        starts = range(0, len(instance_ids), _AT_ONCE)
        attempt_each(starts, lambda at: self._terminate_some(instance_ids[at : at + _AT_ONCE]))
        return len(instance_ids)

    def _terminate_some(self, instance_ids: Sequence[str]) -> None:
        """Terminate them at once; one by one if EC2 refuses that for the sake of one of them."""
        try:
            with translated():
                self._clients.ec2.terminate_instances(InstanceIds=list(instance_ids))
        except PermanentError:
            if len(instance_ids) == 1:
                raise
            attempt_each(instance_ids, lambda one: self._terminate_some([one]))


def _deadline(instance: dict[str, Any]) -> datetime:
    """Return a machine's deadline, the end of time if its tag does not say."""
    tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
    text = tags.get(DEADLINE_TAG, "")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return datetime.max.replace(tzinfo=instance["LaunchTime"].tzinfo)
