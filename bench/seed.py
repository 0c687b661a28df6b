"""Jobs and runs in an engine's tables, written directly: no stack is made and nothing runs.

``python -m bench.seed`` fills the engine that the environment names (``provisioner local env``), to
look at the console with many jobs. Its functions no longer hear of changes after that.
"""

from __future__ import annotations

import argparse
import json
import os
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from provisioner.audit.entries import Entry, Outcome, new_id
from provisioner.audit.versions import Written
from provisioner.aws.clients import Clients
from provisioner.aws.items import to_dynamodb
from provisioner.aws.tables import WRITE_BATCH_SIZE
from provisioner.jobs import guarded
from provisioner.jobs.row_summary import summary_of
from provisioner.runs.keys import run_shard, trigger_id
from provisioner.runs.model import RunStatus, iso
from provisioner.service.context import connect
from provisioner.service.rights import Action
from provisioner.stacks.model import Condition, JobStatus, StackRecord
from tests.support.engine import EngineUnderTest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provisioner.service.context import Item, Service

JOBS, RUNS = 1_000, 100_000
THREADS = 4
TYPES = ("lambda", "ecs", "batch")
OWNERS = ("data", "web", "billing", "search")
ENDS = (*[RunStatus.SUCCEEDED] * 18, RunStatus.FAILED, RunStatus.TIMED_OUT)
SHOWN_RUNS = 40
VERSIONS, ACTIONS, LINES, DEAD_LETTERS = 10, 300, 500, 20


def here() -> Service:
    """Return the service of the engine that the environment names."""
    stack = os.environ["PROVISIONER_STACK"]
    return connect(stack, Clients(), lambda: datetime.now(UTC))


def seed(service: Service, under_test: EngineUnderTest, jobs: int, runs: int) -> None:
    """Write so many jobs, and so many runs of them within the last 30 days."""
    silence(under_test)
    chance, now = random.Random(1), datetime.now(UTC)  # noqa: S311
    names = [f"{OWNERS[n % len(OWNERS)]}-job-{n:04}" for n in range(jobs)]
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda n: _job(service, under_test, names[n], n, now), range(jobs)))
        each = [runs // jobs + (n < runs % jobs) for n in range(jobs)]
        rows = [
            list(_runs(chance, name, count, now)) for name, count in zip(names, each, strict=True)
        ]
        list(pool.map(lambda some: _write(service, under_test, some), rows))
    first = min(names)
    _versions(service, first, now)
    _audit(service, first, now)
    _log(service, first)
    _dead_letters(service, names)


def silence(under_test: EngineUnderTest) -> None:
    """Let no function hear of changes of tables."""
    client = under_test.client("lambda")
    for mapping in client.list_event_source_mappings()["EventSourceMappings"]:
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)


def _job(
    service: Service, under_test: EngineUnderTest, name: str, number: int, now: datetime
) -> None:
    row = under_test.lambda_row(
        name,
        owner=OWNERS[number % len(OWNERS)],
        description=f"Does the work number {number}, as every night",
        tags={"team": OWNERS[number % len(OWNERS)], "tier": str(number % 3)},
        schedule=f"cron({number % 60} {number % 24} * * ? *)",
        pause_on_failures=3,
    )
    status = JobStatus.FAILED if number % 20 == 0 else JobStatus.READY
    ready = Condition("Ready", str(status is JobStatus.READY), status.title(), "", now)
    digest = "d" * 64
    record = StackRecord(
        name,
        status=status,
        stack_name=f"jobs-{name}",
        spec_digest=digest,
        deployed_digest=digest,
        outputs={"LogGroup": f"/jobs/{name}"},
        conditions=(ready,),
        row=summary_of(row, guarded.parse(row)),
        updated_at=now,
    )
    service.jobs.put(row)
    service.stacks.save(record)


def _runs(chance: random.Random, name: str, count: int, now: datetime) -> Iterator[Item]:
    for number in range(count):
        began = now - timedelta(days=30) * chance.random()
        took_ms = chance.randint(500, 600_000)
        status = chance.choice(ENDS)
        key = trigger_id(iso(began), f"run-{number:06}")
        failed = {} if status is RunStatus.SUCCEEDED else {"error": "ValueError", "cause": "row 7"}
        yield {
            "job_name": name,
            "trigger_id": key,
            "run_shard": run_shard(key),
            "status": status,
            "type": TYPES[number % len(TYPES)],
            "source": "schedule",
            "started_at": iso(began),
            "ended_at": iso(began + timedelta(milliseconds=took_ms)),
            "duration_ms": took_ms,
            "attempts": 1,
            "execution_arn": f"arn:aws:states:eu-west-1:1:execution:jobs-{name}:run-{number:06}",
            "log_url": "https://example.com/" + 100 * "x",
            "input": '{"source": "' + 200 * "x" + '"}',
            "output": '{"rows": ' + str(number) + "}",
            **failed,
        }


def _write(service: Service, under_test: EngineUnderTest, rows: Sequence[Item]) -> None:
    if not rows:
        return
    client, table = service.clients.dynamodb, under_test.table("Triggers").name
    for first in range(0, len(rows), WRITE_BATCH_SIZE):
        some: list[dict[str, Any]] = [
            {"PutRequest": {"Item": to_dynamodb(row)}}
            for row in rows[first : first + WRITE_BATCH_SIZE]
        ]
        client.batch_write_item(RequestItems={table: some})
    newest = sorted(rows, key=lambda row: str(row["trigger_id"]))[-SHOWN_RUNS:]
    service.recent_runs.add(str(rows[0]["job_name"]), newest)


def _versions(service: Service, name: str, now: datetime) -> None:
    """Let a job's row have been written again and again."""
    before, row = None, service.existing_row(name)
    for number in range(VERSIONS):
        after = row | {"memory_mb": 128 + number}
        at = now - timedelta(days=VERSIONS - number)
        service.row_versions.record(Written(name, str(1_000 + number), at, before, after))
        before = after


def _audit(service: Service, name: str, now: datetime) -> None:
    for number in range(ACTIONS):
        at = now - timedelta(minutes=ACTIONS - number)
        service.audit.write(
            Entry(
                new_id(at, f"{number:04}"),
                action=Action.START_RUN,
                by="ada",
                via="console",
                proven=True,
                job_name=name,
                outcome=Outcome.DONE,
            )
        )


def _log(service: Service, name: str) -> None:
    """Let the last run of a job have logged into a stream of its own."""
    (run,), stream = service.triggers.latest(name, 1), "seeded"
    began = datetime.fromisoformat(str(run["started_at"])).timestamp()
    logs, group = service.clients.logs, f"/jobs/{name}"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    events = [
        {"timestamp": int(began * 1000) + number, "message": f"line {number} of many"}
        for number in range(LINES)
    ]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
    service.clients.dynamodb.update_item(
        TableName=service.outputs["TriggersTableName"],
        Key=to_dynamodb({key: run[key] for key in ("job_name", "trigger_id")}),
        UpdateExpression="SET log_stream = :stream",
        ExpressionAttributeValues=to_dynamodb({":stream": stream}),
    )


def _dead_letters(service: Service, names: Sequence[str]) -> None:
    url = service.dead_letters.dead_letter_queue_url
    for name in names[:DEAD_LETTERS]:
        body = json.dumps({"job_name": name})
        service.clients.sqs.send_message(QueueUrl=url, MessageBody=body)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--runs", type=int, default=RUNS)
    options = parser.parse_args()
    seed(here(), EngineUnderTest(dict(os.environ)), options.jobs, options.runs)


if __name__ == "__main__":
    main()
