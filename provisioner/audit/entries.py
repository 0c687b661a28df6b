"""Entries of the audit: an action, from its intent to its outcome.

An entry is written before the action and again after it. So an action that was done and whose
outcome could not be written is there as BEGUN, which says that it may have been done; none is done
without an entry.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from provisioner.plain_text import cleaned
from provisioner.runs.model import iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from provisioner.audit.row_changes import RowChange

CLAIMED = "says#"
"""Begins the key of entries that callers wrote with rights of their own: IAM keeps them to those
keys, so that such an entry can never pass for the provisioner's own."""

VERSIONS = "version#"
"""Begins the key of a row's versions, which only job_stream writes."""

NO_JOB = "#bootstrap"
"""The job of entries that are about no job."""

MAX_CHANGES = 50
MAX_VALUE_CHARACTERS = 200
MAX_TEXT_CHARACTERS = 500
"""Ours: an entry of the largest row stays below 30 KB."""


class Outcome(StrEnum):
    """What became of an action."""

    BEGUN = "begun"
    """Not known: the process ended, or could not write, before it was."""
    DONE = "done"
    REFUSED = "refused"
    """The request was not valid, or not allowed; nothing was done."""
    FAILED = "failed"
    """AWS failed, or another caller was faster; a part may have been done."""


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which entries a list has.

    Attributes
    ----------
    run
        Those about this run, and the starts of runs that repeat it.
    by
        A part of the name of who did it.
    since, until
        From when, and before when; None for any time.
    """

    run: str = ""
    action: str = ""
    by: str = ""
    outcome: Outcome | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def looks_inside(self) -> bool:
        """Whether keys alone do not tell: then entries are looked through."""
        return bool(self.run or self.action or self.by or self.outcome)


EVERY = EntryFilter()


@dataclass(frozen=True, slots=True)
class ShownChange:
    """A change of a row as an entry keeps it: texts of one line, cut."""

    path: str
    kind: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One action.

    Attributes
    ----------
    entry_id
        When it began, ISO 8601 in UTC with milliseconds, `#`, and what makes it unique. It is as
        the table has it, so that lists continue after it: show `at`, or `document`.
    by, via, address, proven, request_id
        See `provisioner.service.caller.Caller`.
    job_name
        None when it is about no job.
    detail
        What else there is to say, in a line.
    changes
        Of a row, at most 50 of them; there are `more_changes` more.
    digests
        Of the row before and after, "" where there is none. They are for matching versions, and
        not for people: values that are hidden could be guessed by them.
    """

    entry_id: str
    action: str
    by: str
    via: str
    proven: bool
    address: str | None = None
    request_id: str | None = None
    job_name: str | None = None
    run: str | None = None
    outcome: Outcome = Outcome.BEGUN
    reason: str | None = None
    detail: str | None = None
    ended_at: str | None = None
    changes: tuple[ShownChange, ...] = ()
    more_changes: int = 0
    digests: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def at(self) -> str:
        """When it began."""
        return line(self.entry_id.partition("#")[0])

    @property
    def writer(self) -> str:
        """The name of who did it: a proven name, or `says` and one that is only claimed."""
        return self.by if self.proven else f"says {self.by}"

    @property
    def subject(self) -> str:
        """The partition key."""
        return subject_of(self.job_name, proven=self.proven)


def subject_of(job_name: str | None, *, proven: bool) -> str:
    """Return the partition key of a job's entries."""
    return f"{'' if proven else CLAIMED}{job_name or NO_JOB}"


def new_id(at: datetime, unique: str) -> str:
    """Return the id of an entry; ids are in the order of time."""
    return f"{iso(at)}#{unique}"


def repeats(run: str) -> str:
    """Return what the detail of a start begins with that repeats a run: so they are found by it."""
    return f"repeats {run}"


def line(text: str, limit: int = MAX_TEXT_CHARACTERS) -> str:
    """Return text as an entry keeps it: one line, without control characters, cut."""
    shown = cleaned(" ".join(text[: 2 * limit].split()))
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"


def shown_changes(changes: Iterable[RowChange]) -> tuple[tuple[ShownChange, ...], int]:
    """Return changes as an entry keeps them, and how many more there are."""
    every = tuple(changes)
    shown = tuple(
        ShownChange(
            line(each.path, MAX_VALUE_CHARACTERS),
            each.kind,
            *(line(value, MAX_VALUE_CHARACTERS) for value in each.in_a_line),
        )
        for each in every[:MAX_CHANGES]
    )
    return shown, len(every) - len(shown)


_OPTIONAL = ("address", "request_id", "run", "reason", "detail", "ended_at")


def to_item(entry: Entry) -> dict[str, object]:
    """Return an entry as its table has it, without what the table adds."""
    item: dict[str, object] = {
        "subject": entry.subject,
        "entry_id": entry.entry_id,
        "action": entry.action,
        "caller": entry.by,
        "via": entry.via,
        "outcome": entry.outcome.value,
        **{name: value for name in _OPTIONAL if (value := getattr(entry, name)) is not None},
    }
    if entry.changes:
        item["changes"] = [
            {"path": each.path, "kind": each.kind, "before": each.before, "after": each.after}
            for each in entry.changes
        ]
        item["more_changes"] = entry.more_changes
    if entry.digests is not None:
        item["digest_before"], item["digest_after"] = entry.digests
    return item


def from_item(item: Mapping[str, Any]) -> Entry:
    """Return the entry of an item, whatever is in it: callers write some with their own rights.

    Its key alone says whether it is proven, because IAM holds writers to it.
    """
    subject = str(item.get("subject", ""))
    job_name = subject.removeprefix(CLAIMED)
    texts = {name: _text(item.get(name)) for name in _OPTIONAL}
    changes = item.get("changes")
    return Entry(
        entry_id=str(item.get("entry_id", "")),
        action=_text(item.get("action")) or "-",
        by=_text(item.get("caller")) or "-",
        via=_text(item.get("via")) or "-",
        proven=not subject.startswith(CLAIMED),
        job_name=None if job_name == NO_JOB else line(job_name),
        outcome=_outcome(item.get("outcome")),
        changes=_changes(changes) if isinstance(changes, list) else (),
        more_changes=_count(item.get("more_changes")),
        digests=_digests(item.get("digest_before"), item.get("digest_after")),
        **texts,
    )


def _text(value: object) -> str | None:
    return line(value) if isinstance(value, str) else None


def _outcome(value: object) -> Outcome:
    return next((each for each in Outcome if each == value), Outcome.BEGUN)


def _count(value: object) -> int:
    try:
        return max(0, int(value))  # type: ignore[call-overload, no-any-return]  # whatever it is
    except (TypeError, ValueError, OverflowError, ArithmeticError):
        return 0


def _changes(values: list[object]) -> tuple[ShownChange, ...]:
    names = ("path", "kind", "before", "after")
    return tuple(
        ShownChange(*(_text(each.get(name)) or "" for name in names))
        for each in values[:MAX_CHANGES]
        if isinstance(each, dict)
    )


def _digests(before: object, after: object) -> tuple[str, str] | None:
    if isinstance(before, str) and isinstance(after, str):
        return before, after
    return None


def document(entry: Entry) -> dict[str, object]:
    """Return an entry as JSON has it; without digests, which hidden values could be guessed by."""
    changes = [
        {"path": each.path, "kind": each.kind, "before": each.before, "after": each.after}
        for each in entry.changes
    ]
    return {
        "id": line(entry.entry_id),
        "at": entry.at,
        "ended_at": entry.ended_at,
        "action": entry.action,
        "job_name": entry.job_name,
        "run": entry.run,
        "outcome": entry.outcome.value,
        "reason": entry.reason,
        "detail": entry.detail,
        "by": entry.by,
        "proven": entry.proven,
        "via": entry.via,
        "address": entry.address,
        "request_id": entry.request_id,
        "changes": changes,
        "more_changes": entry.more_changes,
    }
