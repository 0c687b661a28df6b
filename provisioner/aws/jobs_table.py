"""The Jobs table: rows that people write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.aws.clients import client, translated
from provisioner.aws.items import Item, to_dynamodb
from provisioner.aws.tables import get_many, pages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


class JobsTable:
    """Rows as their authors wrote them: plain, unchecked values."""

    def __init__(self, name: str) -> None:
        self._name = name

    def get_many(self, job_names: Iterable[str]) -> dict[str, Item]:
        """Read rows consistently, by job name; a job without a row is left out."""
        return get_many(self._name, job_names)

    def put(self, row: Mapping[str, object]) -> None:
        """Write a row whole."""
        with translated():
            client("dynamodb").put_item(TableName=self._name, Item=to_dynamodb(row))

    def delete(self, job_name: str) -> bool:
        """Remove a row; False when there was none."""
        with translated():
            response = client("dynamodb").delete_item(
                TableName=self._name, Key={"job_name": {"S": job_name}}, ReturnValues="ALL_OLD"
            )
        return "Attributes" in response

    def all(self) -> Iterator[Item]:
        """Yield every row: for people's listings, and for the daily comparison."""
        return pages("scan", TableName=self._name)
