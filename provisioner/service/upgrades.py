"""The upgrade of all jobs' stacks to the templates of this release: start, look, resume, abort.

The bootstrap's sweep does the work, so nothing here waits. What is asked for is written into one
item, only over what its author has seen; then the sweep is called, which would look within five
minutes anyway.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from provisioner.errors import InvalidRequestError, NotFoundError, PermanentError, ProvisionerError
from provisioner.plain_text import cleaned
from provisioner.runs.model import iso
from provisioner.service.audit import recorded
from provisioner.service.rights import Action
from provisioner.stacks import upgrade as upgrades
from provisioner.stacks.model import JobStatus
from provisioner.stacks.upgrade import (
    DEFAULT_SOAK,
    DEFAULT_WAVES,
    LONGEST_SOAK,
    MOST_ALLOWED_FAILURES,
    FailureKind,
    Upgrade,
    UpgradeStatus,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provisioner.service.context import Service
    from provisioner.stacks.model import StackRecord

__all__ = [
    "DEFAULT_SOAK",
    "DEFAULT_WAVES",
    "Outdated",
    "Upgrade",
    "abort",
    "changes",
    "current",
    "document",
    "outdated",
    "report",
    "resume",
    "start",
]

_log = logging.getLogger(__name__)

_REASON_CHARACTERS = 200


def current(service: Service) -> Upgrade:
    """Return the upgrade in progress, or the last one.

    Raises
    ------
    NotFoundError
        If there was none.
    """
    upgrade = service.upgrades.get()
    if upgrade is None:
        message = 'there has been no upgrade yet; start one with "provisioner upgrade"'
        raise NotFoundError(message)
    return upgrade


@dataclass(frozen=True, slots=True)
class Outdated:
    """The jobs whose stacks were made by other templates than this release's.

    `by_type` counts all and those that are READY, which an upgrade can update.
    """

    records: Mapping[str, StackRecord]

    def __len__(self) -> int:
        return len(self.records)

    @property
    def not_ready(self) -> int:
        """How many an upgrade leaves as they are."""
        return sum(each.status is not JobStatus.READY for each in self.records.values())

    @property
    def by_type(self) -> dict[str, tuple[int, int]]:
        """Return how many of each type, and how many of those are READY."""
        found: dict[str, tuple[int, int]] = {}
        for each in self.records.values():
            kind = (each.row.type if each.row else "") or "unknown"
            count, ready = found.get(kind, (0, 0))
            found[kind] = count + 1, ready + (each.status is JobStatus.READY)
        return found


def outdated(service: Service) -> Outdated:
    """Return the jobs that are outdated; it reads all Stacks rows, by their status.

    Raises
    ------
    PermanentError
        If the bootstrap is of an earlier release, which does not say what it builds.
    """
    version = service.template_version
    if version is None:
        message = (
            f"stack {service.stack_name} has no output TemplateVersion: deploy this release first"
        )
        raise PermanentError(message)
    until = service.clock() + timedelta(days=1)
    found = (
        each
        for status in JobStatus
        if status is not JobStatus.DELETED
        for each in service.stacks.by_status(status, until=until)
    )
    return Outdated({each.job_name: each for each in found if upgrades.is_outdated(each, version)})


def report(service: Service) -> Mapping[str, Any]:
    """Return what an upgrade would change; see `template_changes.report`.

    Raises
    ------
    ProvisionerError
        If the sweep cannot be called, or fails.
    """
    found = service.sweep_function.call({"upgrade_report": True})
    if not isinstance(found, dict) or "differences" not in found:
        message = "the functions of this bootstrap are of another release, and cannot answer this"
        raise PermanentError(message)
    return found


def changes(service: Service) -> Mapping[str, Any] | None:
    """Return what `report` does, None if that is not known."""
    try:
        return report(service)
    except ProvisionerError as error:
        _log.warning("what an upgrade changes is not known: %s", error)
        return None


def document(upgrade: Upgrade) -> dict[str, object]:
    """Return an upgrade as JSON has it."""
    return {
        **asdict(upgrade),
        "soak": int(upgrade.soak.total_seconds()),
        "failures": [
            {**asdict(each), "at": iso(each.at) if each.at else None} for each in upgrade.failures
        ],
        **{name: iso(at) if (at := getattr(upgrade, name)) else None for name in _TIMES},
    }


_TIMES = ("started_at", "stepped_at", "ended_at")


def start(
    service: Service,
    waves: Sequence[int] = DEFAULT_WAVES,
    *,
    soak: timedelta = DEFAULT_SOAK,
    pause_on_failures: int = 1,
    dry_run: bool = False,
) -> Upgrade:
    """Start an upgrade.

    Parameters
    ----------
    waves
        The share of all outdated jobs in percent that is updated by the end of each.
    soak
        How long a wave waits after its last update for runs that fail.
    pause_on_failures
        It pauses when so many jobs have failed.
    dry_run
        Whether this is only checked.

    Raises
    ------
    InvalidRequestError
        If one of these is not valid.
    PermanentError
        If an upgrade is in progress.
    """
    chosen = upgrades.waves_of(waves)
    if not 0 <= soak.total_seconds() <= LONGEST_SOAK.total_seconds():
        raise InvalidRequestError("the soak time must be from 0 seconds to 7 days")
    if not 1 <= pause_on_failures <= MOST_ALLOWED_FAILURES:
        message = f"pause_on_failures must be from 1 to {MOST_ALLOWED_FAILURES}"
        raise InvalidRequestError(message)
    before, now = service.upgrades.get(), service.clock()
    if before is not None and before.ended_at is None:
        message = f"the upgrade {before.id} is {before.status}: resume or abort it first"
        raise PermanentError(message)
    begun = Upgrade(
        id=upgrades.new_id(now, Random(secrets.randbits(64))),  # noqa: S311  (it is only a name)
        waves=chosen,
        soak=soak,
        pause_on_failures=pause_on_failures,
        by=service.caller().label,
        started_at=now,
        version=before.version if before else 0,
    )
    shares = ", ".join(f"{each}%" for each in chosen)
    if dry_run:
        return begun
    with recorded(service, Action.START_UPGRADE, detail=f"{begun.id}: waves {shares}"):
        service.upgrades.save(begun)
    _step(service)
    return begun


def resume(service: Service, *, retry_failed: bool = False, dry_run: bool = False) -> Upgrade:
    """Continue a paused upgrade; what has failed until now no longer counts.

    With `retry_failed` the stacks that failed are tried again, otherwise they stay as they are.

    Raises
    ------
    PermanentError
        If it is not PAUSED.
    """
    before = current(service)
    if before.status is not UpgradeStatus.PAUSED:
        message = f"the upgrade {before.id} is {before.status}: only a PAUSED one can be resumed"
        raise PermanentError(message)
    if dry_run:
        return upgrades.resume(before)
    detail = f"{before.id}: {before.reason}"
    with recorded(service, Action.RESUME_UPGRADE, detail=detail):
        service.upgrades.save(upgrades.resume(before))
        for failure in before.failures if retry_failed else ():
            if failure.kind is FailureKind.STACK:
                service.reconcile_queue.send(failure.job_name, retry=True)
    _step(service)
    return _written(upgrades.resume(before))


def abort(service: Service, reason: str = "", *, dry_run: bool = False) -> Upgrade:
    """End an upgrade: jobs that are not updated yet stay as they are.

    Raises
    ------
    PermanentError
        If it is over.
    """
    before = current(service)
    if before.ended_at is not None or before.status is UpgradeStatus.ABORTED:
        message = f"the upgrade {before.id} is {before.status}: there is nothing to abort"
        raise PermanentError(message)
    said = " ".join(cleaned(reason).split())[:_REASON_CHARACTERS]
    aborted = upgrades.abort(before, said or f"Aborted by {service.caller().label}")
    if dry_run:
        return aborted
    with recorded(service, Action.ABORT_UPGRADE, detail=f"{before.id}: {aborted.reason}"):
        service.upgrades.save(aborted)
    _step(service)
    return _written(aborted)


def _written(upgrade: Upgrade) -> Upgrade:
    return replace(upgrade, version=upgrade.version + 1)


def _step(service: Service) -> None:
    """Have the sweep take the upgrade a step further at once; it does so anyway, soon."""
    try:
        service.sweep_function.call_later({"upgrade": True})
    except ProvisionerError as error:
        _log.warning("the sweep could not be called, the next one is never far: %s", error)
