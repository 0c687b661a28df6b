"""Going back to an earlier deployment: what it would write is shown first."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from provisioner.console.filters import path
from provisioner.console.http import redirect
from provisioner.console.render import page
from provisioner.errors import NotFoundError, PermanentError, StaleError
from provisioner.service import deployments, edits

if TYPE_CHECKING:
    from provisioner.console.http import Request, Response
    from provisioner.service.context import Service


def show(request: Request, service: Service) -> Response:
    """Return what going back would change in the row."""
    planned = deployments.plan(service, request.parts["job"], _number(request))
    return _page(request, service, planned)


def submit(request: Request, service: Service) -> Response:
    """Go back, over the row that its reader has seen."""
    job = request.parts["job"]
    planned = deployments.plan(service, job, _number(request))
    try:
        deployments.roll_back(service, planned, if_match=request.form.get("etag") or None)
    except StaleError as error:
        return _page(request, service, planned, str(error), HTTPStatus.PRECONDITION_FAILED)
    except PermanentError as error:
        return _page(request, service, planned, str(error), HTTPStatus.UNPROCESSABLE_ENTITY)
    return redirect(path("jobs", job))


def _page(
    request: Request,
    service: Service,
    planned: deployments.RollbackPlan,
    error: str = "",
    status: int = HTTPStatus.OK,
) -> Response:
    return page(
        request,
        "rollback.html",
        status=status,
        polls=False,
        job_name=request.parts["job"],
        to=planned.to,
        pins="pin" in planned.row,
        changed=planned.changes(service.caller()),
        etag=edits.etag_of(planned.before),
        error=error,
    )


def _number(request: Request) -> int | None:
    number = request.query.get("to", "")
    if not number:
        return None
    if not (number.isascii() and number.isdecimal()) or len(number) > 9:
        message = f'{request.parts["job"]} has no deployment "{number}"'
        raise NotFoundError(message)
    return int(number)
