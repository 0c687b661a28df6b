"""The items of a run with a fan-out: which have ended, how, and why those failed that did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provisioner.errors import InvalidCursorError, NotFoundError
from provisioner.runs import counts
from provisioner.runs.model import RunStatus
from provisioner.service import run_detail

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from provisioner.aws.fan_out_items import EndedItem
    from provisioner.service.context import Service

_CAUSE_CHARACTERS = 1_000
"""Of a list: the item itself has its whole cause."""


@dataclass(frozen=True, slots=True)
class ItemLine:
    """An item that has ended, as a line of a list; the error is None unless it failed."""

    index: int
    status: RunStatus
    ended_at: datetime
    attempts: int | None
    error: str | None
    cause: str | None


@dataclass(frozen=True, slots=True)
class ItemsPage:
    """Items that have ended, by their index.

    Attributes
    ----------
    succeeded, failed
        Of all items so far, whatever the page shows.
    total
        How many there are; None as long as that is not known.
    """

    items: tuple[ItemLine, ...]
    cursor: str | None
    succeeded: int
    failed: int
    total: int | None


@dataclass(frozen=True, slots=True)
class ItemDetail:
    """One item: what is kept of it, as the workflow wrote it."""

    index: int
    status: RunStatus
    said: Mapping[str, Any]


def page(
    service: Service,
    job_name: str,
    run: str,
    limit: int,
    *,
    status: RunStatus | None = None,
    cursor: str | None = None,
) -> ItemsPage:
    """Return the next items of a run that have ended, at most `limit`, with why they failed.

    That is a request to S3 for each thousand items, and one for each failed item of the page.

    Raises
    ------
    NotFoundError
        If there is no such job or run.
    InvalidRequestError
        If the cursor is not one that a page had.
    """
    after = _index_of(cursor) if cursor else -1
    row = run_detail.find(service, job_name, run)
    ended = service.fan_out_items.ended(job_name, str(row["trigger_id"]))
    failed = sum(item.status is RunStatus.FAILED for item in ended)
    wanted = [item for item in ended if item.index > after and status in {None, item.status}]
    shown = wanted[:limit]
    return ItemsPage(
        items=tuple(_line(service, item) for item in shown),
        cursor=str(shown[-1].index) if len(wanted) > limit else None,
        succeeded=len(ended) - failed,
        failed=failed,
        total=counts.items(row) if counts.is_summed_up(row) else None,
    )


def one(service: Service, job_name: str, run: str, index: int) -> ItemDetail:
    """Return one item of a run.

    Raises
    ------
    NotFoundError
        If there is no such job or run, or its item has not ended.
    """
    row = run_detail.find(service, job_name, run)
    said = service.fan_out_items.one(job_name, str(row["trigger_id"]), index)
    if said is None:
        message = f"item {index} of this run has not ended, or there is none"
        raise NotFoundError(message)
    succeeded = said.get("status") == RunStatus.SUCCEEDED
    return ItemDetail(index, RunStatus.SUCCEEDED if succeeded else RunStatus.FAILED, said)


def _line(service: Service, item: EndedItem) -> ItemLine:
    said = service.fan_out_items.read(item.key) if item.status is RunStatus.FAILED else None
    found = said or {}
    attempts = found.get("attempts")
    return ItemLine(
        index=item.index,
        status=item.status,
        ended_at=item.ended_at,
        attempts=attempts if type(attempts) is int else None,
        error=_text(found.get("error")),
        cause=_text(found.get("cause")),
    )


def _text(value: object) -> str | None:
    return value[:_CAUSE_CHARACTERS] if isinstance(value, str) else None


def _index_of(cursor: str) -> int:
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > len("999999"):
        raise InvalidCursorError
    return int(cursor)
