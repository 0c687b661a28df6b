"""An item of the RateLimits table: which deletions began within the last minutes."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from provisioner.aws.clients import translated
from provisioner.aws.items import Item, to_dynamodb, to_plain
from provisioner.aws.tables import unchanged_since, version_of, written
from provisioner.errors import ThrottledError
from provisioner.stacks import deletion_budget
from provisioner.stacks.deletion_budget import Budget, Deletions

if TYPE_CHECKING:
    from collections.abc import Callable

    from provisioner.aws.clients import Clients

_log = logging.getLogger(__name__)

_KEY = "deletions"
_TRIES = 10


class DeletionBudgetTable:
    """Counts deletions; of two writers at once one reads again."""

    def __init__(
        self,
        clients: Clients,
        rate_limits_table: str,
        budget: Budget,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._clients = clients
        self._table = rate_limits_table
        self._budget = budget
        self._clock = clock

    def spend(self, job_name: str) -> bool:
        """Tell whether the deletion of a job's stack may begin; see `deletion_budget.spend`."""
        now = self._clock()
        return self._change(lambda known: deletion_budget.spend(known, job_name, self._budget, now))

    def count_jobs(self, all_jobs: int) -> None:
        """Note how many jobs there are."""
        self._change(lambda known: (replace(known, all_jobs=all_jobs), True))

    def _change(self, change: Callable[[Deletions], tuple[Deletions, bool]]) -> bool:
        for _ in range(_TRIES):
            known, version = self._read()
            fresh, granted = change(known)
            if fresh == known or self._write(fresh, version):
                return granted
        message = "too many deletions begin at once"
        raise ThrottledError(message)

    def _read(self) -> tuple[Deletions, int]:
        with translated():
            response = self._clients.dynamodb.get_item(
                TableName=self._table, Key={"quota": {"S": _KEY}}, ConsistentRead=True
            )
        item = to_plain(response.get("Item", {}))
        return _deletions(item), version_of(item)

    def _write(self, fresh: Deletions, version: int) -> bool:
        item = {
            "quota": _KEY,
            "begun": {name: at.isoformat() for name, at in fresh.begun.items()},
            "all_jobs": fresh.all_jobs,
            "version": version + 1,
        }
        condition = unchanged_since(version)
        done = written(
            self._clients, "put_item", TableName=self._table, Item=to_dynamodb(item), **condition
        )
        return done is not None


def _deletions(item: Item) -> Deletions:
    try:
        return Deletions(
            {
                name: datetime.fromisoformat(at).astimezone(UTC)
                for name, at in item.get("begun", {}).items()
            },
            int(item.get("all_jobs", 0)),
        )
    except Exception as error:  # noqa: BLE001  (whatever a person may have written there)
        _log.warning("the deletions cannot be read (%r); they were %s", error, item)
        return Deletions()
