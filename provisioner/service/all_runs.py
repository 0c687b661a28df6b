"""The runs of all jobs in a span of time, newest first, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.errors import InvalidCursorError
from provisioner.runs.keys import RUN_SHARDS
from provisioner.runs.listing import Position
from provisioner.runs.model import iso
from provisioner.service import cursors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from provisioner.runs.model import RunStatus
    from provisioner.service.context import Item, Service


@dataclass(frozen=True, slots=True)
class RunsPage:
    """Runs with the fields of a list, newest first; `cursor` asks for those after them."""

    runs: list[Item]
    cursor: str | None


def page(
    service: Service,
    count: int,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    status: RunStatus | None = None,
    jobs: frozenset[str] | None = None,
    cursor: str | None = None,
) -> RunsPage:
    """Return the next runs of all jobs, at most `count`, with one query for each shard.

    With a status or jobs a page may have fewer runs, or none, although it has a cursor: of each
    shard it looks through ten times `count`, or six times for jobs alone.

    Parameters
    ----------
    jobs
        Whose runs are wanted; None for all jobs'.

    Raises
    ------
    InvalidRequestError
        If the cursor is not one that a page had.
    PermanentError
        If the bootstrap has no index of all runs yet.
    """
    newest = Position(iso(until)) if until else Position()
    before = _position_of(cursor) if cursor else newest
    first = iso(since) if since else ""
    found = service.run_list.page(count, before, since=first, status=status, jobs=jobs)
    return RunsPage(list(found.runs), _cursor_of(found.next) if found.next else None)


def newest(
    service: Service,
    count: int,
    *,
    since: datetime,
    status: RunStatus | None = None,
    jobs: frozenset[str] | None = None,
) -> list[Item]:
    """Return the last runs of all jobs since a time, newest first, as many as there are to show.

    Raises
    ------
    PermanentError
        If the bootstrap has no index of all runs yet.
    """
    found: list[Item] = []
    for each in _pages(service, count, since, status, jobs):
        found += each.runs
        if len(found) >= count:
            break
    return found[:count]


def _pages(
    service: Service,
    count: int,
    since: datetime,
    status: RunStatus | None,
    jobs: frozenset[str] | None,
) -> Iterator[RunsPage]:
    cursor: str | None = None
    while True:
        found = page(service, count, since=since, status=status, jobs=jobs, cursor=cursor)
        yield found
        if found.cursor is None:
            return
        cursor = found.cursor


def _cursor_of(position: Position) -> str:
    return cursors.written(
        [position.at, {str(number): job for number, job in position.after.items()}]
    )


def _position_of(cursor: str) -> Position:
    match cursors.read(cursor):
        case [str(at), dict(after)] if all(
            number in _SHARDS and isinstance(job, str) for number, job in after.items()
        ):
            return Position(at, {int(number): job for number, job in after.items()})
        case _:
            raise InvalidCursorError


_SHARDS = {str(number) for number in range(RUN_SHARDS)}
