"""Editing a job's row as JSON: checked while typing, planned, and saved or merged.

The browser may show it as YAML (decision 28).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from provisioner.console.field_text import from_json, to_json
from provisioner.console.filters import path
from provisioner.console.http import redirect
from provisioner.console.json_lines import line_at, lines_of
from provisioner.console.merge import merge
from provisioner.console.pages.queries import number
from provisioner.console.render import page
from provisioner.console.starters import STARTERS, starter
from provisioner.errors import InvalidRequestError, NotFoundError, StaleError
from provisioner.service import edits, redaction, replacements, versions
from provisioner.service.edits import InvalidRowError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.console.http import Request, Response
    from provisioner.console.merge import Conflict
    from provisioner.service.context import Service
    from provisioner.service.edits import Plan

_FIRST = ("job_name", "type")


@dataclass(frozen=True, slots=True)
class LineProblem:
    """Something wrong with the text; `line` is where, and `source` what that line says.

    `pointer` is that of the value, None where the text is not JSON.
    """

    line: int
    source: str
    pointer: str | None
    message: str

    @property
    def at(self) -> str:
        """The value's place, as people write it."""
        return (self.pointer or "").removeprefix("/").replace("/", ".")


@dataclass(frozen=True, slots=True)
class _Draft:
    """A row that somebody is writing.

    Attributes
    ----------
    text
        As it was typed.
    row
        What it says, None if it is not a JSON object.
    etag, base
        Of the row that it began with, to tell later what others have changed; "" for a new one.
    """

    text: str
    row: Mapping[str, Any] | None = None
    etag: str = ""
    base: str = ""
    problems: tuple[LineProblem, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    merged: bool = False


def edit(request: Request, service: Service) -> Response:
    """Return the editor of a job's row; with `version` in its address, as it was then."""
    draft = _draft_of(service, request.parts["job"])
    if version := number(request.query, "version", 0):
        row = _row_of_version(service, request.parts["job"], version)
        draft = _checked(request, service, replace(draft, text=_text(row), row=row))
    return _page(request, service, draft)


def _row_of_version(service: Service, job_name: str, number: int) -> dict[str, Any]:
    row = redaction.row_for(service.caller(), versions.row_of(service, job_name, number))
    return dict(from_json(to_json(row)))


def create(request: Request, service: Service) -> Response:
    """Return the editor for a new row, which begins as an example or as another job's."""
    if copied := request.query.get("from"):
        row = dict(_draft_of(service, copied).row or {}) | {"job_name": f"{copied}-copy"}
    else:
        row = starter(request.query.get("example", ""), service.outputs)
    return _page(request, service, _Draft(_text(row), row))


def save(request: Request, service: Service) -> Response:
    """Check a row, plan it, or write it, whichever button was pressed."""
    draft = _checked(request, service, _read(request))
    wanted = request.form.get("do", "check")
    if wanted != "save" or draft.problems:
        status = HTTPStatus.UNPROCESSABLE_ENTITY if wanted == "save" else HTTPStatus.OK
        return _page(request, service, draft, status=status)
    assert draft.row is not None, "what is not an object has problems"  # noqa: S101
    try:
        if draft.etag:
            edits.put(service, draft.row, if_match=draft.etag)
        else:
            edits.put(service, draft.row, if_none_match=True)
    except StaleError as error:
        return _stale(request, service, draft, error)
    return redirect(path("jobs", str(draft.row["job_name"])))


def _stale(request: Request, service: Service, draft: _Draft, error: StaleError) -> Response:
    """Return the editor with what a colleague has changed since, merged with this one's."""
    status = HTTPStatus.PRECONDITION_FAILED
    if not draft.etag:
        return _page(request, service, _with(draft, "/job_name", str(error)), status=status)
    try:
        theirs = _draft_of(service, request.parts["job"])
    except NotFoundError:
        said = "has been deleted in the meantime: save it as a new job"
        gone = replace(_with(draft, "/job_name", said), etag="", base="")
        return _page(request, service, gone, status=status)
    found = merge(_base(draft), draft.row or {}, theirs.row or {})
    text = _text(found.row)
    merged = replace(theirs, text=text, row=found.row, conflicts=found.conflicts, merged=True)
    return _page(request, service, _checked(request, service, merged), status=status)


def _base(draft: _Draft) -> dict[str, Any]:
    """Return the row that the editor began with.

    Without it, in a form that is damaged, whatever differs is a conflict.
    """
    try:
        found = from_json(draft.base)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _draft_of(service: Service, job_name: str) -> _Draft:
    """Return a row as its editor begins; what may not be seen is not in it."""
    found = edits.row_of(service, job_name)
    row = redaction.row_for(service.caller(), found.row)
    text = _text(row)
    return _Draft(text, from_json(text), found.etag, text)


def _text(row: Mapping[str, Any]) -> str:
    names = [*_FIRST, *sorted(row.keys() - set(_FIRST))]
    return to_json({name: row[name] for name in names if name in row})


def _read(request: Request) -> _Draft:
    sent = request.form
    text = sent.get("row", "").replace("\r\n", "\n")
    draft = _Draft(text, etag=sent.get("etag", ""), base=sent.get("base", ""))
    try:
        row = from_json(text)
    except ValueError as error:
        return replace(draft, problems=(_of_text(text, error),))
    if not isinstance(row, dict):
        return replace(draft, problems=(LineProblem(1, "", None, "must be a JSON object"),))
    return replace(draft, row=row)


def _of_text(text: str, error: ValueError) -> LineProblem:
    line = getattr(error.__cause__, "lineno", 1)
    lines = text.split("\n")
    return LineProblem(line, lines[min(line, len(lines)) - 1], None, str(error))


def _checked(request: Request, service: Service, draft: _Draft) -> _Draft:
    row = draft.row
    if row is None or draft.problems:
        return draft
    for each in edits.check(service, row):
        draft = _with(draft, each.pointer, each.detail)
    name = request.parts.get("job")
    if name is not None and row.get("job_name") != name:
        draft = _with(draft, "/job_name", f'must stay "{name}": another name is another job')
    return draft


def _with(draft: _Draft, pointer: str, message: str) -> _Draft:
    number = line_at(lines_of(draft.text), pointer)
    source = draft.text.split("\n")[number - 1].strip()
    found = LineProblem(number, source, pointer, message)
    return replace(draft, problems=(*draft.problems, found))


def _is_changed(request: Request) -> bool:
    return request.method == "POST" or "version" in request.query


def _risks(service: Service, plan: Plan | None, draft: _Draft) -> tuple[str, ...]:
    if plan is None or plan.before is None or draft.row is None:
        return ()
    return replacements.risks(service, plan.before.row, draft.row)


def _page(
    request: Request, service: Service, draft: _Draft, *, status: int = HTTPStatus.OK
) -> Response:
    plan = None
    if draft.row is not None and not draft.problems and _is_changed(request):
        try:
            plan = edits.plan(service, draft.row)
        except InvalidRowError as error:
            raise InvalidRequestError(str(error)) from error
    caller = service.caller()
    return page(
        request,
        "row_editor.html",
        status=status,
        polls=False,
        job_name=request.parts.get("job"),
        draft=draft,
        problems=sorted(draft.problems, key=lambda each: each.line),
        plan=plan,
        changes=[redaction.change_for(caller, each) for each in plan.changes] if plan else [],
        risks=_risks(service, plan, draft),
        starters=tuple(STARTERS),
    )
