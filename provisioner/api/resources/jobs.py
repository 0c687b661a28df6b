"""Jobs and their stacks."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from provisioner.api.call import Answer
from provisioner.api.encoding import jsonable
from provisioner.api.pages import cursor_of, page_of, part_of
from provisioner.api.preconditions import is_unchanged, quoted
from provisioner.errors import NotFoundError
from provisioner.service import deletions, job_detail, jobs, stack_events
from provisioner.service.edits import etag_of
from provisioner.service.redaction import row_for, without_digests
from provisioner.service.retry import prepare_retry, retry
from provisioner.service.run_lines import line_of

if TYPE_CHECKING:
    from provisioner.api.call import Call
    from provisioner.api.queries import ListJobs

_FIELDS = [each.name for each in fields(jobs.JobLine)]


def list_jobs(call: Call) -> Answer:
    """Return a page of jobs."""
    query: ListJobs = call.query
    wanted = jobs.JobsWanted(
        prefix=query.prefix,
        status=query.status,
        type=query.type,
        owner=query.owner,
        tag=query.tag,
        schedule=query.schedule,
    )
    found = jobs.page(call.service, query.limit, wanted, cursor=cursor_of(call))
    return page_of(call, "jobs", jsonable(found.jobs), found.cursor, _FIELDS)


def get_job(call: Call) -> Answer:
    """Return everything about a job that a reader may see.

    Its row is the redacted one for every caller: a policy of IAM lets a caller have a route, and
    not a part of its answer. `rows` has whole rows.
    """
    found = job_detail.describe(call.service, call.job_name)
    state, more = found.state, found.relations
    row = row_for(call.reader, state.row) if state.row else None
    document = {
        "job_name": state.job_name,
        "status": state.status,
        "in_sync": job_detail.in_sync(state.record),
        "row": row,
        "stack": without_digests(job_detail.stacks_row(state.record)),
        "runs": [line_of(run) for run in found.runs],
        "needs": {name: run and line_of(run) for name, run in more.needs.items()},
        "needed_by": more.needed_by,
        "costs": more.costs,
        "canary": found.canary and found.canary.document(),
    }
    said = jsonable(document)
    etag = etag_of(said)
    headers = {"ETag": quoted(etag)}
    if is_unchanged(call.headers, etag):
        return Answer(None, 304, headers)
    return Answer(said, headers=headers)


def retry_job(call: Call) -> Answer:
    """Queue a job for a reconcile that forgets what has failed before."""
    prepare_retry(call.service, [call.job_name], expect_all=False)
    if not call.query.dry_run:
        retry(call.service, call.job_name)
    return _accepted(call)


def confirm_deletion(call: Call) -> Answer:
    """Confirm a held deletion."""
    if call.service.record(call.job_name) is None:
        raise NotFoundError(f"there is no job {call.job_name}")
    deletions.require_held(call.service, [call.job_name])
    if not call.query.dry_run:
        deletions.confirm_deletion(call.service, call.job_name)
    return _accepted(call)


def get_stack(call: Call) -> Answer:
    """Return a job's Stacks row."""
    record = call.service.record(call.job_name)
    if record is None:
        call.service.existing_row(call.job_name)
        raise NotFoundError(f"{call.job_name} has not been reconciled yet")
    return Answer(jsonable(without_digests(job_detail.stacks_row(record))))


def list_operations(call: Call) -> Answer:
    """Return the last operations of a job's stack."""
    found = jsonable(stack_events.operations(call.service, call.job_name))
    return part_of(call, "operations", without_digests(found), "last_at")


def _accepted(call: Call) -> Answer:
    location = f"/v1/jobs/{call.job_name}"
    return Answer(
        {"job_name": call.job_name, "dry_run": call.query.dry_run}, 202, {"Location": location}
    )
