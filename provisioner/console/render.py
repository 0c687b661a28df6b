"""Pages from templates. All text is escaped, and cleaned of what is not for eyes."""

from __future__ import annotations

import hashlib
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minijinja import Environment, load_from_path, safe

from provisioner.console import assets, done, filters
from provisioner.console.http import Response
from provisioner.plain_text import cleaned
from provisioner.service import rights
from provisioner.service.rights import Action

if TYPE_CHECKING:
    from provisioner.console.http import Request

_TAG_CHARACTERS = 20


@cache
def _environment() -> Environment:
    environment: Environment = Environment(
        loader=load_from_path(Path(__file__).with_name("templates")),
        filters=filters.FILTERS,
        globals={"asset": assets.address, **filters.GLOBALS},
        undefined_behavior="strict",
        finalizer=_finalized,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.debug = False  # its errors would have whole rows
    environment.auto_escape_callback = lambda _: "html"
    return environment


def _finalized(value: object) -> object:
    """Clean text on its way into a page; what is HTML already was made of cleaned text."""
    if value is None:
        return ""
    return (
        cleaned(value)
        if isinstance(value, str) and not hasattr(value, "__html__")
        else (NotImplemented)
    )


def page(
    request: Request,
    template: str,
    /,
    *,
    status: int = 200,
    polls: bool = True,
    moving: bool = False,
    **values: Any,  # noqa: ANN401
) -> Response:
    """Return a page, or to htmx the part of it that changes: nothing if that has not changed.

    A template extends `layout` and has its changing part in the block `live`.

    Parameters
    ----------
    polls
        Whether the browser refreshes the page automatically.
    moving
        Whether something is under way, so that it asks sooner.
    """
    values = {**values, "moving": moving, "polls": polls}
    live = _rendered(request, template, "live.html", values)
    tag = hashlib.sha256(live.encode()).hexdigest()[:_TAG_CHARACTERS]
    if not request.is_partial:
        said = done.said(request.cookies)
        whole = values | {"tag": tag, "content": safe(live), "done": said}
        forgotten = (done.FORGOTTEN,) if said else ()
        body = _rendered(request, template, "base.html", whole)
        return Response(body, status, cookies=forgotten)
    if status >= HTTPStatus.BAD_REQUEST:  # it is not put into the page, which keeps its tag
        return Response(live, status)
    headers = {"HX-PTag": tag}
    if request.headers.get("hx-ptag") == tag:
        return Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(live, status, headers=headers)


def fragment(request: Request, template: str, /, **values: Any) -> Response:  # noqa: ANN401
    """Return a part of a page, which htmx puts where it belongs."""
    return Response(_rendered(request, template, "live.html", values))


def _rendered(request: Request, template: str, layout: str, values: dict[str, Any]) -> str:
    caller = request.caller
    return _environment().render_template(
        template,
        **values,
        layout=layout,
        request=request,
        caller=caller,
        asked=lambda name: request.query.get(name, ""),
        may=lambda action: caller is not None and rights.allows(caller, Action(action)),
    )


def error_page(
    request: Request,
    status: HTTPStatus,
    message: str,
    *,
    may_send_again: bool = False,
    signs_in: bool = False,
) -> Response:
    """Return the page for a request that cannot be answered as it was asked.

    Parameters
    ----------
    may_send_again
        Whether the page has what was sent, in a form that sends it again: nothing typed is lost.
    signs_in
        Whether it leads to the sign-in first.
    """
    sent = [(name, value.replace("\r\n", "\n")) for name, value in request.fields if name != "csrf"]
    return page(
        request,
        "error.html",
        status=status,
        polls=False,
        code=status.value,
        phrase=status.phrase,
        message=message,
        sent=sent if may_send_again else [],
        signs_in=signs_in,
    )
