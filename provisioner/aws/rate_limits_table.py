"""The RateLimits table: one item for each of CloudFormation's quotas."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from provisioner.aws.clients import translated
from provisioner.aws.items import Item, to_dynamodb, to_plain
from provisioner.aws.tables import unchanged_since, version_of, written
from provisioner.errors import ThrottledError
from provisioner.stacks import rate_limits
from provisioner.stacks.rate_limits import SUSPENDED_FOR, Permit, Quota, RateLimit, Suspension

if TYPE_CHECKING:
    from collections.abc import Callable

    from provisioner.aws.clients import Clients

_log = logging.getLogger(__name__)

_TRIES = 10


class RateLimitsTable:
    """Reads and writes rate limits; of two writers at once one reads again."""

    def __init__(
        self, clients: Clients, name: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._clients = clients
        self._name = name
        self._clock = clock
        self._known: dict[Quota, tuple[RateLimit, int]] = {}

    def reserve(self, quota: Quota, *, has_reservation: bool) -> Permit:
        """Let a caller continue, or reserve a time for it; see `rate_limits.reserve`."""
        self._known.pop(quota, None)  # with an old one callers would continue and get no permit
        return self._change(
            quota,
            lambda limit, now: rate_limits.reserve(
                limit, quota, now, has_reservation=has_reservation
            ),
        )

    def acquire(self, quota: Quota) -> Permit:
        """Use up the right to one call; see `rate_limits.acquire`."""
        return self._change(quota, lambda limit, now: rate_limits.acquire(limit, quota, now))

    def back_off(self, quota: Quota) -> None:
        """Grant nothing for a moment: a call was throttled."""
        self._change(quota, lambda limit, now: (rate_limits.back_off(limit, now), Permit(now)))

    def suspend(self, quota: Quota, reason: str) -> datetime:
        """Grant nothing for a while; return until when."""
        until = self._clock() + SUSPENDED_FOR
        self._change(
            quota,
            lambda limit, now: (rate_limits.suspend(limit, Suspension(until, reason)), Permit(now)),
        )
        return until

    def _change(
        self, quota: Quota, change: Callable[[RateLimit, datetime], tuple[RateLimit, Permit]]
    ) -> Permit:
        for _ in range(_TRIES):
            known = self._known.pop(quota, None)
            limit, version = known or self._read(quota)
            fresh, permit = change(limit, self._clock())
            if fresh == limit:
                if known:
                    continue  # another caller may have gone on since
                self._known[quota] = (limit, version)
                return permit
            if self._write(quota, fresh, version):
                self._known[quota] = (fresh, version + 1)
                return permit
        message = f"too many jobs ask for a permit to {quota} at once"
        raise ThrottledError(message)

    def _read(self, quota: Quota) -> tuple[RateLimit, int]:
        with translated():
            response = self._clients.dynamodb.get_item(
                TableName=self._name, Key={"quota": {"S": quota}}, ConsistentRead=True
            )
        item = to_plain(response.get("Item", {}))
        return _rate_limit(item), version_of(item)

    def _write(self, quota: Quota, limit: RateLimit, version: int) -> bool:
        item = _item(limit) | {"quota": quota, "version": version + 1}
        condition = unchanged_since(version)
        done = written(
            self._clients, "put_item", TableName=self._name, Item=to_dynamodb(item), **condition
        )
        return done is not None


def _rate_limit(item: Item) -> RateLimit:
    """Return a rate limit; an idle one for what cannot be read, which is then overwritten."""
    if not item:
        return RateLimit()
    try:
        suspension = item.get("suspension")
        return RateLimit(
            free_at=_time(item["free_at"]),
            next_reservation_at=_time(item["next_reservation_at"]),
            suspension=Suspension(_time(suspension["until"]), str(suspension["reason"]))
            if suspension
            else None,
        )
    except Exception as error:  # noqa: BLE001  (whatever a person may have written there)
        _log.warning("the rate limit cannot be read (%r) and starts idle; it was %s", error, item)
        return RateLimit()


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _item(limit: RateLimit) -> Item:
    return {
        "free_at": limit.free_at.isoformat(),
        "next_reservation_at": limit.next_reservation_at.isoformat(),
        "suspension": limit.suspension
        and {
            "until": limit.suspension.until.isoformat(),
            "reason": limit.suspension.reason,
        },
    }
