"""The upgrade of the provisioner: an item of the Triggers table, which only the last one has."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from provisioner.aws.clients import translated
from provisioner.aws.items import Item, to_dynamodb, to_plain
from provisioner.aws.stack_items import UPGRADE
from provisioner.aws.tables import unchanged_since, version_of, written
from provisioner.errors import ConflictError
from provisioner.runs import keys
from provisioner.runs.keys import Field
from provisioner.stacks.upgrade import Upgrade, UpgradeStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.aws.clients import Clients

_log = logging.getLogger(__name__)

_KEY: Mapping[str, str] = {Field.JOB_NAME: keys.UPGRADE, Field.TRIGGER_ID: keys.UPGRADE}
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class UpgradeTable:
    """Reads and writes the upgrade; of two writers at once one is refused."""

    def __init__(self, clients: Clients, triggers_table: str) -> None:
        self._clients = clients
        self._name = triggers_table

    def get(self) -> Upgrade | None:
        """Return the last upgrade, None before the first."""
        with translated():
            found = self._clients.dynamodb.get_item(
                TableName=self._name, Key=to_dynamodb(_KEY), ConsistentRead=True
            )
        return _upgrade(to_plain(found["Item"])) if "Item" in found else None

    def save(self, upgrade: Upgrade) -> None:
        """Write an upgrade as the successor of `upgrade.version`.

        Raises
        ------
        ConflictError
            If it was written since that version was read.
        """
        item = {
            **_KEY,
            Field.UPGRADE: UPGRADE.write(upgrade),
            Field.VERSION: upgrade.version + 1,
        }
        condition = unchanged_since(upgrade.version)
        done = written(
            self._clients, "put_item", TableName=self._name, Item=to_dynamodb(item), **condition
        )
        if done is None:
            message = "somebody else has just changed the upgrade: check its status again"
            raise ConflictError(message)


def _upgrade(item: Item) -> Upgrade:
    version = version_of(item)
    try:
        found: Upgrade = UPGRADE.read(item[Field.UPGRADE])
    except Exception as error:  # noqa: BLE001  (whatever a person may have written there)
        _log.warning("the upgrade cannot be read (%r); it was %s", error, item)
        return Upgrade(
            id="unreadable",
            waves=(100,),
            soak=timedelta(0),
            pause_on_failures=1,
            by="",
            started_at=_LONG_AGO,
            status=UpgradeStatus.ABORTED,
            reason="Its item in the Triggers table cannot be read.",
            ended_at=_LONG_AGO,
            version=version,
        )
    return replace(found, version=version)
