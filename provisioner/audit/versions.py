"""Versions of a row, from the Jobs table's stream, and who is known to have written each.

A record of the stream has both images and a sequence number, but not who wrote the row. So who
did comes from the audit: from the entry whose row has the same digests, before and after, at the
same time. Each entry stands for one version.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from provisioner.audit.entries import Outcome, line
from provisioner.audit.row_changes import row_changes
from provisioner.jobs.row_content import content_digest
from provisioner.runs.model import iso, time_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from provisioner.audit.entries import Entry

KEPT = 50
"""Versions of a row that are kept: the last ones. So whoever may write a row decides how much of
the table one job takes, but not without bound."""

_NAMES_SHOWN = 20
_NAME_CHARACTERS = 100
_BASELINE = "0"
"""Sorts before the sequence number of every record."""

_CLOCKS_DIFFER = timedelta(seconds=5)
_LATEST = timedelta(minutes=5)
"""Between an entry and the write that it announces: longer than a function runs."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a record of the stream says: the row before and after, None where there is none."""

    job_name: str
    sequence: str
    at: datetime | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Version:
    """What a row became, without the row itself.

    Attributes
    ----------
    number
        Counts the versions of a row from 1, in the order in which they were recorded.
    sequence
        The record's in the stream; "0" for the row that was there before versions were kept.
    at
        ISO 8601 in UTC, to the second; None when it is not known.
    changed
        What differs from the row before, by path: at most 20; there are `more_changed` more.
    deleted
        Whether this is the end of the row.
    """

    number: int
    sequence: str
    at: str | None
    digests: tuple[str, str]
    changed: tuple[str, ...] = ()
    more_changed: int = 0
    deleted: bool = False

    @property
    def is_baseline(self) -> bool:
        """Whether it is a row that was there before versions were kept."""
        return self.sequence == _BASELINE

    @property
    def order(self) -> int:
        """Sorts versions in the order in which they were written."""
        return int(self.sequence)


def new_versions(
    known: Sequence[Version], written: Written
) -> list[tuple[Version, Mapping[str, Any] | None]]:
    """Return what a record adds to the versions that are known, each with its row.

    Nothing for a record that has come before, or is older than all that are kept. With a version
    that is older than all others comes the one before it: rows are older than the versions that are
    kept of them, and a record that is redriven comes after those that followed it.
    """
    orders = [each.order for each in known if not each.is_baseline]
    number = max((each.number for each in known), default=0) + 1
    if int(written.sequence) in [each.order for each in known]:
        return []
    is_oldest = int(written.sequence) < min(orders, default=int(written.sequence) + 1)
    if len(known) >= KEPT and is_oldest:
        return []
    made: list[tuple[Version, Mapping[str, Any] | None]] = []
    if is_oldest and written.before is not None:
        digests = ("", content_digest(written.before))
        if digests not in [each.digests for each in known if each.is_baseline]:
            made.append((Version(number, _BASELINE, None, digests), written.before))
            number += 1
    made.append((_version(number, written), written.after))
    return made


def in_order(known: Iterable[Version]) -> list[Version]:
    """Return versions as the row became them, newest first, whenever each was recorded.

    A row that was there before versions were kept is one only as long as the oldest of the others
    follows it.
    """
    found = sorted(known, key=lambda each: (each.order, each.number), reverse=True)
    oldest = next((each for each in reversed(found) if not each.is_baseline), None)
    return [
        each
        for each in found
        if not each.is_baseline or oldest is None or each.digests[1] == oldest.digests[0]
    ]


def _version(number: int, written: Written) -> Version:
    changes = row_changes(written.before, written.after, values=False)
    shown = tuple(line(each.path, _NAME_CHARACTERS) for each in changes[:_NAMES_SHOWN])
    return Version(
        number,
        written.sequence,
        iso(written.at) if written.at else None,
        tuple(
            content_digest(row) if row is not None else ""
            for row in (written.before, written.after)
        ),  # type: ignore[arg-type]  # two
        changed=shown,
        more_changed=len(changes) - len(shown),
        deleted=written.after is None,
    )


def writers(versions: Iterable[Version], entries: Iterable[Entry]) -> dict[int, Entry]:
    """Return the entry of the audit that stands for each version, by its number.

    A proven entry goes before one that is only claimed, and an earlier one before a later one.
    """
    left = sorted((each for each in entries if _may_have_written(each)), key=lambda e: e.entry_id)
    left.sort(key=lambda each: not each.proven)
    found: dict[int, Entry] = {}
    for version in sorted(versions, key=lambda each: each.order):
        entry = next((each for each in left if _fits(each, version)), None)
        if entry is not None:
            left.remove(entry)
            found[version.number] = entry
    return found


def _may_have_written(entry: Entry) -> bool:
    return entry.outcome in {Outcome.DONE, Outcome.BEGUN}


def _fits(entry: Entry, version: Version) -> bool:
    began, at = time_of(entry.at), time_of(version.at)
    if entry.digests != version.digests or began is None or at is None:
        return False
    return began - _CLOCKS_DIFFER <= at <= began + _LATEST


def moment(value: object) -> datetime | None:
    """Return the time of a record, epoch seconds; None for what is not one."""
    try:
        return datetime.fromtimestamp(float(value), UTC)  # type: ignore[arg-type]  # whatever it is
    except (TypeError, ValueError, OverflowError, OSError):
        return None
