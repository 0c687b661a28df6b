"""The conditions of a Stacks row, as Kubernetes writes them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from provisioner.stacks.deletion_budget import HELD
from provisioner.stacks.model import (
    BuildAttempt,
    BuildStatus,
    Condition,
    Deletion,
    Drift,
    DriftStatus,
    JobStatus,
    OtherMode,
    Pinned,
    StackRecord,
)

if TYPE_CHECKING:
    from datetime import datetime


def conditions_of(record: StackRecord, message: str, now: datetime) -> tuple[Condition, ...]:
    """Say whether the job can run, whether its stack is what the row asks for, and its drift.

    `message` is for the condition Ready, unless the record itself says more.
    """
    ready = record.status is JobStatus.READY
    why = record.status.title()
    if record.status is JobStatus.INVALID:
        message = "; ".join(f"{error.field}: {error.message}" for error in record.errors)[:1000]
    elif record.deletion is Deletion.HELD:
        why, message = "DeletionHeld", HELD
    elif record.failure is not None:
        message = record.failure.reason
    wanted: tuple[tuple[str, str, str, str], ...] = (
        ("Ready", "True" if ready else "False", why, message),
        ("InSync", str(record.in_sync), "DigestsAgree" if record.in_sync else "DigestsDiffer", ""),
    )
    if record.drift is not None:
        wanted += (_drifted(record.drift),)
    if record.pinned is not None:
        wanted += (_pinned(record.pinned),)
    if record.other_mode is not None:
        wanted += (_in_other_mode(record.other_mode),)
    if record.build is not None:
        wanted += (_built(record.build),)
    before = {condition.type: condition for condition in record.conditions}
    return tuple(
        Condition(
            type=kind,
            status=status,
            reason=reason,
            message=text,
            last_transition_time=before[kind].last_transition_time
            if kind in before and before[kind].status == status
            else now,
        )
        for kind, status, reason, text in wanted
    )


def _built(build: BuildAttempt) -> tuple[str, str, str, str]:
    why, reason = build.status.title(), build.reason or ""
    match build.status:
        case BuildStatus.SUCCEEDED:
            return "Built", "True", why, ""
        case BuildStatus.FAILED:
            return "Built", "False", why, reason
        case BuildStatus.WAITING | BuildStatus.RUNNING:
            return "Built", "Unknown", why, reason
        case _:
            assert_never(build.status)


def _in_other_mode(why: OtherMode) -> tuple[str, str, str, str]:
    match why:
        case OtherMode.UNKNOWN_TO_SDK:
            message = "The functions' SDK does not know express mode: STANDARD was used"
        case OtherMode.SAME_AFTER_FAILURE:
            message = (
                "An operation failed, and CloudFormation takes the next one in the same mode only; "
                "the one after that is in the mode that is asked for"
            )
        case _:
            assert_never(why)
    return "DeploymentMode", "False", why.value, message


def _pinned(pinned: Pinned) -> tuple[str, str, str, str]:
    if pinned.newest is None:
        message = f"The row pins {pinned.version}; whether there is newer code is not known"
        return "CodeCurrent", "Unknown", "Pinned", message
    if pinned.newest == pinned.version:
        return "CodeCurrent", "True", "Pinned", ""
    message = (
        f"The row pins {pinned.version}; {pinned.newest} waits until the row no longer pins a "
        "version"
    )
    return "CodeCurrent", "False", "Pinned", message


def _drifted(drift: Drift) -> tuple[str, str, str, str]:
    checked = f"last checked {drift.checked_at:%Y-%m-%d %H:%M} UTC"
    match drift.status:
        case DriftStatus.DRIFTED if drift.missing:
            gone = ", ".join(drift.missing)
            return "Drifted", "True", "ResourcesDeleted", f"Deleted by hand: {gone}; {checked}"
        case DriftStatus.DRIFTED:
            return "Drifted", "True", "ResourcesChanged", f"Changed by hand; {checked}"
        case DriftStatus.IN_SYNC:
            return "Drifted", "False", "ResourcesAsDeployed", checked
        case DriftStatus.UNKNOWN | DriftStatus.NOT_CHECKED:
            return "Drifted", "Unknown", "NotFoundOut", checked
        case _:
            assert_never(drift.status)
