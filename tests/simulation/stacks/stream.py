"""The stream of the Jobs table and its event source mapping, as template.yaml sets it."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from tests.simulation.stacks.lambdas import FunctionError
from tests.simulation.stacks.tables import Edit, Row
from tests.simulation.timeline import Timeline

LANES = 3
"""Concurrent batches of all shards: the order of a key's records is kept, no other."""
BATCH_SIZE = 100
MAXIMUM_RETRY_ATTEMPTS = 10
MAXIMUM_RECORD_AGE = timedelta(hours=1)


@dataclass(frozen=True)
class Record:
    sequence_number: int
    at: datetime
    job_name: str
    content: dict[str, Any]

    def event(self) -> dict[str, Any]:
        return self.content


@dataclass
class Batch:
    records: list[Record]
    attempts: int = 0


@dataclass
class Lane:
    waiting: list[Record] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    is_polled: bool = False


class Stream:
    """Delivers each record at least once, in the order of its key, until retries or age run out."""

    def __init__(
        self,
        timeline: Timeline,
        chance: random.Random,
        invoke: Callable[[str, dict[str, Any]], Any],
    ) -> None:
        self._timeline = timeline
        self._chance = chance
        self._invoke = invoke
        self._lanes = [Lane() for _ in range(LANES)]
        self._sequence_number = 4421584500000000017450439091
        self.trouble = 0.0
        self.discarded: list[Record] = []

    def put(self, edit: Edit) -> None:
        """Take an edit of the table."""
        name = "INSERT" if edit.old is None else "REMOVE" if edit.new is None else "MODIFY"
        images = {"OldImage": edit.old, "NewImage": edit.new}
        self._append(
            edit.job_name,
            name,
            {"Keys": {"job_name": {"S": edit.job_name}}}
            | {image: typed(row) for image, row in images.items() if row is not None},
        )

    def put_poison(self, near: str) -> None:
        """Take a record without keys, in the same lane as a job's: none that any code expects."""
        self.put_odd({}, near)

    def put_odd(self, content: dict[str, Any], near: str) -> None:
        """Take a record of any content, in the same lane as a job's."""
        self._append(near, "MODIFY", content)

    def redrive(self) -> None:
        """Deliver what was given up, as a person does who has found it in the bucket."""
        records, self.discarded = self.discarded, []
        for record in records:
            self._lane(record.job_name).batches.append(Batch([record]))
            self._poll_soon(self._lane(record.job_name), 1)

    def _append(self, job_name: str, event_name: str, content: dict[str, Any]) -> None:
        self._sequence_number += 1
        dynamodb = {
            "ApproximateCreationDateTime": self._timeline.now.timestamp(),
            "SequenceNumber": str(self._sequence_number),
            **content,
        }
        event = {"eventSource": "aws:dynamodb", "eventName": event_name, "dynamodb": dynamodb}
        record = Record(self._sequence_number, self._timeline.now, job_name, event)
        lane = self._lane(job_name)
        lane.waiting.append(record)
        late = self._chance.random() < self.trouble
        self._poll_soon(lane, self._chance.uniform(20, 200) if late else self._chance.uniform(0, 2))

    def _lane(self, job_name: str) -> Lane:
        return self._lanes[zlib.crc32(job_name.encode()) % LANES]

    def _poll_soon(self, lane: Lane, seconds: float) -> None:
        if not lane.is_polled:
            lane.is_polled = True
            self._timeline.after(seconds, partial(self._poll, lane))

    def _poll(self, lane: Lane) -> None:
        lane.is_polled = False
        if not lane.batches and lane.waiting:
            lane.batches.append(Batch(lane.waiting[:BATCH_SIZE]))
            del lane.waiting[:BATCH_SIZE]
        if not lane.batches:
            return
        batch = lane.batches.pop(0)
        left = self._deliver(batch)
        lane.batches[:0] = [part for part in left if not self._is_given_up(part)]
        if lane.batches or lane.waiting:
            self._poll_soon(lane, min(60, 2**batch.attempts) if left else 0.1)

    def _deliver(self, batch: Batch) -> list[Batch]:
        """Return what has to be delivered again, in parts."""
        records = batch.records
        event = {"Records": [record.content for record in records]}
        try:
            answer = self._invoke("job_stream", event)
        except FunctionError:
            if len(records) == 1:
                return [Batch(records, batch.attempts + 1)]
            half = len(records) // 2  # BisectBatchOnFunctionError; the split is no attempt
            return [Batch(records[:half], batch.attempts), Batch(records[half:], batch.attempts)]
        failed = [int(item["itemIdentifier"]) for item in answer["batchItemFailures"]]
        if failed:
            again = [record for record in records if record.sequence_number >= min(failed)]
            return [Batch(again, batch.attempts + 1)]
        if self._chance.random() < self.trouble:
            self._timeline.after(self._chance.uniform(0, 100), partial(self._repeat, event))
        return []

    def _repeat(self, event: dict[str, Any]) -> None:
        try:
            self._invoke("job_stream", event)
        except FunctionError:
            return  # the records were checkpointed long ago

    def _is_given_up(self, batch: Batch) -> bool:
        oldest = batch.records[0].at
        if (
            batch.attempts <= MAXIMUM_RETRY_ATTEMPTS
            and self._timeline.now - oldest <= MAXIMUM_RECORD_AGE
        ):
            return False
        self.discarded += batch.records
        return True


def typed(row: Row) -> dict[str, Any]:
    """Return a row as the images of a stream record hold it."""
    return {
        name: {"BOOL": value} if isinstance(value, bool) else {"S": str(value)}
        for name, value in row.items()
    }
