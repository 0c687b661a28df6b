"""What the tables keep of one job besides its runs, in as few requests as there can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.aws.items import to_dynamodb
from provisioner.aws.recent_runs import recent_of
from provisioner.aws.run_costs import month_of
from provisioner.aws.run_items import pause_of
from provisioner.aws.stacks_table import record_of
from provisioner.aws.tables import get_of_job, pages
from provisioner.runs.keys import COST_PREFIX, DEPENDANT_PREFIX, PAUSE, RECENT, dependant_of

if TYPE_CHECKING:
    from provisioner.aws.clients import Clients
    from provisioner.aws.items import Item
    from provisioner.runs.cost import MonthlyCost
    from provisioner.runs.model import Pause
    from provisioner.runs.recent import RecentRuns
    from provisioner.stacks.model import StackRecord


@dataclass(frozen=True, slots=True)
class JobItems:
    """A job's row, its Stacks row, its pause after failures, and its recent runs.

    None where there is none.
    """

    row: Item | None
    record: StackRecord | None
    pause: Pause | None
    recent: RecentRuns


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
        keys: dict[str, list[dict[str, object]]] = {
            self._jobs: [{}],
            self._stacks: [{}],
            self._triggers: [{"trigger_id": PAUSE}, {"trigger_id": RECENT}],
        }
        found = get_of_job(self._clients, job_name, keys)
        rows, records = found.get(self._jobs, []), found.get(self._stacks, [])
        of_runs = {item["trigger_id"]: item for item in found.get(self._triggers, [])}
        return JobItems(
            rows[0] if rows else None,
            record_of(records[0]) if records else None,
            pause_of(of_runs[PAUSE]) if PAUSE in of_runs else None,
            recent_of(of_runs.get(RECENT, {})),
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
