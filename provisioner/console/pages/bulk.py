"""One action on many jobs or runs: seen by name, confirmed with a reason, and followed."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from provisioner.console.filters import path
from provisioner.console.http import redirect
from provisioner.console.pages.list_filters import job_filter, run_filter
from provisioner.console.pages.queries import number, text
from provisioner.console.render import page
from provisioner.errors import InvalidRequestError, StaleError
from provisioner.jobs.errors import one_of
from provisioner.plain_text import counted
from provisioner.service import bulk, refusals, rights
from provisioner.service.bulk_selection import BulkAction, Target, select
from provisioner.service.rights import Action

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provisioner.console.http import Request, Response
    from provisioner.service.context import Service

WORDS: Mapping[BulkAction, str] = {
    BulkAction.STOP_RUNS: "Stop {}",
    BulkAction.RUN_AGAIN: "Run {} again",
    BulkAction.PAUSE_SCHEDULES: "Pause the schedules of {}",
    BulkAction.RESUME_SCHEDULES: "Resume the schedules of {}",
    BulkAction.RETRY_JOBS: "Retry {}",
    BulkAction.DELETE_JOBS: "Delete {}",
}
"""What is asked, with the number of jobs or runs in the place of `{}`."""

_LINES = 50

_SHORT: Mapping[BulkAction, str] = {
    BulkAction.STOP_RUNS: "Stop",
    BulkAction.RUN_AGAIN: "Run again",
    BulkAction.PAUSE_SCHEDULES: "Pause",
    BulkAction.RESUME_SCHEDULES: "Resume",
    BulkAction.RETRY_JOBS: "Retry",
    BulkAction.DELETE_JOBS: "Delete",
}


def offered(service: Service, *actions: BulkAction) -> Mapping[str, str]:
    """Return those of the actions that the caller may do to many, with a word for each."""
    caller = service.caller()
    if not rights.allows(caller, Action.BULK):
        return {}
    return {each: _SHORT[each] for each in actions if rights.allows(caller, each.needs)}


def listed(request: Request, service: Service) -> Response:
    """Return a page of the operations, newest first."""
    found = bulk.newest(service)
    before = text(request.query, "cursor")
    ids = [each.id for each in found.lines]
    start = ids.index(before) + 1 if before in ids else 0
    end = start + _LINES
    return page(
        request,
        "bulk_list.html",
        lines=[(each, _title(each.action, each.targets)) for each in found.lines[start:end]],
        next=ids[end - 1] if end < len(ids) else None,
        complete=found.complete,
    )


def choose(request: Request, service: Service) -> Response:
    """Return what a filter in the address means, by name."""
    action = _action(request.query, service)
    query = request.query
    wanted = run_filter(query, service.clock()) if action.is_of_runs else job_filter(query)
    return _page(request, action, select(service, action, wanted))


def ticked(request: Request, service: Service) -> Response:
    """Return what was ticked in a list, by name."""
    action = _action(request.form, service)
    return _page(request, action, _targets(request))


def begin(request: Request, service: Service) -> Response:
    """Keep the operation and go to its page; if there are others now, ask again."""
    action = _action(request.form, service)
    targets = _targets(request)
    try:
        made = bulk.begin(
            service,
            action,
            targets,
            reason=request.form.get("reason", ""),
            expected_count=number(request.form, "count", 0),
        )
    except (InvalidRequestError, StaleError) as error:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        return _page(request, action, targets, error=str(error), status=status)
    return redirect(path("bulk", made.id))


def show(request: Request, service: Service) -> Response:
    """Return how far an operation has come."""
    found = bulk.progress(service, request.parts["bulk"])
    may_go_on = rights.allows(service.caller(), found.action.needs)
    return page(
        request,
        "bulk_progress.html",
        polls=not found.is_over and not may_go_on,
        moving=not found.is_over,
        bulk=found,
        title=_title(found.action, len(found.targets)),
        what=_noun(found.action),
        may_go_on=may_go_on,
        left=found.targets[found.done :],
    )


def step(request: Request, service: Service) -> Response:
    """Take an operation a step further."""
    found = bulk.progress(service, request.parts["bulk"])
    refusals.require(service, found.action.needs, f"bulk {found.action}")
    bulk.step(service, found.id)
    return redirect(path("bulk", found.id))


def _title(action: BulkAction, count: int) -> str:
    return WORDS[action].format(counted(count, _noun(action)))


def _noun(action: BulkAction) -> str:
    return "run" if action.is_of_runs else "job"


def _action(sent: Mapping[str, str], service: Service) -> BulkAction:
    word = sent.get("action", "")
    if word not in set(BulkAction):
        message = f'"{word}" is not an action; it is {one_of(BulkAction)}'
        raise InvalidRequestError(message)
    action = BulkAction(word)
    refusals.require(service, action.needs, f"bulk {action}")
    return action


def _targets(request: Request) -> tuple[Target, ...]:
    chosen = (Target.parse(value) for name, value in request.fields if name == "target")
    return tuple(dict.fromkeys(chosen))


def _page(
    request: Request,
    action: BulkAction,
    targets: Sequence[Target],
    *,
    error: str = "",
    status: int = HTTPStatus.OK,
) -> Response:
    return page(
        request,
        "bulk.html",
        status=status,
        polls=False,
        action=action,
        title=_title(action, len(targets)),
        targets=targets,
        what=_noun(action),
        error=error,
    )
