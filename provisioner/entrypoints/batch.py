"""Batches of records, of which each may fail alone (Lambda's partial batch responses)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from provisioner.entrypoints.function import send_to_dead_letter_queue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from provisioner.entrypoints.wiring import Runtime

T = TypeVar("T")

_WHOLE_BATCH = ""
"""An item identifier that fails the whole batch."""


class RecordBatch(Generic[T]):
    """The records of an invocation: those that could be read, and those that never can be."""

    def __init__(self, records: Iterable[Any], read: Callable[[Any], T]) -> None:
        self.read: list[tuple[Any, T]] = []
        self._unreadable: list[tuple[Any, Exception]] = []
        for record in records:
            try:
                self.read.append((record, read(record)))
            except Exception as error:  # noqa: BLE001  (whatever a record does, others continue)
                self._unreadable.append((record, error))

    def send_unreadable(self, runtime: Runtime, source: str) -> list[Any]:
        """Send what cannot be read to the dead-letter queue; return what that failed for, too."""
        return [
            record
            for record, error in self._unreadable
            if not send_to_dead_letter_queue(runtime, payload_of(record), error, source)
        ]


def payload_of(record: object) -> str:
    """Return what a record was sent with, as text: the body of a message, a stream's whole."""
    match record:
        case {"messageId": _, **rest}:
            return str(rest.get("body", ""))
        case _:
            return json.dumps(record, default=str)


def failures(records: Iterable[object]) -> dict[str, list[dict[str, str]]]:
    """Return a function's answer: these records must be delivered again."""
    return {"batchItemFailures": [{"itemIdentifier": _identifier(record)} for record in records]}


def _identifier(record: object) -> str:
    match record:
        case {"messageId": str(message_id)}:
            return message_id
        case {"dynamodb": {"SequenceNumber": str(sequence_number)}}:
            return sequence_number
        case _:
            return _WHOLE_BATCH
