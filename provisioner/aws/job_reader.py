"""What the tables keep of one job besides its runs, in as few requests as there can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.aws.items import to_dynamodb
from provisioner.aws.run_costs import month_of
from provisioner.aws.run_items import pause_of
from provisioner.aws.stacks_table import record_of
from provisioner.aws.tables import get_across, pages
from provisioner.runs.keys import COST_PREFIX, DEPENDANT_PREFIX, PAUSE, dependant_of

if TYPE_CHECKING:
    from provisioner.aws.clients import Clients
    from provisioner.aws.items import Item
    from provisioner.runs.cost import MonthlyCost
    from provisioner.runs.model import Pause
    from provisioner.stacks.model import StackRecord


@dataclass(frozen=True, slots=True)
class JobItems:
    """A job's row, its Stacks row, and its pause after failures; each None where there is none."""

    row: Item | None
    record: StackRecord | None
    pause: Pause | None


class JobReader:
    """Reads what is kept of one job at a time."""

    def __init__(
        self, clients: Clients, jobs_table: str, stacks_table: str, triggers_table: str
    ) -> None:
        self._clients = clients
        self._jobs = jobs_table
        self._stacks = stacks_table
        self._triggers = triggers_table

    def items(self, job_name: str) -> JobItems:
        """Read a job's items of three tables consistently, with one request.

        Raises
        ------
        ThrottledError
            If DynamoDB is short of throughput.
        """
        key = {"job_name": job_name}
        keys = {
            self._jobs: key,
            self._stacks: key,
            self._triggers: {**key, "trigger_id": PAUSE},
        }
        found = get_across(self._clients, keys)
        record, pause = found.get(self._stacks), found.get(self._triggers)
        return JobItems(
            found.get(self._jobs),
            None if record is None else record_of(record),
            None if pause is None else pause_of(pause),
        )

    def costs_and_dependants(self, job_name: str) -> tuple[list[MonthlyCost], list[str]]:
        """Return what a job's months have cost, newest first, and which jobs run after it.

        One query: their keys are neighbours.
        """
        first, end = COST_PREFIX, f"{DEPENDANT_PREFIX}~"
        found = list(
            pages(
                self._clients,
                "query",
                TableName=self._triggers,
                KeyConditionExpression="job_name = :job AND trigger_id BETWEEN :first AND :end",
                ExpressionAttributeValues=to_dynamodb(
                    {":job": job_name, ":first": first, ":end": end}
                ),
            )
        )
        months = [month_of(item) for item in found if item["trigger_id"].startswith(COST_PREFIX)]
        dependants = [
            dependant_of(item["trigger_id"])
            for item in found
            if item["trigger_id"].startswith(DEPENDANT_PREFIX)
            and isinstance(item.get("needs"), list)
        ]
        return months[::-1], dependants
