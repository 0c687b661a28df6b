"""The Pace table: a line before each of CloudFormation's quotas, one item a quota."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from provisioner.aws.clients import client, translated
from provisioner.aws.items import Item, to_dynamodb, to_plain
from provisioner.aws.tables import unchanged_since, version_of, written
from provisioner.errors import ThrottledError
from provisioner.stacks import rate_limits
from provisioner.stacks.rate_limits import HELD_FOR, Hold, Line, Place, Quota

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)

_TRIES = 10


class PaceTable:
    """Reads and writes lines; who writes over another's change reads again."""

    def __init__(
        self, name: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._name = name
        self._clock = clock
        self._known: dict[Quota, tuple[Line, int]] = {}

    def enter(self, quota: Quota, *, admitted: bool) -> Place:
        """Tell a caller to go on, or give it a place; see `rate_limits.enter`."""
        self._known.pop(quota, None)  # an old line would let callers go in vain
        return self._change(
            quota, lambda line, now: rate_limits.enter(line, quota, now, admitted=admitted)
        )

    def take(self, quota: Quota) -> Place:
        """Take the right to one call; see `rate_limits.take`."""
        return self._change(quota, lambda line, now: rate_limits.take(line, quota, now))

    def back_off(self, quota: Quota) -> None:
        """Close a gate for a moment: a call was throttled."""
        self._change(quota, lambda line, now: (rate_limits.back_off(line, now), Place(now)))

    def hold(self, quota: Quota, reason: str) -> datetime:
        """Let nobody through for a while; return until when."""
        until = self._clock() + HELD_FOR
        self._change(
            quota, lambda line, now: (rate_limits.held(line, Hold(until, reason)), Place(now))
        )
        return until

    def _change(
        self, quota: Quota, change: Callable[[Line, datetime], tuple[Line, Place]]
    ) -> Place:
        for _ in range(_TRIES):
            known = self._known.pop(quota, None)
            line, version = known or self._read(quota)
            fresh, place = change(line, self._clock())
            if fresh == line:
                if known:
                    continue  # somebody may have gone on since
                self._known[quota] = (line, version)
                return place
            if self._write(quota, fresh, version):
                self._known[quota] = (fresh, version + 1)
                return place
        message = f"too many jobs ask for a place in line to {quota} at once"
        raise ThrottledError(message)

    def _read(self, quota: Quota) -> tuple[Line, int]:
        with translated():
            response = client("dynamodb").get_item(
                TableName=self._name, Key={"quota": {"S": quota}}, ConsistentRead=True
            )
        item = to_plain(response.get("Item", {}))
        return _line(item), version_of(item)

    def _write(self, quota: Quota, line: Line, version: int) -> bool:
        item = _item(line) | {"quota": quota, "version": version + 1}
        condition = unchanged_since(version)
        done = written("put_item", TableName=self._name, Item=to_dynamodb(item), **condition)
        return done is not None


def _line(item: Item) -> Line:
    """Return a line; an idle one for what cannot be read, which is written over then."""
    if not item:
        return Line()
    try:
        hold = item.get("hold")
        return Line(
            free_at=_time(item["free_at"]),
            next_place_at=_time(item["next_place_at"]),
            hold=Hold(_time(hold["until"]), str(hold["reason"])) if hold else None,
        )
    except Exception as error:  # noqa: BLE001  (whatever a person may have written there)
        _log.warning("the line cannot be read (%r) and is made again; it was %s", error, item)
        return Line()


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _item(line: Line) -> Item:
    return {
        "free_at": line.free_at.isoformat(),
        "next_place_at": line.next_place_at.isoformat(),
        "hold": line.hold and {"until": line.hold.until.isoformat(), "reason": line.hold.reason},
    }
