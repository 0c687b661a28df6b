"""A bootstrap in moto with jobs, runs and logs as a team has them, and its console."""

from __future__ import annotations

import html
import json
import random
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from moto import mock_aws

from provisioner.audit.entries import Entry, Outcome, ShownChange, repeats
from provisioner.audit.versions import Written
from provisioner.console import loopback
from provisioner.console.app import App, Route
from provisioner.console.http import Request, Response, request_of, to_gateway
from provisioner.console.routes import ROUTES
from provisioner.jobs import FieldError, InvalidRow, parse, spec_digest
from provisioner.jobs.row_content import content_digest
from provisioner.runs.keys import object_folder
from provisioner.runs.model import iso
from provisioner.service.caller import Caller
from provisioner.service.context import Service
from provisioner.stacks.model import (
    Cause,
    Condition,
    Deployment,
    Failure,
    JobStatus,
    StackRecord,
)
from provisioner.stacks.upgrade import (
    FailureKind,
    Upgrade,
    UpgradeFailure,
    UpgradeProgress,
    UpgradeStatus,
)
from tests.support.cli import BUNDLES, OUTPUTS, REGION, Provisioner, put_run, warm_up
from tests.support.clients import CLIENTS
from tests.support.moto import StackEvent, make_history
from tests.support.rows import ROW

EVENTS = Path(__file__).parents[1] / "events"
NOW = datetime(2026, 11, 26, 9, 42, 17, tzinfo=UTC)

STAND_STILL = f"""{{
  const offset = {int(NOW.timestamp() * 1000)} - Date.now();
  const real = Date.now;
  Date.now = () => real() + offset;
}}"""
"""A script by which a browser's clock begins at NOW."""

JOBS: dict[str, dict[str, Any]] = {
    "billing-export": {
        "description": "Invoices of the day, as CSV, to the finance bucket",
        "owner": "finance",
        "schedule": "cron(0 6 * * ? *)",
        "timezone": "Europe/Berlin",
        "tags": {"team": "finance", "tier": "1"},
        "seconds": 95,
        "every": 120,
    },
    "catalog-sync": {
        "description": "Products of the shop into the search index",
        "owner": "search",
        "schedule": "rate(15 minutes)",
        "seconds": 38,
        "every": 60,
        "failing": 0.25,
        "error": ("TimeoutError", "index-3.search.internal did not answer within 30 s"),
    },
    "churn-model": {
        "description": "Trains the churn model on last week’s events",
        "owner": "data",
        "schedule": "cron(30 3 ? * MON *)",
        "timezone": "America/New_York",
        "tags": {"team": "data"},
        "seconds": 2410,
        "every": 400,
    },
    "daily-report": {
        "description": "Numbers of yesterday to the whole company",
        "owner": "data",
        "schedule": "cron(15 7 * * ? *)",
        "timezone": "Europe/Berlin",
        "seconds": 64,
        "every": 90,
        "running": True,
    },
    "email-digest": {
        "description": "What happened in each workspace, to those who asked for it",
        "owner": "growth",
        "schedule": "rate(1 hour)",
        "seconds": 210,
        "every": 45,
        "failing": 0.1,
        "error": ("KeyError", "'locale'"),
    },
    "fraud-score": {
        "description": "Scores the orders of the last ten minutes",
        "owner": "risk",
        "schedule": "rate(10 minutes)",
        "seconds": 12,
        "every": 30,
    },
    "image-thumbs": {
        "description": "Thumbnails for uploaded pictures",
        "owner": "media",
        "seconds": 7,
        "every": 25,
        "waiting": True,
    },
    "ledger-close": {
        "description": "Closes the ledger of the day",
        "owner": "finance",
        "schedule": "cron(0 23 * * ? *)",
        "timezone": "Europe/Berlin",
        "schedule_enabled": False,
        "seconds": 340,
        "every": 300,
    },
    "orders-to-json": {"owner": "data", "seconds": 19, "every": 50},
    "warehouse-load": {
        "description": "Loads the day’s events into the warehouse",
        "owner": "data",
        "schedule": "cron(0 2 * * ? *)",
        "seconds": 610,
        "every": 240,
        "timeout": True,
    },
}


@dataclass
class World:
    """A bootstrap and its console, at a time that stands still unless a test moves it."""

    provisioner: Provisioner
    now: datetime = NOW
    before: Callable[[Request], Request | Response] = loopback.before
    routes: tuple[Route, ...] = ROUTES

    def service(self, caller: Caller | None) -> Service:
        """Return the service for a caller."""
        asks = caller or Caller("-", via="console", role=loopback.Role.READ)
        return Service("jobs", OUTPUTS, CLIENTS, lambda: self.now, lambda: asks)

    def answer(self, request: Request) -> Response:
        """Return what the console answers."""
        return App(self.routes, self.before, self.service, _fail).answer(request)

    def handle(self, event: dict[str, Any]) -> dict[str, Any]:
        """Answer as the function does."""
        request = request_of(event)
        return to_gateway(request, self.answer(request))

    def get(self, address: str, **headers: str) -> Response:
        """Return a page as this machine's browser gets it."""
        path, _, query = address.partition("?")
        pairs = dict(parse_qsl(query))
        sent = {"host": "localhost:4566", **{k.replace("_", "-"): v for k, v in headers.items()}}
        return self.answer(Request("GET", path, pairs, headers=sent, source="127.0.0.1"))


def _fail() -> None:
    """Let a test see what a page was not meant to raise."""
    raise  # noqa: PLE0704  (called while an error is handled)


@contextmanager
def empty_world() -> Iterator[World]:
    """Yield a bootstrap without a row."""
    with mock_aws():
        provisioner = Provisioner()
        provisioner.build_tables()
        yield World(provisioner)


@contextmanager
def world(runs: int = 16) -> Iterator[World]:
    """Yield a bootstrap with ten jobs, and up to so many runs of each."""
    with empty_world() as made:
        chance = random.Random(4)
        for name, about in JOBS.items():
            put_job(made, name, about)
            put_runs(made, name, about, chance, runs)
        put_deployments(made)
        put_versions(made)
        put_broken(made)
        put_over_items(made)
        made.provisioner.list_all()
        yield made


@contextmanager
def of_its_own() -> Iterator[World]:
    """Yield such a bootstrap in an environment of its own."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
        for name, value in {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }.items():
            monkeypatch.setenv(name, value)
        warm_up()
        with world() as made:
            yield made


def put_job(made: World, name: str, about: dict[str, Any]) -> None:
    """Write a job's row and its Stacks row."""
    kept = ("description", "owner", "schedule", "timezone", "tags", "schedule_enabled")
    row = ROW | {"job_name": name} | {key: about[key] for key in kept if key in about}
    row |= {"environment": {"STAGE": "production", "API_TOKEN": "s3cr3t-do-not-show"}}
    made.provisioner.jobs.put(row)
    made.provisioner.make_ready(
        name,
        updated_at=made.now - timedelta(days=2),
        outputs={
            "StateMachineArn": f"arn:aws:states:eu-west-1:123456789012:stateMachine:jobs-{name}",
            "LogGroup": f"/jobs/{name}",
        },
    )


def put_deployments(made: World) -> None:
    """Let a job have been deployed twice, of two versions of its code."""
    row = made.provisioner.row("billing-export")
    job = parse(row)
    assert not isinstance(job, InvalidRow)
    at = {"Bucket": BUNDLES, "Key": "report.zip"}
    older = CLIENTS.s3.head_object(**at)["VersionId"]
    newer = CLIENTS.s3.put_object(**at, Body=b"PK newer")["VersionId"]
    first = Deployment(
        number=1,
        at=made.now - timedelta(days=2),
        cause=Cause.ROW,
        digest="0" * 64,
        row_digest=spec_digest(job),
        row_content=content_digest(row),
        artifact=f"{row['bundle']}?versionId={older}",
    )
    second = replace(
        first,
        number=2,
        at=made.now - timedelta(hours=3),
        cause=Cause.PUSH,
        digest=made.provisioner.digest("billing-export"),
        artifact=f"{row['bundle']}?versionId={newer}",
    )
    made.provisioner.save("billing-export", deployments=(second, first))


def put_versions(made: World) -> None:
    """Let a job's row have been written twice."""
    row = made.provisioner.row("catalog-sync")
    before = row | {"memory_mb": 256}
    at = made.now - timedelta(days=1)
    for number, (old, new) in enumerate([(None, before), (before, row)]):
        written = Written("catalog-sync", str(100 + number), at, old, new)
        made.service(None).row_versions.record(written)


def put_broken(made: World) -> None:
    """Write a job that failed to deploy, one that is invalid, and one on its way."""
    reason = "The role defined for the function cannot be assumed by Lambda."
    failure = Failure(reason, made.now - timedelta(minutes=9), resource="Function")
    condition = Condition("Ready", "False", "Failed", f"Function: {reason}", made.now)
    made.provisioner.jobs.put(ROW | {"job_name": "geo-lookup", "owner": "platform"})
    stack_id = make_history("jobs-geo-lookup", _failed_update(made.now, reason))
    known = {"failure": failure, "conditions": (condition,), "stack_id": stack_id}
    _save(made, "geo-lookup", JobStatus.FAILED, **known)
    errors = (
        FieldError("memory_mb", "must be from 128 to 10240"),
        FieldError("scheduel", 'is not an attribute; did you mean "schedule"?'),
    )
    invalid = {"memory_mb": 64, "scheduel": "rate(1 day)", "owner": "media"}
    made.provisioner.jobs.put(ROW | {"job_name": "transcode", **invalid})
    message = "memory_mb must be from 128 to 10240"
    ready = Condition("Ready", "False", "Invalid", message, made.now)
    _save(made, "transcode", JobStatus.INVALID, errors=errors, conditions=(ready,))
    made.provisioner.jobs.put(ROW | {"job_name": "usage-meter", "owner": "platform"})
    _save(made, "usage-meter", JobStatus.CREATING)


_OF_A_RUN = (
    ("start_run", "manual-094136", True),
    ("stop_run", "manual-094136", False),
    ("start_run", "manual-094200", True),
)


def _failed_update(now: datetime, reason: str) -> list[StackEvent]:
    """Return how a stack was created, and how its update failed and was rolled back."""
    role, function = ("Role", "AWS::IAM::Role"), ("Function", "AWS::Lambda::Function")
    made, changed = {"token": "create-1"}, {"token": "update-2"}
    begun, failed = now - timedelta(days=3), now - timedelta(minutes=10)

    def at(seconds: int) -> datetime:
        return failed + timedelta(seconds=seconds)

    return [
        StackEvent(begun, "CREATE_IN_PROGRESS", **made),
        StackEvent(begun + timedelta(seconds=21), "CREATE_COMPLETE", *role, **made),
        StackEvent(begun + timedelta(seconds=33), "CREATE_COMPLETE", *function, **made),
        StackEvent(begun + timedelta(seconds=34), "CREATE_COMPLETE", **made),
        StackEvent(at(0), "UPDATE_IN_PROGRESS", **changed),
        StackEvent(at(3), "UPDATE_COMPLETE", *role, **changed),
        StackEvent(at(6), "UPDATE_FAILED", *function, reason=reason, **changed),
        StackEvent(at(7), "UPDATE_ROLLBACK_IN_PROGRESS", reason="Function failed", **changed),
        StackEvent(at(15), "UPDATE_COMPLETE", *function, **changed),
        StackEvent(at(16), "UPDATE_ROLLBACK_COMPLETE", **changed),
    ]


def put_history(made: World) -> None:
    """Write what was done to jobs, an upgrade that has paused, and a dead-letter message."""
    arn = "arn:aws:sts::123456789012:assumed-role/a-role-with-quite-a-long-name/ada@example.org"
    pin = (
        '{"note": "rolled back to deployment 1", "version": "3429ab56-3429-4d9d-bfff-524dce124efa"}'
    )
    service = made.service(None)
    for minutes, proven in enumerate((True, False)):
        at = iso(made.now - timedelta(minutes=minutes))
        service.audit.write(
            Entry(
                f"{at}#0000000{minutes}",
                "roll_back",
                arn,
                "console" if proven else "cli",
                proven,
                address="203.0.113.7",
                job_name="billing-export",
                run="manual-20261126T185452Z-49645e9b",
                outcome=Outcome.FAILED,
                reason="the row of billing-export has changed since it was read: read it again",
                detail="deployment 1",
                changes=(ShownChange("pin", "added", "", pin),),
            )
        )
    for seconds, (action, run, proven) in enumerate(_OF_A_RUN):
        service.audit.write(
            Entry(
                f"{iso(made.now - timedelta(seconds=42 - 9 * seconds))}#0000000{seconds}",
                action,
                arn,
                "console" if proven else "cli",
                proven,
                address="203.0.113.7" if proven else None,
                job_name="daily-report",
                run=run,
                outcome=Outcome.DONE,
                detail=repeats("manual-094136") if run == "manual-094200" else None,
            )
        )
    reason = "The role defined for the function cannot be assumed by Lambda. " * 3
    service.upgrades.save(
        Upgrade(
            "20261126T090000Z-1f0c2b7e",
            (5, 25, 100),
            timedelta(minutes=10),
            1,
            arn,
            made.now - timedelta(minutes=40),
            status=UpgradeStatus.PAUSED,
            to="0123456789ab",
            total=200,
            wave=1,
            progress=(UpgradeProgress(10, 10), UpgradeProgress(40, 30, 9, 1)),
            failures=(UpgradeFailure("geo-lookup", FailureKind.STACK, reason),),
            reason=f"The stack of geo-lookup failed: {reason}",
        )
    )
    message = json.loads((EVENTS / "dead_letter_ours.json").read_text())
    CLIENTS.sqs.send_message(
        QueueUrl=OUTPUTS["DeadLetterQueueUrl"],
        MessageBody=message["Body"],
        MessageAttributes=message["MessageAttributes"],
    )


def put_over_items(made: World) -> None:
    """Write a run over eight items, two of which failed."""
    began = made.now - timedelta(minutes=50)
    run = {"item_count": 8, "item_failures": 2, "source": "manual"}
    ended = iso(began + timedelta(seconds=23))
    put_run("orders-to-json", OVER_ITEMS, "SUCCEEDED", started_at=began, ended_at=ended, **run)
    folder = f"{object_folder('orders-to-json', f'{iso(began)}#{OVER_ITEMS}')}items"
    for index in range(8):
        said: dict[str, Any] = {"index": index, "status": "SUCCEEDED", "output": {"rows": 3}}
        if index in {2, 7}:
            cause = "no order has the number 4711"
            said = {"index": index, "status": "FAILED", "attempts": 3, "error": "KeyError"}
            said |= {"cause": cause}
        CLIENTS.s3.put_object(
            Bucket=OUTPUTS["ArtifactsBucketName"],
            Key=f"{folder}/{said['status'].lower()}/{index}.json",
            Body=json.dumps(said),
        )


OVER_ITEMS = "manual-085217"


def _save(made: World, name: str, status: JobStatus, **changes: Any) -> None:
    record = StackRecord(name, status=status, updated_at=made.now - timedelta(minutes=9))
    made.provisioner.stacks.save(replace(record, **changes))


def put_runs(
    made: World, name: str, about: dict[str, Any], chance: random.Random, count: int
) -> None:
    """Write a job's runs of the last day, oldest last, as their workflow and functions do."""
    at = made.now - timedelta(minutes=chance.randrange(2, 20))
    for number in range(count):
        seconds = about["seconds"] * chance.uniform(0.85, 1.3)
        failed = chance.random() < about.get("failing", 0)
        _put_run(made, name, about, at, seconds, failed=failed, number=number)
        at -= timedelta(minutes=about["every"] * chance.uniform(0.9, 1.1))
    if about.get("running"):
        began = made.now - timedelta(seconds=41)
        put_run(
            name,
            f"manual-{began:%H%M%S}",
            "RUNNING",
            started_at=began,
            type="lambda",
            source="manual",
            started_by="arn:aws:iam::123456789012:user/ada",
        )
    if about.get("waiting"):
        put_run(
            name,
            "queue-5",
            "QUEUED",
            started_at=made.now - timedelta(seconds=20),
            queued_at=iso(made.now - timedelta(seconds=20)),
            type="lambda",
            source="queue",
        )


def _put_run(
    made: World,
    name: str,
    about: dict[str, Any],
    at: datetime,
    seconds: float,
    *,
    failed: bool,
    number: int,
) -> None:
    status, more = "SUCCEEDED", {"output": '{"rows": 4812, "bytes": 918233}'}
    if failed:
        error, cause = about["error"]
        group = f"{error}: {cause}"
        status, more = "FAILED", {"error": error, "cause": cause, "error_group": group}
    elif about.get("timeout") and number == 0:
        seconds = about["seconds"] * 3.2
        more = {
            "error": "States.Timeout",
            "cause": "the run took longer than 1800 seconds",
            "error_group": "States.Timeout: the run took longer than # seconds",
        }
        status = "TIMED_OUT"
    ended = at + timedelta(seconds=seconds)
    if ended > made.now:
        ended = made.now - timedelta(seconds=5)
    source = "schedule" if "schedule" in about else "queue"
    run = f"{source}-{at:%Y%m%dT%H%M%S}"
    put_run(
        name,
        run,
        status,
        started_at=at,
        ended_at=iso(ended),
        duration_ms=int((ended - at).total_seconds() * 1000),
        type="lambda",
        source=source,
        attempts=1 + failed,
        input='{"day": "2026-11-25"}',
        **more,
    )
    CLIENTS.dynamodb.update_item(
        TableName="jobs-Triggers",
        Key={
            "job_name": {"S": name},
            "trigger_id": {"S": f"{iso(at)}#{run}"},
        },
        UpdateExpression="SET estimated_cost = :cost",
        ExpressionAttributeValues={":cost": {"N": str(Decimal(str(round(seconds * 1.7e-6, 7))))}},
    )


def put_log(name: str, started_at: datetime, lines: list[tuple[int, str]]) -> None:
    """Write the log of a run: milliseconds after its start, and text."""
    CLIENTS.logs.create_log_group(logGroupName=f"/jobs/{name}")
    CLIENTS.logs.create_log_stream(logGroupName=f"/jobs/{name}", logStreamName="run")
    first = int(started_at.timestamp() * 1000)
    events = [{"timestamp": first + after, "message": text} for after, text in lines]
    for begin in range(0, len(events), 1000):
        CLIENTS.logs.put_log_events(
            logGroupName=f"/jobs/{name}",
            logStreamName="run",
            logEvents=events[begin : begin + 1000],
        )


def more_lines(name: str, at: datetime, texts: list[str]) -> None:
    """Write further lines of a log."""
    CLIENTS.logs.put_log_events(
        logGroupName=f"/jobs/{name}",
        logStreamName="run",
        logEvents=[{"timestamp": int(at.timestamp() * 1000), "message": text} for text in texts],
    )


def text_of(world: World, path: str, **headers: str) -> str:
    """Return a page, which is there, or where its address leads."""
    response = world.get(path, **headers)
    if response.status == 303:
        response = world.get(response.headers["Location"], **headers)
    assert response.status == 200, response.body
    return str(response.body)


def jobs_of(page: str) -> list[str]:
    """Return the jobs of a list, in its order."""
    return re.findall(r'name="target" value="([^"]+)"', page)


def commands_of(page: str) -> list[list[str]]:
    """Return the arguments of each command that a page offers to be copied."""
    found = re.findall(r'data-copy="provisioner ([^"]+)"', page)
    return [shlex.split(html.unescape(command)) for command in found]


def counters_of(world: World) -> dict[str, int]:
    """Return the numbers of the overview, by the list that each leads to."""
    pages = text_of(world, "/") + text_of(world, "/overview/jobs", hx_request="true")
    found = re.findall(r'<a href="([^"]+)"><svg class="mark".*?<strong>(\d+)</strong>', pages)
    return {html.unescape(href): int(count) for href, count in found}
