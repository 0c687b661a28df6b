"""The items of a run with a fan-out, and one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.console.pages.queries import choice, text
from provisioner.console.pages.run_address import key_of
from provisioner.console.render import page
from provisioner.errors import NotFoundError
from provisioner.runs.model import RunStatus
from provisioner.service import fan_out_items, run_detail
from provisioner.service.run_lines import line_of

if TYPE_CHECKING:
    from provisioner.console.http import Request, Response
    from provisioner.service.context import Service

_LINES = 50
_DIGITS = 6


def listed(request: Request, service: Service) -> Response:
    """Return the items that have ended, by their index."""
    job_name, query = request.parts["job"], request.query
    run = line_of(run_detail.find(service, job_name, key_of(request)))
    found = fan_out_items.page(
        service,
        job_name,
        run.trigger_id,
        _LINES,
        status=choice(query, "status", RunStatus),
        cursor=text(query, "cursor"),
    )
    return page(request, "items.html", moving=run.ended_at is None, run=run, found=found)


def shown(request: Request, service: Service) -> Response:
    """Return what an item returned, or why it failed."""
    job_name, index = request.parts["job"], request.parts["item"]
    if not (index.isascii() and index.isdigit() and len(index) <= _DIGITS):
        message = f"there is no item {index}"
        raise NotFoundError(message)
    run = line_of(run_detail.find(service, job_name, key_of(request)))
    found = fan_out_items.one(service, job_name, run.trigger_id, int(index))
    return page(request, "item.html", polls=False, run=run, item=found)
