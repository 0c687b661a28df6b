"""The upgrade of all jobs' stacks: its waves, what failed, and its buttons."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from provisioner.console.http import redirect
from provisioner.console.render import page
from provisioner.errors import ConflictError, InvalidRequestError, NotFoundError, PermanentError
from provisioner.service import upgrades

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.console.http import Request, Response
    from provisioner.service.context import Service
    from provisioner.service.upgrades import Upgrade

ADDRESS = "/upgrade"


def show(request: Request, service: Service) -> Response:
    """Return how far the last upgrade has come."""
    return _page(request, service)


def start(request: Request, service: Service) -> Response:
    """Start one with the waves of the form, or show what it would change."""
    dry_run = "dry_run" in request.form
    texts = re.split(r"[\s,%]+", request.form.get("waves", "").strip(" ,%"))
    try:
        if not all(re.fullmatch("[0-9]{1,3}", each) for each in texts):
            message = "write the waves as shares in percent: 5, 25, 100"
            raise InvalidRequestError(message)
        upgrades.start(service, [int(each) for each in texts], dry_run=dry_run)
        if dry_run:
            return _page(request, service, changes=upgrades.report(service))
    except (PermanentError, ConflictError) as error:
        return _page(request, service, str(error))
    return redirect(ADDRESS)


def resume(request: Request, service: Service) -> Response:
    """Continue it; the stacks that failed are tried again if that is ticked."""
    try:
        upgrades.resume(service, retry_failed="retry_failed" in request.form)
    except (PermanentError, ConflictError) as error:
        return _page(request, service, str(error))
    return redirect(ADDRESS)


def abort(request: Request, service: Service) -> Response:
    """End it."""
    try:
        upgrades.abort(service, request.form.get("reason", ""))
    except (PermanentError, ConflictError) as error:
        return _page(request, service, str(error))
    return redirect(ADDRESS)


def _page(
    request: Request,
    service: Service,
    error: str = "",
    changes: Mapping[str, Any] | None = None,
) -> Response:
    found = _current(service)
    moving = found is not None and found.ended_at is None
    waves = zip(found.waves, found.progress, strict=False) if found else ()
    return page(
        request,
        "upgrade.html",
        status=422 if error else 200,
        polls=moving and not error and changes is None,
        found=found,
        waves=list(waves),
        version=service.template_version,
        error=error,
        changes=changes,
        waves_asked_for=request.form.get("waves", "") if changes is not None else "5, 25, 100",
        moving=moving,
    )


def _current(service: Service) -> Upgrade | None:
    try:
        return upgrades.current(service)
    except NotFoundError:
        return None
