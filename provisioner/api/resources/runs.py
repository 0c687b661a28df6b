"""Runs and their logs."""

from __future__ import annotations

import json
import time
from dataclasses import fields, replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from provisioner.api.call import Answer
from provisioner.api.encoding import jsonable
from provisioner.api.pages import cursor_of, log_of, page_of
from provisioner.api.problems import Problem, ProblemType
from provisioner.errors import PermanentError
from provisioner.jobs.payload import RESERVED
from provisioner.runs.listing import RunsWanted
from provisioner.runs.model import FINAL, RunStatus
from provisioner.service import all_runs, fan_out_items, logs, rerun, run_detail, runs
from provisioner.service import start_run as starting
from provisioner.service.fan_out_items import ItemLine
from provisioner.service.jobs import tagged
from provisioner.service.problems import FieldProblem
from provisioner.service.redaction import run_for
from provisioner.service.run_lines import RunLine, line_of
from provisioner.service.start_run import RunRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from provisioner.api.call import Call
    from provisioner.service.run_detail import RunDetail

_Seen = TypeVar("_Seen")

_FIELDS = [each.name for each in fields(RunLine)]
_ITEM_FIELDS = [each.name for each in fields(ItemLine)]
_TEXTS = ("execution_arn", "scheduled_for", "stop_reason")


def list_runs(call: Call) -> Answer:
    """Return a page of the runs of all jobs."""
    query = call.query
    which = replace(_wanted(call), jobs=tagged(call.service, query.tag))
    found = all_runs.page(call.service, query.limit, which, cursor=cursor_of(call))
    return page_of(
        call, "runs", jsonable([line_of(run) for run in found.runs]), found.cursor, _FIELDS
    )


def list_job_runs(call: Call) -> Answer:
    """Return a page of the runs of a job."""
    query = call.query
    cursor = cursor_of(call)
    found = runs.page(call.service, call.job_name, query.limit, _wanted(call), cursor=cursor)
    return page_of(call, "runs", jsonable(found.runs), found.cursor, _FIELDS)


def _wanted(call: Call) -> RunsWanted:
    query = call.query
    return RunsWanted(query.since, query.until, query.status, query.started_by or None)


def start_run(call: Call) -> Answer:
    """Start a run."""
    return _started(call, request_of(call))


def request_of(call: Call) -> RunRequest:
    """Return the run that a body asks for."""
    asked = call.body
    _require_payload(asked.payload)
    return RunRequest(asked.payload, asked.overrides, asked.overlap, call.idempotency_key)


def run_again(call: Call) -> Answer:
    """Start a run with what another one was given."""
    before, asked = rerun.request_of(call.service, call.job_name, call.path["run"]), call.body
    payload = before.payload if asked.payload is None else asked.payload
    overrides = before.overrides if asked.overrides is None else asked.overrides
    kept = {name: value for name, value in payload.items() if name != RESERVED}
    return _started(
        call,
        replace(
            before,
            payload=kept if asked.payload is None else payload,
            overrides=overrides,
            overlap=asked.overlap,
            idempotency_key=call.idempotency_key,
        ),
    )


def get_run(call: Call) -> Answer:
    """Return a run; with `wait`, once it has ended or the time is up.

    This is the one place where a function waits: the caller asks for it, and it ends in time.
    """
    return Answer(_document(call, followed(call, call.job_name, call.path["run"])))


def followed(call: Call, job_name: str, run: str) -> RunDetail:
    """Return a run; with `wait`, once it has ended or the time is up."""
    return waited(
        call,
        lambda: run_detail.detail(call.service, job_name, run),
        lambda seen: seen.line.status,
    )


def waited(call: Call, look: Callable[[], _Seen], status: Callable[[_Seen], str]) -> _Seen:
    """Return what `look` finds; with `wait`, once its status is final or the time is up."""
    until = time.monotonic() + call.query.wait
    while True:
        seen = look()
        left = until - time.monotonic()
        if status(seen) in FINAL or left <= 0:
            return seen
        call.pause(min(1.0, left))


def stop_run(call: Call) -> Answer:
    """Stop a run."""
    if call.query.dry_run:
        found = run_detail.find(call.service, call.job_name, call.path["run"])
        before = line_of(found).status
    else:
        stopped = runs.stop(call.service, call.job_name, call.path["run"], call.body.reason)
        before = stopped.before.value if stopped.before else "-"
    said = {"run": call.path["run"], "before": before, "dry_run": call.query.dry_run}
    return Answer(said, 202, {"Location": _location(call, call.path["run"])})


def get_log(call: Call) -> Answer:
    """Return a page of a run's log."""
    job_name, run = call.job_name, call.path["run"]
    return log_of(call, f"{job_name}/{run}", partial(logs.of_run, call.service, job_name, run))


def list_items(call: Call) -> Answer:
    """Return a page of the items of a run with a fan-out, and how many have ended so far."""
    query = call.query
    found = fan_out_items.page(
        call.service,
        call.job_name,
        call.path["run"],
        query.limit,
        status=RunStatus(query.status) if query.status else None,
        cursor=cursor_of(call),
    )
    counts = {"succeeded": found.succeeded, "failed": found.failed, "total": found.total}
    return page_of(call, "items", jsonable(found.items), found.cursor, _ITEM_FIELDS, counts)


def get_item(call: Call) -> Answer:
    """Return what is kept of an item."""
    index = int(call.path["item"])
    found = fan_out_items.one(call.service, call.job_name, call.path["run"], index)
    return Answer(jsonable({**found.said, "index": found.index, "status": found.status}))


def _started(call: Call, request: RunRequest) -> Answer:
    _require_payload(request.payload)
    if call.query.dry_run:
        unchecked = starting.check(call.service, call.job_name, request)
        said = {"run": None, "dry_run": True, "unchecked": unchecked or None}
        return Answer(said, 202)
    started = starting.start_run(call.service, call.job_name, request)
    said = {"run": started.name, "dry_run": False, "unchecked": started.unchecked or None}
    replayed = "false" if started.execution.is_new else "true"
    headers = {"Location": _location(call, started.name), "Idempotency-Replayed": replayed}
    return Answer(said, 202, headers)


def _require_payload(payload: Mapping[str, Any]) -> None:
    try:
        starting.check_payload(payload)
    except PermanentError as error:
        wrong = FieldProblem("/payload", str(error))
        raise Problem(ProblemType.INVALID_RUN, "See errors.", [wrong]) from error


def _location(call: Call, run: str) -> str:
    return f"/v1/jobs/{call.job_name}/runs/{run}"


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _whole(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return int(value) if value == int(value) else None


def _document(call: Call, found: RunDetail) -> dict[str, Any]:
    shown = run_for(call.reader, found.row)
    overrides = shown.get("overrides")
    said: dict[str, Any] = jsonable(found.line) | jsonable(
        {
            "input": found.input,
            "result": found.result,
            "overrides": json.loads(overrides) if isinstance(overrides, str) else None,
            "cause": found.cause,
            "error": found.error,
            "usage": found.usage,
            "cost": found.cost,
            "phases": found.phases,
            "parent": found.parent,
            "log_stream": found.log_stream,
            "request_id": found.request_id,
            "exit_code": _whole(shown.get("exit_code")),
            **{name: _text(shown.get(name)) for name in _TEXTS},
        }
    )
    return said
