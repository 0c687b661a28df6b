"""What differs between two versions of a row, attribute by attribute.

The values of environment variables are compared, and shown only to whom they are for: nobody reads
one out of the audit. Of `secrets` there are only ARNs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from provisioner.exact_numbers import to_json
from provisioner.jobs.attributes import NAMES
from provisioner.jobs.environment import is_secret_arn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OPENED = ("environment", "secrets")
"""Maps of which each entry is a change of its own."""


class ChangeKind(StrEnum):
    """What became of an attribute."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class RowChange:
    """An attribute before and after, each None where it is absent or hidden.

    Attributes
    ----------
    path
        `memory_mb`, `environment.LOG_LEVEL`.
    hidden
        Whether the values are left out.
    """

    path: str
    kind: ChangeKind
    before: object = None
    after: object = None
    hidden: bool = False

    @property
    def is_variable(self) -> bool:
        """Whether this is an environment variable, or all of them."""
        return self.path.partition(".")[0] == "environment"

    @property
    def in_a_line(self) -> tuple[str, str]:
        """Both values as text of one line: JSON, unless they are texts."""
        if self.hidden:
            return (
                "" if self.kind is ChangeKind.ADDED else "…",
                "" if self.kind is ChangeKind.REMOVED else "…",
            )
        return _as_text(self.before), _as_text(self.after)


def row_changes(
    before: Mapping[str, object] | None, after: Mapping[str, object] | None, *, values: bool
) -> tuple[RowChange, ...]:
    """Return what differs, by path; None stands for a row that does not exist.

    Parameters
    ----------
    values
        Whether to show the values of environment variables, and of attributes that no job has.
    """
    old, new = dict(_flat(before or {})), dict(_flat(after or {}))
    return tuple(
        _change(path, old, new, values=values)
        for path in sorted(old.keys() | new.keys())
        if path not in old or path not in new or old[path] != new[path]
    )


def _change(
    path: str, old: Mapping[str, object], new: Mapping[str, object], *, values: bool
) -> RowChange:
    kind = ChangeKind.CHANGED
    if path not in old or path not in new:
        kind = ChangeKind.ADDED if path in new else ChangeKind.REMOVED
    attribute = path.partition(".")[0]
    pair = old.get(path), new.get(path)
    if attribute == "secrets":
        hidden = not all(each is None or _is_arn(each) for each in pair)
    else:
        hidden = not values and (attribute == "environment" or path not in NAMES)
    return RowChange(path, kind, hidden=True) if hidden else RowChange(path, kind, *pair)


def _flat(row: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for name, value in row.items():
        if name in _OPENED and isinstance(value, dict) and value:
            yield from ((f"{name}.{each}", part) for each, part in value.items())
        else:
            yield name, value


def _is_arn(value: object) -> bool:
    return isinstance(value, str) and is_secret_arn(value)


def _as_text(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return to_json(value, default=_plain, ensure_ascii=False, sort_keys=True)


def _plain(value: object) -> object:
    match value:
        case set() | frozenset():
            return sorted(map(str, value))
        case _:
            return "…"
