"""What runs have cost, on their rows in the Triggers table, and summed up by job and month."""

from __future__ import annotations

from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any

from provisioner.aws.clients import translated
from provisioner.aws.items import to_dynamodb, to_plain
from provisioner.aws.tables import pages, written
from provisioner.aws.updates import update
from provisioner.runs.cost import Cost, MonthlyCost, cost_values
from provisioner.runs.keys import COST_PREFIX, COST_RETENTION_SECONDS, Field, cost
from provisioner.runs.model import FINAL
from provisioner.runs.usage import SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from provisioner.aws.clients import Clients
    from provisioner.aws.items import Item
    from provisioner.runs.usage import Usage


class RunCosts:
    """Writes each run's cost once, together with the sum of its month."""

    def __init__(self, clients: Clients, table: str, clock: Callable[[], datetime]) -> None:
        self._clients = clients
        self._table = table
        self._clock = clock

    def ended(self, job_name: str, trigger_id: str) -> Item | None:
        """Read the row of an ended run consistently; None when there is none."""
        with translated():
            found = self._clients.dynamodb.get_item(
                TableName=self._table,
                Key=to_dynamodb(_key(job_name, trigger_id)),
                ConsistentRead=True,
            )
        row = to_plain(found["Item"]) if "Item" in found else {}
        return row if row.get(Field.STATUS) in FINAL else None

    def record(
        self,
        job_name: str,
        trigger_id: str,
        usage: Usage,
        found: Cost | None,
        month: str,
        derived: Mapping[str, object] | None = None,
    ) -> bool:
        """Write what a run has used and cost; False when that was written before.

        Without a figure the run is counted as one that has none.

        Parameters
        ----------
        derived
            Attributes to write with it.
        """
        values: dict[str, object] = {
            **(derived or {}),
            Field.USAGE: usage.attributes(),
            **cost_values(found),
        }
        of_run = update(
            self._table,
            _key(job_name, trigger_id),
            f"SET {', '.join(f'#{name} = :{name}' for name in values)}",
            f"attribute_exists(#status) AND attribute_not_exists(#usage.{SECONDS})",
            **values,
        )
        items = [{"Update": of_run}, {"Update": self._of_month(job_name, month, found)}]
        return written(self._clients, "transact_write_items", TransactItems=items) is not None

    def months(self, job_name: str, count: int) -> list[MonthlyCost]:
        """Return what the last months of a job have cost, newest first."""
        found = pages(
            self._clients,
            "query",
            TableName=self._table,
            KeyConditionExpression="job_name = :job AND begins_with(trigger_id, :prefix)",
            ExpressionAttributeValues=to_dynamodb({":job": job_name, ":prefix": COST_PREFIX}),
            ScanIndexForward=False,
            Limit=count,
        )
        return [month_of(item) for item in islice(found, count)]

    def _of_month(self, job_name: str, month: str, found: Cost | None) -> dict[str, Any]:
        return update(
            self._table,
            _key(job_name, cost(month)),
            "SET expires_at = :expires_at ADD #runs :one, #unpriced :unpriced, "
            "#estimated_cost :most, #estimated_cost_from :least",
            expires_at=int(self._clock().timestamp()) + COST_RETENTION_SECONDS,
            one=1,
            unpriced=0 if found else 1,
            most=found.usd if found else 0,
            least=found.least if found else 0,
        )


def month_of(item: Mapping[str, Any]) -> MonthlyCost:
    """Return the sum that an item has of a month; what is not a number counts as zero."""
    numbers = {
        name: value if isinstance(value := item.get(name), Decimal) else Decimal()
        for name in (Field.RUNS, Field.ESTIMATED_COST, Field.ESTIMATED_COST_FROM, Field.UNPRICED)
    }
    return MonthlyCost(
        month=str(item[Field.TRIGGER_ID]).removeprefix(COST_PREFIX),
        runs=int(numbers[Field.RUNS]),
        cost=Cost(numbers[Field.ESTIMATED_COST], numbers[Field.ESTIMATED_COST_FROM]),
        unpriced=int(numbers[Field.UNPRICED]),
    )


def _key(job_name: str, trigger_id: str) -> dict[str, str]:
    return {Field.JOB_NAME: job_name, Field.TRIGGER_ID: trigger_id}
