"""What is in S3 of the items of a run with a fan-out: an object for each that has ended."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provisioner.aws.clients import translated
from provisioner.errors import NotFoundError
from provisioner.runs.keys import object_folder
from provisioner.runs.model import RunStatus

if TYPE_CHECKING:
    from datetime import datetime

    from provisioner.aws.clients import Clients

_FOLDERS = {"failed": RunStatus.FAILED, "succeeded": RunStatus.SUCCEEDED}
_NAME = re.compile(r"(?P<folder>failed|succeeded)/(?P<index>0|[1-9][0-9]{0,5})\.json")

MOST_BYTES = 1_048_576
"""Of one object: what Step Functions passes on has 256 KiB."""


@dataclass(frozen=True, slots=True)
class EndedItem:
    """An item that has ended, as the key of its object says."""

    index: int
    status: RunStatus
    ended_at: datetime
    key: str


class FanOutItems:
    """Reads items from the artifacts bucket."""

    def __init__(self, clients: Clients, bucket: str) -> None:
        self._clients = clients
        self._bucket = bucket

    def ended(self, job_name: str, trigger_id: str) -> list[EndedItem]:
        """Return the items that have ended, by their index: a request for each thousand."""
        folder = f"{object_folder(job_name, trigger_id)}items/"
        found: list[EndedItem] = []
        with translated():
            pages = self._clients.s3.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix=folder):
                for each in page.get("Contents", ()):
                    if name := _NAME.fullmatch(each["Key"].removeprefix(folder)):
                        status, index = _FOLDERS[name["folder"]], int(name["index"])
                        found.append(EndedItem(index, status, each["LastModified"], each["Key"]))
        return sorted(found, key=lambda item: item.index)

    def one(self, job_name: str, trigger_id: str, index: int) -> dict[str, Any] | None:
        """Return what is kept of an item; None as long as it has not ended."""
        folder = f"{object_folder(job_name, trigger_id)}items/"
        read = (self.read(f"{folder}{name}/{index}.json") for name in _FOLDERS)
        return next((found for found in read if found is not None), None)

    def read(self, key: str) -> dict[str, Any] | None:
        """Return what an object says; None if it is gone, too large or not a JSON object."""
        try:
            with translated():
                body = self._clients.s3.get_object(Bucket=self._bucket, Key=key)["Body"]
                text = body.read(MOST_BYTES + 1)
        except NotFoundError:
            return None
        try:
            said = json.loads(text) if len(text) <= MOST_BYTES else None
        except (ValueError, RecursionError):
            return None
        return said if isinstance(said, dict) else None
