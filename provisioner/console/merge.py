"""What becomes of a row that two people have changed: a three-way merge by attribute. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_ABSENT: Any = object()


@dataclass(frozen=True, slots=True)
class Conflict:
    """A value that both have changed, each to something else; None where it is absent.

    Attributes
    ----------
    path
        The attribute, and the keys inside it if it is a map.
    """

    path: tuple[str, ...]
    base: object
    mine: object
    theirs: object

    @property
    def name(self) -> str:
        """The path as errors of rows name it."""
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Merged:
    """A row with the changes of both; where they conflict, it has mine."""

    row: Mapping[str, Any]
    conflicts: tuple[Conflict, ...]


def merge(base: Mapping[str, Any], mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Merged:
    """Merge two changes of one row; maps such as `environment` key by key."""
    conflicts: list[Conflict] = []
    row = _merged((), base, mine, theirs, conflicts)
    return Merged(row, tuple(conflicts))


def _merged(
    path: tuple[str, ...],
    base: Mapping[str, Any],
    mine: Mapping[str, Any],
    theirs: Mapping[str, Any],
    conflicts: list[Conflict],
) -> dict[str, Any]:
    row = {}
    for name in [*theirs, *(name for name in mine if name not in theirs)]:
        values = [each.get(name, _ABSENT) for each in (base, mine, theirs)]
        value = _one((*path, name), values, conflicts)
        if value is not _ABSENT:
            row[name] = value
    return row


def _one(path: tuple[str, ...], values: list[Any], conflicts: list[Conflict]) -> Any:  # noqa: ANN401
    base, mine, theirs = values
    if _same(mine, theirs) or _same(base, theirs):
        return mine
    if _same(base, mine):
        return theirs
    if all(isinstance(each, dict) for each in (mine, theirs)):
        return _merged(path, base if isinstance(base, dict) else {}, mine, theirs, conflicts)
    shown = (None if each is _ABSENT else each for each in values)
    conflicts.append(Conflict(path, *shown))
    return mine


def _same(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other
