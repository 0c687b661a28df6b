"""The function as a straightforward author writes it: every library at the top, traced, with
Powertools' batches of pydantic models, a table resource and clients made at once.

It is only ever imported; bench.cold_start measures that.
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Tracer
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.parser.models import (
    DynamoDBStreamChangedRecordModel,
    DynamoDBStreamRecordModel,
)
from aws_lambda_powertools.utilities.typing import LambdaContext  # noqa: TC002  (as one does)

from bench.naive_lean import Job, logger, metrics, save

tracer = Tracer()


class ChangedRow(DynamoDBStreamChangedRecordModel):
    NewImage: Job | None = None


class Record(DynamoDBStreamRecordModel):
    dynamodb: ChangedRow


processor = BatchProcessor(event_type=EventType.DynamoDBStreams, model=Record)


@tracer.capture_method
def record_handler(record: Record) -> None:
    if record.dynamodb.NewImage is not None:
        save(record.dynamodb.NewImage)


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(
        event=event, record_handler=record_handler, processor=processor, context=context
    )
