"""The runs of all jobs in a span of time, newest first, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.errors import InvalidCursorError
from provisioner.runs.keys import RUN_SHARDS
from provisioner.runs.listing import EVERY, Position, RunsWanted
from provisioner.service import cursors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provisioner.service.context import Item, Service


@dataclass(frozen=True, slots=True)
class RunsPage:
    """Runs with the fields of a list, newest first; `cursor` asks for those after them."""

    runs: list[Item]
    cursor: str | None


def page(
    service: Service,
    count: int,
    which: RunsWanted = EVERY,
    *,
    cursor: str | None = None,
) -> RunsPage:
    """Return the next runs of all jobs, at most `count`, with one query for each shard.

    If not all that came in a span of time are wanted, a page may have fewer runs, or none, although
    it has a cursor: of each shard it looks through ten times `count`, or six times for jobs alone.

    Raises
    ------
    InvalidRequestError
        If the cursor is not one that a page had.
    PermanentError
        If the bootstrap has no index of all runs yet.
    """
    before = _position_of(cursor) if cursor else Position()
    found = service.run_list.page(count, before, which)
    return RunsPage(list(found.runs), _cursor_of(found.next) if found.next else None)


def newest(service: Service, count: int, which: RunsWanted) -> list[Item]:
    """Return the last runs of all jobs, newest first, as many as there are to show.

    Raises
    ------
    PermanentError
        If the bootstrap has no index of all runs yet.
    """
    found: list[Item] = []
    for each in _pages(service, count, which):
        found += each.runs
        if len(found) >= count:
            break
    return found[:count]


def _pages(service: Service, count: int, which: RunsWanted) -> Iterator[RunsPage]:
    cursor: str | None = None
    while True:
        found = page(service, count, which, cursor=cursor)
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
