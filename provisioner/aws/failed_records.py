"""Records of streams that Lambda gave up: in the artifacts bucket, written by Lambda alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from provisioner.aws.clients import translated
from provisioner.errors import PermanentError

if TYPE_CHECKING:
    from provisioner.aws.clients import Clients

FAILED_RECORDS = "aws/lambda/"
"""Begins the keys of the objects (on-failure destination of an event source mapping)."""


class FailedRecords:
    """Reads such objects, and no others: what is in them is taken for a record of the stream."""

    def __init__(self, clients: Clients, bucket: str) -> None:
        self._clients = clients
        self._bucket = bucket

    def read(self, key: str) -> list[Any]:
        """Return the records of an object.

        Raises
        ------
        NotFoundError
            If there is none.
        PermanentError
            If its key is another's, or it holds no records.
        """
        if not key.startswith(FAILED_RECORDS):
            message = f"{key} is not where Lambda puts the records of a stream"
            raise PermanentError(message)
        with translated():
            found = self._clients.s3.get_object(Bucket=self._bucket, Key=key)
            body = found["Body"].read()
        match _parsed(body):
            case {"payload": str(text)}:
                batch = _parsed(text)
            case {"payload": batch}:
                pass
            case _:
                batch = None
        match batch:
            case {"Records": list(records)}:
                return records
        message = f"{key} holds no records of a stream"
        raise PermanentError(message)


def _parsed(text: str | bytes) -> Any:  # noqa: ANN401  (any JSON)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
