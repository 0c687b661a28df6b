"""Versions of a job's row: listed with who wrote them, compared, restored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from provisioner.audit.row_changes import RowChange, row_changes
from provisioner.audit.versions import Version, writers
from provisioner.errors import NotFoundError
from provisioner.runs.model import iso, time_of
from provisioner.service import edits, redaction
from provisioner.service.rights import Action, allows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from provisioner.audit.entries import Entry
    from provisioner.aws.items import Item
    from provisioner.aws.row_versions import Kept
    from provisioner.service.caller import Caller
    from provisioner.service.context import Service

__all__ = [
    "Compared",
    "ListedVersion",
    "RowChange",
    "Shown",
    "changes",
    "compared",
    "document",
    "get",
    "list_versions",
    "names_only",
    "restore",
    "with_writers",
]

_ENTRIES = 500
"""Of each kind, among which the writers of versions are looked for."""

_BEFORE_A_VERSION = timedelta(minutes=10)

_NONE: Mapping[int, Item] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ListedVersion:
    """A version, and the entry of the audit that stands for its writing; None if there is none."""

    version: Version
    written_by: Entry | None

    @property
    def writer(self) -> str:
        """Its writer: a proven name, `says` and a claimed one, or "-"."""
        return "-" if self.written_by is None else self.written_by.writer


def document(listed: ListedVersion) -> dict[str, object]:
    """Return a version as JSON has it."""
    version, entry = listed.version, listed.written_by
    return {
        "version": version.number,
        "at": version.at,
        "by": entry.by if entry else None,
        "proven": entry.proven if entry else False,
        "via": entry.via if entry else None,
        "changed": list(version.changed),
        "more_changed": version.more_changed,
        "deleted": version.deleted,
    }


@dataclass(frozen=True, slots=True)
class Shown:
    """A version with its row as the caller may see it; None of one that ended the row."""

    listed: ListedVersion
    row: Item | None


def list_versions(service: Service, job_name: str) -> list[ListedVersion]:
    """Return the versions that are kept of a job's row, newest first; three queries.

    Raises
    ------
    NotFoundError
        If there is no such job, and none of that name before.
    """
    return with_writers(service, job_name, _kept(service, job_name))


def with_writers(service: Service, job_name: str, found: Sequence[Version]) -> list[ListedVersion]:
    """Return versions with what stands for the writing of each; two queries."""
    times = [at for each in found if (at := time_of(each.at))]
    entries: Sequence[Entry] = ()
    if times:
        since = iso(min(times) - _BEFORE_A_VERSION)
        entries = service.audit.of_each_kind(job_name, _ENTRIES, since=since)
    known = writers(found, entries)
    return [ListedVersion(each, known.get(each.number)) for each in found]


@dataclass(frozen=True, slots=True)
class Compared:
    """A version, with what it changed, and what differs between it and the row as it is now."""

    shown: Shown
    changed: tuple[RowChange, ...]
    to_now: tuple[RowChange, ...]
    now: Item | None


def compared(
    service: Service, job_name: str, number: int, reader: Caller | None = None
) -> Compared:
    """Return one version beside the one before it and the row as it is now; three requests.

    Parameters
    ----------
    reader
        As whom to see it; None for the caller.

    Raises
    ------
    NotFoundError
        If it is not kept.
    """
    kept = _some(service, job_name, service.kept(job_name, number))
    version = _version(kept.versions, job_name, number)
    found = with_writers(service, job_name, kept.versions)
    caller, before = reader or service.caller(), _before(kept.versions, version)
    row = _row(service, job_name, version, kept.rows)
    earlier = _row(service, job_name, before, kept.rows) if before else None
    whole = allows(caller, Action.READ_ENVIRONMENT)
    return Compared(
        Shown(
            next(each for each in found if each.version is version),
            None if row is None else redaction.row_for(caller, row),
        ),
        row_changes(earlier, row, values=whole),
        row_changes(row, kept.row, values=whole),
        kept.row,
    )


def get(service: Service, job_name: str, number: int, reader: Caller | None = None) -> Shown:
    """Return one version.

    Parameters
    ----------
    reader
        As whom to see it; None for the caller.

    Raises
    ------
    NotFoundError
        If it is not kept.
    """
    return compared(service, job_name, number, reader).shown


def changes(
    service: Service,
    job_name: str,
    start: int | None = None,
    end: int | None = None,
    reader: Caller | None = None,
) -> tuple[RowChange, ...]:
    """Return what differs between two versions, or between one and the row as it is now.

    Parameters
    ----------
    start
        The earlier one; None for the one before `end`, or before the last one.
    end
        The later one; None for the row as it is now.
    reader
        As whom to see them; None for the caller.

    Raises
    ------
    NotFoundError
        If one of them is not kept.
    """
    found = _kept(service, job_name)
    if start is None:
        later = found[0] if end is None else _version(found, job_name, end)
        before = _before(found, later)
        first = _row(service, job_name, before) if before else None
    else:
        first = _row(service, job_name, _version(found, job_name, start))
    if end is None:
        last = service.row(job_name)
    else:
        last = _row(service, job_name, _version(found, job_name, end))
    whole = allows(reader or service.caller(), Action.READ_ENVIRONMENT)
    return row_changes(first, last, values=whole)


def names_only(changed: Iterable[RowChange]) -> list[RowChange]:
    """Return changes without the values of environment variables, which are not for screens."""
    return [
        RowChange(each.path, each.kind, hidden=True) if each.is_variable else each
        for each in changed
    ]


def restore(
    service: Service,
    job_name: str,
    number: int,
    *,
    if_match: str | None = None,
    before: Item | None = None,
) -> edits.Edited:
    """Write the row of a version again, if nobody else writes the row in the meantime.

    It is a change like any other: the row is checked as it would be today.

    Parameters
    ----------
    if_match
        The ETag of the row that the caller has seen; a row that was deleted is created again.
    before
        The row that the caller has seen, instead.

    Raises
    ------
    NotFoundError
        If the version is not kept, or says that the row was deleted.
    InvalidRowError
        If the row describes no job, or no longer does.
    StaleError
        If the row is not what the caller has seen.
    """
    row = row_of(service, job_name, number)
    if if_match is None and before is not None:
        if_match = edits.etag_of(before)
    intent = edits.Intent(Action.RESTORE_VERSION, f"version {number}")
    return edits.put(service, row, if_match=if_match, if_none_match=if_match is None, intent=intent)


def row_of(service: Service, job_name: str, number: int) -> Item:
    """Return the whole row of a version; one request.

    Raises
    ------
    NotFoundError
        If the version is not kept, or says that the row was deleted.
    """
    kept = _some(service, job_name, service.kept(job_name, number))
    row = _row(service, job_name, _version(kept.versions, job_name, number), kept.rows)
    if row is None:
        message = f"in version {number} the row of {job_name} was deleted: choose an earlier one"
        raise NotFoundError(message)
    return row


def _kept(service: Service, job_name: str) -> list[Version]:
    found = service.row_versions.of(job_name)
    if not found:
        raise _nothing_kept(service, job_name)
    return found


def _some(service: Service, job_name: str, kept: Kept) -> Kept:
    if not kept.versions:
        raise _nothing_kept(service, job_name)
    return kept


def _nothing_kept(service: Service, job_name: str) -> NotFoundError:
    service.existing_row(job_name)
    message = f"no version of the row of {job_name} is kept: the first one is when it changes next"
    return NotFoundError(message)


def _version(found: Sequence[Version], job_name: str, number: int) -> Version:
    for each in found:
        if each.number == number:
            return each
    numbers = [each.number for each in found]
    message = f"{job_name} has no version {number}; kept are {min(numbers)} to {max(numbers)}"
    raise NotFoundError(message)


def _before(found: Sequence[Version], later: Version) -> Version | None:
    return next((each for each in found if each.order < later.order), None)


def _row(
    service: Service, job_name: str, version: Version, rows: Mapping[int, Item] = _NONE
) -> Item | None:
    """Return the row of a version, None at its end; it is read unless it is among `rows`."""
    if version.deleted:
        return None
    return rows.get(version.number) or service.row_versions.row(job_name, version)
