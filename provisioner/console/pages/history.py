"""What was done, by whom and from where; versions of a row, compared and restored."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from provisioner.console.filters import path
from provisioner.console.http import redirect
from provisioner.console.pages.queries import choice, text, time
from provisioner.console.render import page
from provisioner.errors import NotFoundError, PermanentError, StaleError
from provisioner.runs.model import time_of
from provisioner.service import audit, edits, versions
from provisioner.service.audit import EntryFilter, Outcome
from provisioner.service.rights import RECORDED, Action

if TYPE_CHECKING:
    from provisioner.console.http import Request, Response
    from provisioner.service.context import Service

_LINES = 50


def audited(request: Request, service: Service) -> Response:
    """Return what was done, of one job or of all, newest first."""
    job, cursor = request.parts.get("job"), text(request.query, "cursor")
    which = _filter(request)
    if not service.has_audit:
        found = audit.AuditPage((), None)
    elif job is None:
        found = audit.page(service, _LINES, which, cursor=cursor)
    else:
        found = audit.of_job(service, job, _LINES, which, cursor=cursor)
    lines = [(each, time_of(each.at)) for each in found.entries]
    return page(
        request,
        "audit.html",
        job_name=job,
        which=which,
        lines=lines,
        next=found.cursor,
        actions=RECORDED,
        outcomes=list(Outcome),
    )


def _filter(request: Request) -> EntryFilter:
    query = request.query
    return EntryFilter(
        run=text(query, "run") or "" if "job" in request.parts else "",
        action=choice(query, "action", Action) or "",
        by=text(query, "by") or "",
        outcome=choice(query, "outcome", Outcome),
        since=time(query, "since"),
        until=time(query, "until"),
    )


def listed(request: Request, service: Service) -> Response:
    """Return the versions of a job's row, newest first."""
    job = request.parts["job"]
    found = versions.list_versions(service, job) if service.has_audit else []
    lines = [(each, time_of(each.version.at)) for each in found]
    return page(request, "versions.html", job_name=job, lines=lines)


def shown(request: Request, service: Service) -> Response:
    """Return what a version changed, and what restoring it would change."""
    return _version(request, service)


def restore(request: Request, service: Service) -> Response:
    """Write the row of a version again, over the row that its reader has seen."""
    job, number = request.parts["job"], _number(request)
    try:
        versions.restore(service, job, number, if_match=request.form.get("etag") or None)
    except StaleError as error:
        return _version(request, service, str(error), HTTPStatus.PRECONDITION_FAILED)
    except PermanentError as error:
        return _version(request, service, str(error), HTTPStatus.UNPROCESSABLE_ENTITY)
    return redirect(path("jobs", job))


def _version(
    request: Request, service: Service, error: str = "", status: int = HTTPStatus.OK
) -> Response:
    job, number = request.parts["job"], _number(request)
    found = versions.compared(service, job, number)
    listed, now = found.shown.listed, found.now
    return page(
        request,
        "version.html",
        status=status,
        polls=False,
        job_name=job,
        number=number,
        listed=listed,
        at=time_of(listed.version.at),
        is_end=found.shown.row is None,
        changed=found.changed,
        to_now=found.to_now,
        etag=edits.etag_of(now) if now is not None else "",
        error=error,
    )


def _number(request: Request) -> int:
    number = request.parts["version"]
    if not number.isdecimal() or len(number) > 9:
        message = f'{request.parts["job"]} has no version "{number}"'
        raise NotFoundError(message)
    return int(number)
