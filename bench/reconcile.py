"""A stream batch through the real handler, against the same AWS calls made bare.

Started as ``python -m bench.reconcile FILE`` in a function's environment, it measures its own CPU
time and writes the comparisons to FILE; its log is the function's own and goes nowhere.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError

from bench import aws, cold_start, environment
from bench.measure import Comparison, cpu_seconds, in_turns
from provisioner.entrypoints import wiring
from provisioner.entrypoints.job_stream import handler
from provisioner.jobs import guarded

if TYPE_CHECKING:
    from collections.abc import Callable

SIZES = (1, 50)
RECORDS_PER_RUN = 50
SERVICES = ("dynamodb", "cloudformation", "s3", "sqs")


class Context(LambdaContext):
    """What Powertools reads of Lambda's context object."""

    _function_name = "jobs-JobStreamFunction"
    _memory_limit_in_mb = 1024
    _invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:jobs"
    _aws_request_id = "6f1d2c3b-0000-4000-8000-000000000000"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        """Return the whole timeout: time does not run out here."""
        return 60_000


@dataclass(frozen=True, slots=True)
class Call:
    """One call as the handler made it."""

    service: str
    operation: str
    request: dict[str, Any]


def compare() -> list[Comparison]:
    """Measure in a process of its own: the clients read its environment, and it logs."""
    with aws.running() as url, tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        subprocess.run(
            [sys.executable, "-m", "bench.reconcile", str(results)],
            check=True,
            cwd=cold_start.ROOT,
            env=environment.for_process({"AWS_ENDPOINT_URL": url}),
            stdout=subprocess.DEVNULL,
        )
        return [Comparison(**result) for result in json.loads(results.read_text())]


def measure(url: str) -> list[Comparison]:
    return [
        comparison for size in SIZES for comparison in (_create(url, size), _nothing(url, size))
    ]


def _create(url: str, size: int) -> Comparison:
    """Compare for rows that have no stack yet: look up, synthesize, CreateStack, record."""
    per_record = {
        "HeadObject": 1,
        "GetItem": 1,  # of the line before CreateStack
        "DescribeStacks": 1,
        "CreateStack": 1,
        "PutItem": 2,  # into that line, and into the Stacks table
    }
    return _compare("reconcile, new rows", size, per_record, partial(aws.forget, url))


def _nothing(url: str, size: int) -> Comparison:
    """Compare for rows whose stack is as they want it: look up, and leave it."""
    aws.forget(url)
    deliver(stream_event(size))  # creates
    deliver(stream_event(size))  # sees that it is complete, and says so
    per_record = {"HeadObject": 1, "GetItem": 1, "DescribeStacks": 1, "PutItem": 1}
    return _compare("reconcile, settled rows", size, per_record, _as_it_is)


def _as_it_is() -> None:
    pass


def _compare(
    name: str, size: int, per_record: dict[str, int], prepare: Callable[[], None]
) -> Comparison:
    prepare()
    event = stream_event(size)
    calls = recorded(event)
    counts = Counter(call.operation for call in calls)
    wanted = {operation: size * calls for operation, calls in per_record.items()}
    reads = 2 * math.ceil(size / guarded.ROWS_AT_ONCE)
    assert counts == {"BatchGetItem": reads} | wanted, counts
    operations = [operation(call) for call in calls]
    batches = RECORDS_PER_RUN // size

    def seconds_per_record(work: Callable[[], None]) -> float:
        total = 0.0
        for _ in range(batches):
            prepare()
            total += cpu_seconds(work)
        return total / RECORDS_PER_RUN

    ours, raw = in_turns(
        lambda: seconds_per_record(lambda: deliver(event)),
        lambda: seconds_per_record(lambda: bare(operations)),
    )
    return Comparison(
        f"{name}, {size} a batch",
        "its raw botocore calls",
        ours,
        raw,
        aim=2,
        counts={"records": RECORDS_PER_RUN, "calls": batches * counts.total()},
    )


def deliver(event: dict[str, Any]) -> None:
    assert handler(event, Context()) == {"batchItemFailures": []}


def bare(operations: list[Callable[[], object]]) -> None:
    """Make the calls; a stack that does not exist is an answer, not a failure."""
    for call in operations:
        try:
            call()
        except ClientError as error:
            if "does not exist" not in str(error):
                raise


def recorded(event: dict[str, Any]) -> list[Call]:
    """Return the calls that the handler makes for an event, by making it."""
    calls: list[Call] = []

    def note(params: dict[str, Any], model: Any, **_: object) -> None:
        service = model.service_model.service_name
        calls.append(Call(service, model.name, dict(params)))

    for service in SERVICES:
        getattr(wiring.runtime().clients, service).meta.events.register_first(
            "provide-client-params", note
        )
    deliver(event)
    for service in SERVICES:
        getattr(wiring.runtime().clients, service).meta.events.unregister(
            "provide-client-params", note
        )
    return calls


def operation(call: Call) -> Callable[[], object]:
    """Return the client's own method for a call, with the call's request."""
    own = getattr(wiring.runtime().clients, call.service)
    methods = {operation: name for name, operation in own.meta.method_to_api_mapping.items()}
    return partial(getattr(own, methods[call.operation]), **call.request)


def stream_event(size: int) -> dict[str, Any]:
    return {
        "Records": [
            {
                "eventID": f"{number:032x}",
                "eventName": "MODIFY",
                "eventSource": "aws:dynamodb",
                "awsRegion": "eu-central-1",
                "dynamodb": {
                    "Keys": {"job_name": {"S": f"orders-{number}"}},
                    "SequenceNumber": f"{number:021d}",
                    "StreamViewType": "NEW_AND_OLD_IMAGES",
                },
            }
            for number in range(size)
        ]
    }


if __name__ == "__main__":
    found = measure(os.environ["AWS_ENDPOINT_URL"])
    Path(sys.argv[1]).write_text(json.dumps([asdict(comparison) for comparison in found]))
