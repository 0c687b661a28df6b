"""How far the rows of earlier versions are in an index that was added: one item an index."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from provisioner.aws.clients import translated
from provisioner.aws.items import to_dynamodb, to_plain
from provisioner.runs.keys import BACKFILL, Field
from provisioner.runs.model import iso, time_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from provisioner.aws.clients import Clients
    from provisioner.aws.items import Item


EARLIER_FUNCTIONS_END = timedelta(minutes=15)
"""As long as a function runs at most: until then, functions of the version before may be at work.

What they write, or hear of, where the scan has been already would be in no index.
"""


class IndexBackfill:
    """Remembers where the scan of a table continues."""

    def __init__(self, clients: Clients, triggers_table: str, index: str) -> None:
        self._clients = clients
        self._name = triggers_table
        self._key: dict[str, str] = {Field.JOB_NAME: index, Field.TRIGGER_ID: BACKFILL}

    def is_done(self) -> bool:
        """Tell whether the scan is through."""
        return Field.DONE_AT in self._item()

    def may_begin(self, now: datetime) -> bool:
        """Tell whether the scan may continue, or begin: some time after this was first asked."""
        item = self._item()
        if Field.AFTER in item:
            return True
        asked_at = time_of(item.get(Field.ASKED_AT))
        if asked_at is not None:
            return not asked_at <= now < asked_at + EARLIER_FUNCTIONS_END
        self._put({Field.ASKED_AT: iso(now)})
        return False

    def after(self, *names: str) -> dict[str, str] | None:
        """Return the key, of texts of these names, that the scan continues after.

        None for its beginning, which is also where it continues when that cannot be read.
        """
        return key_in(self._item().get(Field.AFTER), *names)

    def note(self, after: Mapping[str, str] | None, now: datetime) -> None:
        """Note the key that has been done last; None when the scan is through."""
        self._put({Field.AFTER: after} if after else {Field.DONE_AT: iso(now)})

    def _put(self, values: Mapping[str, object]) -> None:
        with translated():
            self._clients.dynamodb.put_item(
                TableName=self._name, Item=to_dynamodb({**self._key, **values})
            )

    def _item(self) -> Item:
        with translated():
            found = self._clients.dynamodb.get_item(
                TableName=self._name, Key=to_dynamodb(self._key), ConsistentRead=True
            )
        return to_plain(found.get("Item", {}))


def key_in(value: object, *names: str) -> dict[str, str] | None:
    """Return a key, of texts of just these names; None when it is not one."""
    if not isinstance(value, dict) or value.keys() != set(names):
        return None
    return value if all(isinstance(text, str) for text in value.values()) else None
