"""Pages of a list or a log: signed cursors, the link to the next page, and sparse fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from provisioner.api.call import Answer
from provisioner.api.encoding import jsonable
from provisioner.api.problems import Problem, ProblemType
from provisioner.jobs.errors import did_you_mean
from provisioner.service.problems import FieldProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from provisioner.api.call import Call
    from provisioner.service.log_page import LogPage


def cursor_of(call: Call) -> str | None:
    """Return the service's cursor that a call for a page has."""
    return call.cursors.read(_list_of(call), call.query.filters, call.query.cursor)


def page_of(
    call: Call,
    name: str,
    items: Sequence[Mapping[str, Any]],
    cursor: str | None,
    known: Sequence[str],
    more: Mapping[str, object] | None = None,
) -> Answer:
    """Return a page: its items under `name`, and how to get the next one.

    Parameters
    ----------
    known
        The fields of an item: a name that is none of them is refused, on empty pages, too.
    more
        Further members of the page.
    """
    wanted = _fields(call, known)
    shown = [{each: item[each] for each in wanted} for item in items] if wanted else items
    return _page(call, name, shown, cursor, more or {})


def part_of(
    call: Call,
    name: str,
    items: Sequence[Mapping[str, Any]],
    key: str,
    more: Mapping[str, object] | None = None,
) -> Answer:
    """Return a page of a list that is short and read whole, newest first.

    New items come in front of what a caller has read, and old ones go: where the item is gone with
    which the page was to begin, nothing is left.

    Parameters
    ----------
    key
        Which of its fields tells an item from the others.
    more
        As in `page_of`.
    """
    names = [str(each[key]) for each in items]
    wanted = cursor_of(call) or next(iter(names), "")
    start = names.index(wanted) if wanted in names else len(items)
    end = start + call.query.limit
    return _page(call, name, items[start:end], names[end] if end < len(items) else None, more or {})


def _page(
    call: Call,
    name: str,
    items: Sequence[Mapping[str, Any]],
    cursor: str | None,
    more: Mapping[str, object],
) -> Answer:
    following = call.cursors.signed(_list_of(call), call.query.filters, cursor)
    headers = {"Link": _link(call, following)} if following else {}
    return Answer({name: list(items), "next": following, **more}, headers=headers)


def log_of(call: Call, log: str, read: Callable[..., LogPage]) -> Answer:
    """Return a page of a log, with cursors both ways.

    Parameters
    ----------
    log
        What its cursors belong to.
    read
        Takes `cursor`, `newest_first` and `limit`.
    """
    query, bound = call.query, {"order": call.query.order}
    found = read(
        cursor=call.cursors.read(log, bound, query.cursor),
        newest_first=query.order == "newest",
        limit=query.limit,
    )
    said = {
        "events": [{"at": each.at, "message": each.message} for each in found.events],
        "older": call.cursors.signed(log, bound, found.older),
        "newer": call.cursors.signed(log, bound, found.newer),
    }
    return Answer(jsonable(said))


def _list_of(call: Call) -> str:
    return "/".join((call.route.path, *call.path.values()))


def _fields(call: Call, known: Sequence[str]) -> list[str]:
    asked = list(dict.fromkeys(call.query.fields.split(","))) if call.query.fields else []
    unknown = [each for each in asked if each not in known]
    if unknown:
        problems = [
            FieldProblem(
                "/query/fields",
                f'"{each[:60]}" is not a field of this list{did_you_mean(each, known)}',
            )
            for each in unknown[:10]
        ]
        raise Problem(ProblemType.INVALID_PARAMETER, "See errors.", problems)
    return asked


def _link(call: Call, cursor: str) -> str:
    said = call.query.model_dump(mode="json", exclude_defaults=True) | {"cursor": cursor}
    path = call.route.path.format(**call.path)
    return f'<{path}?{urlencode(said)}>; rel="next"'
