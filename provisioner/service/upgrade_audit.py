"""What an upgrade does by itself, recorded in the audit as what people do is."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from provisioner.service.audit import recorded
from provisioner.service.caller import Caller, Role
from provisioner.service.rights import Action
from provisioner.stacks.upgrade import AUTOMATIC, UpgradeStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provisioner.service.context import Service
    from provisioner.stacks.upgrade import Upgrade, UpgradeProgress

CALLER = Caller("provisioner", via="upgrade", role=Role.ADMIN, proven=True)
"""In whose name the sweep takes an upgrade further."""

AuditedStep = tuple[Action, str]

_BY_ITSELF = {
    UpgradeStatus.PAUSED: Action.PAUSE_UPGRADE,
    UpgradeStatus.ABORTED: Action.ABORT_UPGRADE,
    UpgradeStatus.SUCCEEDED: Action.FINISH_UPGRADE,
}


@contextmanager
def step_recorded(service: Service, steps: list[AuditedStep]) -> Iterator[None]:
    """Record what a step of an upgrade does, which the block writes down.

    Raises
    ------
    ProvisionerError
        If an entry cannot be written; the block is not entered then.
    """
    with ExitStack() as entries:
        for action, detail in steps:
            entries.enter_context(recorded(service, action, detail=detail))
        yield


def steps_of(before: Upgrade, after: Upgrade, *, marks: bool) -> list[AuditedStep]:
    """Return what a step does that people want to know of, in order.

    Parameters
    ----------
    marks
        Whether the step chooses jobs.
    """
    found: list[AuditedStep] = []
    if before.by == AUTOMATIC and before.stepped_at is None:
        shares = ", ".join(f"{each}%" for each in before.waves)
        found.append((Action.START_UPGRADE, f"{before.id}: waves {shares}"))
    begun, is_over = len(after.progress), after.status is UpgradeStatus.SUCCEEDED
    ended = range(before.wave, min(begun, after.wave + is_over))
    found += [(Action.END_WAVE, _wave(after, each)) for each in ended]
    if marks and begun <= after.wave:
        found.append((Action.BEGIN_WAVE, _wave(after, after.wave)))
    if after.status is not before.status:
        detail = f"{after.id}: {after.reason}" if after.reason else after.id
        found.append((_BY_ITSELF[after.status], detail))
    return found


def _wave(upgrade: Upgrade, number: int) -> str:
    """Return which wave it is, and how far it has come."""
    of = f"{upgrade.id}: wave {number + 1} of {len(upgrade.waves)}, {upgrade.waves[number]}%"
    if number >= len(upgrade.progress):
        return of
    done: UpgradeProgress = upgrade.progress[number]
    return f"{of}: {done.upgraded} upgraded, {done.failed} failed, {done.skipped} skipped"
