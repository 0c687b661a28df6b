"""The upgrade of all jobs' stacks to the templates of this release."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from provisioner.api.call import Answer
from provisioner.api.encoding import jsonable
from provisioner.service import upgrades

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.api.call import Call
    from provisioner.service.upgrades import Upgrade


def start_upgrade(call: Call) -> Answer:
    """Start an upgrade; a dry run says what it would change instead."""
    asked, dry_run = call.body, call.query.dry_run
    begun = upgrades.start(
        call.service,
        asked.waves,
        soak=timedelta(seconds=asked.soak_seconds),
        pause_on_failures=asked.pause_on_failures,
        dry_run=dry_run,
    )
    return _answer(begun, 202, upgrades.changes(call.service) if dry_run else None)


def get_upgrade(call: Call) -> Answer:
    """Return how far the last upgrade has come."""
    return _answer(upgrades.current(call.service), 200)


def resume_upgrade(call: Call) -> Answer:
    """Continue a paused upgrade."""
    retry_failed, dry_run = call.body.retry_failed, call.query.dry_run
    return _answer(upgrades.resume(call.service, retry_failed=retry_failed, dry_run=dry_run), 202)


def abort_upgrade(call: Call) -> Answer:
    """End an upgrade."""
    reason, dry_run = call.body.reason, call.query.dry_run
    return _answer(upgrades.abort(call.service, reason, dry_run=dry_run), 202)


def _answer(found: Upgrade, status: int, changes: Mapping[str, Any] | None = None) -> Answer:
    said = {
        "id": found.id,
        "status": found.status,
        "reason": found.reason,
        "template_version": found.to,
        "waves": found.waves,
        "wave": found.wave,
        "soak_seconds": int(found.soak.total_seconds()),
        "pause_on_failures": found.pause_on_failures,
        "total": found.total,
        "progress": found.progress,
        "failures": found.failures,
        "by": found.by,
        "started_at": found.started_at,
        "ended_at": found.ended_at,
        "changes": changes,
    }
    return Answer(jsonable(said), status)
