"""The audit: records what callers do, and lists it.

An action's entry is written before it, and again with its outcome after it. In the other order an
action could be done of which nothing is known. Of a proven caller nothing is done whose entry
cannot be written. Of the command line it is, with a warning: its entries are only claims, which its
user's rights may not include, and a claim that is missing hides nothing that a false one would not.

The second write never fails the action, which is done: its entry stays BEGUN then.
"""

from __future__ import annotations

import logging
import secrets
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from provisioner.audit.entries import (
    EVERY,
    Entry,
    EntryFilter,
    Outcome,
    document,
    line,
    new_id,
    shown_changes,
)
from provisioner.audit.row_changes import row_changes
from provisioner.aws.audit_table import EntryKey
from provisioner.errors import InvalidCursorError, PermanentError, ProvisionerError
from provisioner.jobs.row_content import content_digest
from provisioner.plain_text import cleaned
from provisioner.runs.model import iso
from provisioner.service import cursors
from provisioner.service.caller import MAX_NAME_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from provisioner.service.context import Service
    from provisioner.service.rights import Action

__all__ = [
    "AuditPage",
    "Entry",
    "EntryFilter",
    "Outcome",
    "Recording",
    "document",
    "newest",
    "note",
    "of_job",
    "of_run",
    "page",
    "recorded",
]

_log = logging.getLogger(__name__)

_BEFORE_A_RUN = timedelta(minutes=5)
"""How long before a run's row begins its start may have been asked for: clocks differ."""

_SEARCHED = 500


@dataclass(slots=True)
class Recording:
    """What becomes known of an action while it is done."""

    run: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Entries, newest first; `cursor` asks for those after them."""

    entries: tuple[Entry, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Rows:
    """A row before and after an action, None where there is none."""

    before: Mapping[str, object] | None
    after: Mapping[str, object] | None
    digests: tuple[str, str] = field(init=False)

    def __post_init__(self) -> None:
        digests = tuple(content_digest(each) if each else "" for each in (self.before, self.after))
        object.__setattr__(self, "digests", digests)


@contextmanager
def recorded(
    service: Service,
    action: Action,
    job_name: str | None = None,
    *,
    run: str | None = None,
    detail: str | None = None,
    rows: Rows | None = None,
) -> Iterator[Recording]:
    """Record the action that the block takes.

    Raises
    ------
    ProvisionerError
        If the caller is proven and the entry cannot be written; the block is not entered then.
    """
    detail = _with_reason(detail, service.because)
    entry = _begun(service, action, job_name, run, detail, rows)
    if entry is None:
        yield Recording(run, detail)
        return
    recording, outcome, reason = Recording(run, detail), Outcome.DONE, None
    try:
        yield recording
    except GeneratorExit:  # the caller of a generator has gone: how far it came is not known
        outcome = Outcome.BEGUN
        raise
    except BaseException as error:
        refused = isinstance(error, PermanentError)
        outcome = Outcome.REFUSED if refused else Outcome.FAILED
        reason = line(str(error) if isinstance(error, ProvisionerError) else type(error).__name__)
        raise
    finally:
        _finish(service, entry, recording, outcome, reason)


def note(
    service: Service,
    action: Action,
    entry_id: str = "",
    outcome: Outcome = Outcome.DONE,
    *,
    reason: str | None = None,
    detail: str | None = None,
) -> None:
    """Record what has happened already, if that can be written: it needs no leave of the audit.

    Parameters
    ----------
    entry_id
        One that is given again takes the place of the entry before.
    """
    if not service.has_audit:
        return
    now = service.clock()
    entry = replace(
        _entry(service, action, entry_id or new_id(now, secrets.token_hex(4)), detail=detail),
        outcome=outcome,
        reason=line(reason) if reason else None,
        ended_at=iso(now),
    )
    try:
        service.audit.write(entry)
    except ProvisionerError as error:
        _log.warning("The audit has no entry of this: %s", cleaned(str(error)))


def page(
    service: Service, limit: int, which: EntryFilter = EVERY, *, cursor: str | None = None
) -> AuditPage:
    """Return the next entries of all jobs and of the bootstrap itself, newest first; one query.

    With a filter that looks inside, a page may have fewer, or none, although it has a cursor.

    Raises
    ------
    InvalidRequestError
        If the cursor is not one that a page had.
    """
    after: EntryKey | None = None
    if cursor:
        match cursors.read(cursor):
            case [str(entry_id), str(subject)]:
                after = EntryKey(entry_id, subject)
            case _:
                raise InvalidCursorError
    entries, end = service.audit.page(limit, after, which)
    return AuditPage(tuple(entries), cursors.written([end.entry_id, end.subject]) if end else None)


def of_job(
    service: Service,
    job_name: str,
    limit: int,
    which: EntryFilter = EVERY,
    *,
    cursor: str | None = None,
) -> AuditPage:
    """Return the next entries of a job, newest first; two queries.

    With a filter that looks inside, a page may have fewer, or none, although it has a cursor.

    Raises
    ------
    InvalidRequestError
        If the cursor is not one that a page had.
    """
    before: dict[str, str] = {}
    if cursor:
        match cursors.read(cursor):
            case [str(entry_id)]:
                before = {"before": entry_id}
            case _:
                raise InvalidCursorError
    entries, end = service.audit.of_job(job_name, limit, which=which, **before)
    return AuditPage(tuple(entries), cursors.written([end]) if end else None)


@dataclass(frozen=True, slots=True)
class RunEntries:
    """What was done to one run.

    Attributes
    ----------
    entries
        Oldest first, with the starts of runs that repeat it.
    """

    run: str
    entries: tuple[Entry, ...] = ()

    def proven(self, *actions: Action, said: str | None) -> Entry | None:
        """Return the entry that proves who did something to the run.

        Parameters
        ----------
        said
            Who did, as the run's row says: two may have stopped it, one of them in time.
        """
        for each in self.entries:
            is_done = each.proven and each.outcome is Outcome.DONE and each.run == self.run
            is_said = said in {None, each.by[:MAX_NAME_CHARACTERS]}
            if is_done and is_said and each.action in actions:
                return each
        return None


def of_run(service: Service, job_name: str, run: str, began_at: datetime | None) -> RunEntries:
    """Return what was done to a run since it began; two queries.

    They look through the job's next 500 entries of each kind. `of_job` finds all, a page at a time.
    """
    if not service.has_audit or began_at is None:
        return RunEntries(run)
    found = service.audit.of_run(job_name, run, began_at - _BEFORE_A_RUN, _SEARCHED)
    return RunEntries(run, tuple(found))


def newest(service: Service, job_name: str, count: int, which: EntryFilter = EVERY) -> list[Entry]:
    """Return the last entries of a job, or of all without one, as many as there are to show."""
    found: list[Entry] = []
    cursor: str | None = None
    while True:
        if job_name:
            listed = of_job(service, job_name, count, which, cursor=cursor)
        else:
            listed = page(service, count, which, cursor=cursor)
        found += listed.entries
        cursor = listed.cursor
        if cursor is None or len(found) >= count:
            return found[:count]


def _begun(
    service: Service,
    action: Action,
    job_name: str | None,
    run: str | None,
    detail: str | None,
    rows: Rows | None,
) -> Entry | None:
    """Write the intent and return it; None when the action continues without an entry."""
    if not service.has_audit:
        return None
    changes, more = shown_changes(
        row_changes(rows.before, rows.after, values=False) if rows else ()
    )
    entry = replace(
        _entry(service, action, new_id(service.clock(), secrets.token_hex(4)), detail=detail),
        job_name=job_name,
        run=run,
        changes=changes,
        more_changes=more,
        digests=rows.digests if rows else None,
    )
    try:
        service.audit.write(entry)
    except ProvisionerError as error:
        if entry.proven:
            raise
        _log.warning("The audit has no entry of this: %s", cleaned(str(error)))
        return None
    return entry


def _with_reason(detail: str | None, because: str | None) -> str | None:
    """Return what there is to say, with the reason of what the action is a part of."""
    if detail is None or because is None or because.startswith(detail):
        return because or detail
    return f"{detail}; {because}"


def _entry(service: Service, action: Action, entry_id: str, *, detail: str | None) -> Entry:
    caller = service.caller()
    return Entry(
        entry_id,
        action.value,
        by=line(caller.name),
        via=caller.via,
        proven=caller.proven,
        address=caller.address,
        request_id=caller.request_id,
        detail=line(detail) if detail else None,
    )


def _finish(
    service: Service, entry: Entry, recording: Recording, outcome: Outcome, reason: str | None
) -> None:
    finished = replace(
        entry,
        outcome=outcome,
        reason=reason,
        run=recording.run,
        detail=line(recording.detail) if recording.detail else None,
        ended_at=iso(service.clock()),
    )
    try:
        service.audit.write(finished)
    except ProvisionerError as error:
        _log.warning("The audit does not know how this ended: %s", cleaned(str(error)))
