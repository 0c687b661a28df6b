"""Whole rows, with environment values: for callers who may write them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from provisioner.api.call import Answer
from provisioner.api.encoding import jsonable
from provisioner.api.preconditions import is_unchanged, quoted, required
from provisioner.api.problems import Problem, ProblemType
from provisioner.errors import StaleError
from provisioner.service import edits
from provisioner.service.caller import Role
from provisioner.service.edits import ANY
from provisioner.service.problems import FieldProblem
from provisioner.service.redaction import row_for

if TYPE_CHECKING:
    from provisioner.api.call import Call
    from provisioner.api.preconditions import Precondition
    from provisioner.service.edits import Edited, Plan


def get_row(call: Call) -> Answer:
    """Return a whole row; nobody gets what is in `secrets` and is not an ARN."""
    found = edits.row_of(call.service, call.job_name)
    headers = {"ETag": quoted(found.etag)}
    if is_unchanged(call.headers, found.etag):
        return Answer(None, 304, headers)
    return Answer(_shown(call, found.row), headers=headers)


def put_row(call: Call) -> Answer:
    """Create or replace a row."""
    row, on = _named(call), required(call.headers, may_create=True)
    if call.query.dry_run:
        return planned(call, row, on)
    edited = edits.put(call.service, row, if_match=on.if_match, if_none_match=on.if_none_match)
    return written(call, edited)


def patch_row(call: Call) -> Answer:
    """Change attributes of a row."""
    on = required(call.headers)
    if call.query.dry_run:
        before = edits.row_of(call.service, call.job_name)
        return planned(call, edits.patched(before.row, call.body), on)
    return written(call, edits.patch(call.service, call.job_name, call.body, on.if_match or ANY))


def delete_row(call: Call) -> Answer:
    """Remove a row."""
    on = required(call.headers)
    if call.query.dry_run:
        _require(edits.row_of(call.service, call.job_name).etag, on)
    else:
        edits.delete(call.service, call.job_name, on.if_match or ANY)
    said = {"job_name": call.job_name, "dry_run": call.query.dry_run}
    return Answer(said, 202, {"Location": f"/v1/jobs/{call.job_name}"})


def validate_row(call: Call) -> Answer:
    """Say all that is wrong with a row."""
    problems = edits.check(call.service, _named(call))
    return Answer({"valid": not problems, "problems": jsonable(problems)})


def plan_row(call: Call) -> Answer:
    """Say what writing a row would change."""
    row = _named(call)
    return _plan(call, edits.plan(call.service, row), row)


def _named(call: Call) -> dict[str, Any]:
    """Return the row in the body, which may leave its name to the path."""
    row: dict[str, Any] = {"job_name": call.job_name} | call.body
    if row["job_name"] != call.job_name:
        wrong = FieldProblem("/job_name", f"must be {call.job_name}, as in the path")
        raise Problem(ProblemType.INVALID_ROW, "See errors.", [wrong])
    return row


def planned(call: Call, row: dict[str, Any], on: Precondition) -> Answer:
    """Say what a write would change that depends on the row as it is."""
    plan = edits.plan(call.service, row)
    if on.if_none_match and plan.before is not None:
        raise StaleError(f"there is a job {call.job_name} already")
    if not on.if_none_match:
        _require(plan.before.etag if plan.before else None, on)
    return _plan(call, plan, row)


def _require(etag: str | None, on: Precondition) -> None:
    if etag is None or on.if_match not in {ANY, etag}:
        raise StaleError("the row has changed since it was read: read it again")


def _plan(call: Call, plan: Plan, row: dict[str, Any]) -> Answer:
    from provisioner.service import replacements  # noqa: PLC0415  (templates take long to import)

    before = plan.before.row if plan.before else None
    risks = replacements.risks(call.service, before, row)
    changes = [
        {
            "name": each.name,
            "before": _shown(call, {each.name: each.before})[each.name],
            "after": _shown(call, {each.name: each.after})[each.name],
        }
        for each in plan.changes
    ]
    etag = plan.before.etag if plan.before else None
    return Answer({"outcome": plan.outcome.value, "etag": etag, "changes": changes, "risks": risks})


def written(call: Call, edited: Edited) -> Answer:
    """Return a row that was written."""
    created = edited.before is None
    headers = {"ETag": quoted(edited.etag), "Location": f"/v1/jobs/{call.job_name}"}
    return Answer(_shown(call, edited.row), 201 if created else 200, headers)


def _shown(call: Call, row: dict[str, Any]) -> dict[str, Any]:
    writer = replace(call.caller, role=Role.WRITE)
    shown: dict[str, Any] = jsonable(row_for(writer, row))
    return shown
