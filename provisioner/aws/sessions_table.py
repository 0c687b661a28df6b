"""The Sessions table: who is signed in to the console."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from provisioner.aws.clients import translated
from provisioner.aws.items import Item, to_dynamodb, to_plain
from provisioner.aws.tables import written
from provisioner.aws.updates import update
from provisioner.sessions import Session

if TYPE_CHECKING:
    from provisioner.aws.clients import Clients


class SessionsTable:
    """Sessions by the hash of their id; DynamoDB removes those that have expired within days."""

    def __init__(self, clients: Clients, name: str) -> None:
        self._clients = clients
        self._name = name

    def get(self, key: str) -> Session | None:
        """Return a session as it is now: one that was revoked a moment ago is gone."""
        with translated():
            response = self._clients.dynamodb.get_item(
                TableName=self._name, Key={"session": {"S": key}}, ConsistentRead=True
            )
        return _session(to_plain(response["Item"])) if "Item" in response else None

    def put(self, session: Session) -> None:
        """Keep a new session."""
        item = {
            "session": session.key,
            "subject": session.subject,
            "name": session.name,
            "groups": list(session.groups),
            "created_at": _seconds(session.created_at),
            "used_at": _seconds(session.used_at),
            "expires_at": math.ceil(session.ends_at.timestamp()),
        }
        with translated():
            self._clients.dynamodb.put_item(TableName=self._name, Item=to_dynamodb(item))

    def touch(self, session: Session) -> None:
        """Note the last use of a session, unless it was revoked in the meantime."""
        request = update(
            self._name,
            {"session": session.key},
            "SET used_at = :used_at, expires_at = :expires_at",
            "attribute_exists(created_at)",
            used_at=_seconds(session.used_at),
            expires_at=math.ceil(session.ends_at.timestamp()),
        )
        written(self._clients, "update_item", **request)

    def revoke(self, key: str) -> None:
        """Forget a session; one that is gone stays gone."""
        with translated():
            self._clients.dynamodb.delete_item(TableName=self._name, Key={"session": {"S": key}})


def _session(item: Item) -> Session:
    return Session(
        key=item["session"],
        subject=item["subject"],
        name=item["name"],
        groups=tuple(item["groups"]),
        created_at=datetime.fromtimestamp(int(item["created_at"]), UTC),
        used_at=datetime.fromtimestamp(int(item["used_at"]), UTC),
    )


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
