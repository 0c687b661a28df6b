"""Many items a run: where they come from, and how many may run and fail."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.jobs.artifacts import S3Object, s3_object
from provisioner.jobs.errors import InvalidValueError, invalid, shown
from provisioner.jobs.payload import RESERVED
from provisioner.jobs.values import Check, keyed, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_ITEMS = 30_000
"""Ours: what is kept of each item's outcome, eight characters at most, has to fit into the 256 KiB
that Step Functions allows the result of all."""

MAX_CONCURRENCY = 10_000
"""Step Functions quotas, parallel child executions of a Map Run."""

ITEM, PLACE = "item", "_fan_out"
"""Keys under which each item's input has the item itself, and where it stands among all."""

TAKEN = "is what each item of fan_out gets under this key; use another"

SOURCES = ("json", "csv", "prefix")

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class ItemSource:
    """Items in S3: a JSON list, the rows of a CSV file, or all objects under a prefix."""

    kind: str
    place: S3Object


@dataclass(frozen=True, slots=True)
class FanOut:
    """What a row says of its items. Those of a `source` are not in the payload."""

    items: str = "items"
    source: ItemSource | None = None
    max_concurrency: int = 10
    tolerated_failure_percent: int = 0


def fan_out_map(value: object) -> FanOut:
    """Check how a job does its work over many items; an empty map is all defaults."""
    found = keyed(value, _CHECKS, "a fan-out")
    if "source" in found and "items" in found:
        raise InvalidValueError((".source", "stands in place of items; give one of them"))
    return FanOut(**found)  # type: ignore[arg-type]  # each key has the check of its type


def taken_keys(fan_out: FanOut | None, payload: Mapping[str, object]) -> tuple[str, ...]:
    """Return the keys of a payload whose values no item would ever see.

    The list of the items may be called ``item`` itself: an item's input does not have the list.
    """
    if fan_out is None:
        return ()
    listed = () if fan_out.source else (fan_out.items,)
    return tuple(key for key in (ITEM, PLACE) if key in payload and key not in listed)


def _items(value: object) -> str:
    if not isinstance(value, str) or not _KEY.fullmatch(value) or value in {RESERVED, PLACE}:
        raise invalid(f'must be a key of the payload like "items", not {shown(value)}')
    return value


def _source(value: object) -> ItemSource:
    found = keyed(value, _SOURCES, "a source")
    if len(found) != 1:
        raise invalid(f"must have exactly one of {', '.join(SOURCES)}")
    [(kind, place)] = found.items()
    return ItemSource(kind, place)  # type: ignore[arg-type]  # as its check returns it


def _json(value: object) -> S3Object:
    return _object(value, "folder/items.json")


def _csv(value: object) -> S3Object:
    return _object(value, "folder/items.csv")


def _prefix(value: object) -> S3Object:
    place = _object(value, "folder/", whole_bucket=True)
    if place.version_id:
        raise invalid('names objects by the beginning of their keys; no "?versionId=" may follow')
    return place


def _object(value: object, example: str, *, whole_bucket: bool = False) -> S3Object:
    place = s3_object(value, example, whole_bucket=whole_bucket)
    if "${" in place.key:
        raise invalid('must not hold "${", which CloudFormation would take for a variable')
    return place


_SOURCES: dict[str, Check[object]] = {"json": _json, "csv": _csv, "prefix": _prefix}

_CHECKS: dict[str, Check[object]] = {
    "items": _items,
    "source": _source,
    "max_concurrency": whole(1, MAX_CONCURRENCY),
    "tolerated_failure_percent": whole(0, 100),
}
