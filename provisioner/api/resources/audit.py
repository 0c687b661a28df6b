"""What was done, and by whom."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from provisioner.api.encoding import jsonable
from provisioner.api.pages import cursor_of, page_of
from provisioner.service import audit
from provisioner.service.audit import EntryFilter

if TYPE_CHECKING:
    from provisioner.api.call import Answer, Call
    from provisioner.service.audit import AuditPage

_FIELDS = [
    *("id", "at", "ended_at", "action", "job_name", "run", "outcome", "reason", "detail"),
    *("by", "proven", "via", "address", "request_id", "changes", "more_changes"),
]


def list_audit(call: Call) -> Answer:
    """Return a page of all entries."""
    return _page(
        call, audit.page(call.service, call.query.limit, _filter(call), cursor=cursor_of(call))
    )


def list_job_audit(call: Call) -> Answer:
    """Return a page of the entries of a job, or of one of its runs."""
    limit, which = call.query.limit, replace(_filter(call), run=call.query.run or "")
    found = audit.of_job(call.service, call.job_name, limit, which, cursor=cursor_of(call))
    return _page(call, found)


def _filter(call: Call) -> EntryFilter:
    query = call.query
    return EntryFilter(
        action=query.action or "",
        by=query.by or "",
        outcome=query.outcome,
        since=query.since,
        until=query.until,
    )


def _page(call: Call, found: AuditPage) -> Answer:
    entries = jsonable([audit.document(each) for each in found.entries])
    return page_of(call, "entries", entries, found.cursor, _FIELDS)
