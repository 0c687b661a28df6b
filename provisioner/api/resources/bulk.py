"""One action on many jobs or runs, counted before it begins."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from provisioner.api.call import Answer
from provisioner.api.encoding import jsonable
from provisioner.api.pages import part_of
from provisioner.api.problems import Problem, ProblemType
from provisioner.errors import InvalidRequestError
from provisioner.runs.model import RunStatus
from provisioner.service import bulk, refusals
from provisioner.service.bulk import Key
from provisioner.service.bulk_selection import BulkAction, Target, digest_of, select
from provisioner.service.jobs import JobsWanted
from provisioner.service.problems import FieldProblem
from provisioner.service.run_search import RunFilter
from provisioner.stacks.model import JobStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provisioner.api.call import Call
    from provisioner.service.bulk import Bulk

S = TypeVar("S", bound=StrEnum)

_OF_RUNS = ("since", "until", "started_by", "error_group")
"""What a filter says of runs only."""

_USUAL_SPAN = timedelta(days=1)
"""How far back runs are run again whose filter says no time."""


def start_bulk(call: Call) -> Answer:
    """Begin an action on many."""
    asked = call.body
    refusals.require(call.service, asked.action.needs, f"bulk {asked.action}")
    if call.query.dry_run:
        return _tried(call, _targets(call))
    key = _key(call)
    # A filter may mean others by now, so the same request again is known by its key.
    if key is not None and (before := bulk.begun(call.service, key)):
        return _answer(before, 202, replayed="true")
    targets = _targets(call)
    begun = bulk.begin(
        call.service,
        asked.action,
        targets,
        reason=asked.reason,
        expected_count=asked.expected_count,
        expected=asked.expected,
        key=key,
    )
    return _answer(begun, 202, replayed="false")


def list_bulk(call: Call) -> Answer:
    """Return a page of bulk actions."""
    found = bulk.newest(call.service)
    complete = {"complete": found.complete}
    return part_of(call, "bulk_actions", jsonable(found.lines), "id", complete)


def get_bulk(call: Call) -> Answer:
    """Return how far it has come."""
    return _answer(bulk.progress(call.service, call.path["bulk"]), 200)


def step_bulk(call: Call) -> Answer:
    """Do the next step."""
    before = bulk.progress(call.service, call.path["bulk"])
    refusals.require(call.service, before.action.needs, f"bulk {before.action}")
    return _answer(bulk.step(call.service, before.id), 200)


def _key(call: Call) -> Key | None:
    name = call.idempotency_key
    return None if name is None else Key(name, call.body.model_dump_json())


def _targets(call: Call) -> Sequence[Target]:
    asked = call.body
    if (asked.ids is None) == (asked.filter is None):
        wrong = FieldProblem("/filter", "give either ids or a filter")
        raise Problem(ProblemType.INVALID_BODY, "See errors.", [wrong])
    if asked.ids is not None:
        return [Target.parse(each) for each in asked.ids]
    return select(call.service, asked.action, _wanted(call))


def _wanted(call: Call) -> RunFilter | JobsWanted:
    action, asked = call.body.action, call.body.filter
    of_jobs = JobsWanted(
        prefix=asked.prefix,
        type=asked.type,
        owner=asked.owner,
        tag=asked.tag,
        schedule=asked.schedule,
    )
    if action.is_of_runs:
        status = _status(asked.status, RunStatus)
        found = RunFilter(
            asked.job,
            status,
            asked.since,
            asked.until,
            started_by=asked.started_by or None,
            error_group=asked.error_group or None,
            of_jobs=of_jobs,
        )
        if asked.since is None and action is BulkAction.RUN_AGAIN and found != RunFilter():
            return replace(found, began_since=(asked.until or call.service.clock()) - _USUAL_SPAN)
        return found
    wrong = [name for name in _OF_RUNS if getattr(asked, name) is not None]
    if wrong:
        problems = [FieldProblem(f"/filter/{name}", "is for runs only") for name in wrong]
        raise Problem(ProblemType.INVALID_BODY, "See errors.", problems)
    return replace(of_jobs, name=asked.job, status=_status(asked.status, JobStatus))


def _status(text: str | None, kind: type[S]) -> S | None:
    if text is not None and text not in set(kind):
        message = f'"{text}" is not a status; it is one of {", ".join(kind)}'
        raise InvalidRequestError(message)
    return None if text is None else kind(text)


def _tried(call: Call, targets: Sequence[Target]) -> Answer:
    said = {
        "id": None,
        "action": call.body.action,
        "reason": call.body.reason,
        "by": call.caller.label,
        "created_at": None,
        "targets": [str(each) for each in targets],
        "digest": digest_of(targets),
        "done": 0,
        "is_over": False,
        "failures": [],
    }
    return Answer(jsonable(said), 202)


def _answer(found: Bulk, status: int, *, replayed: str | None = None) -> Answer:
    said = {
        **{name: value for name, value in jsonable(found).items() if name != "rows"},
        "targets": [str(each) for each in found.targets],
        "digest": digest_of(found.targets),
        "failures": [{"target": str(e.target), "message": e.message} for e in found.failures],
        "is_over": found.is_over,
    }
    headers = {"Location": f"/v1/bulk/{found.id}"}
    return Answer(said, status, headers | ({"Idempotency-Replayed": replayed} if replayed else {}))
