"""Which role each action needs: the one table that API, console and tests read."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from provisioner.errors import ForbiddenError
from provisioner.service.caller import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.service.caller import Caller


class Action(StrEnum):
    """What a caller may ask for. The audit has the same words."""

    SIGN_IN = "sign_in"
    SIGN_OUT = "sign_out"
    LIST_JOBS = "list_jobs"
    GET_JOB = "get_job"
    LIST_RUNS = "list_runs"
    GET_RUN = "get_run"
    GET_LOGS = "get_logs"
    GET_SCHEDULE = "get_schedule"
    GET_STACK = "get_stack"
    GET_DEPLOYMENTS = "get_deployments"
    LIST_BUILDS = "list_builds"
    LIST_DEAD_LETTERS = "list_dead_letters"
    LIST_VERSIONS = "list_versions"
    GET_VERSION = "get_version"
    GET_AUDIT = "get_audit"
    GET_SUBMISSION = "get_submission"
    GET_BULK = "get_bulk"
    GET_HEALTH = "get_health"
    GET_UPGRADE = "get_upgrade"

    START_RUN = "start_run"
    STOP_RUN = "stop_run"
    SUBMIT = "submit"
    BACKFILL = "backfill"
    PAUSE_SCHEDULE = "pause_schedule"
    RESUME_SCHEDULE = "resume_schedule"
    RETRY_JOB = "retry_job"
    REDRIVE_DEAD_LETTERS = "redrive_dead_letters"
    BULK = "bulk"

    READ_ENVIRONMENT = "read_environment"
    CHECK_ROW = "check_row"
    PLAN_ROW = "plan_row"
    CREATE_ROW = "create_row"
    UPDATE_ROW = "update_row"
    DELETE_ROW = "delete_row"
    RESTORE_VERSION = "restore_version"
    ROLL_BACK = "roll_back"
    UNPIN = "unpin"
    PUSH_BUNDLE = "push_bundle"
    PUSH_SOURCE = "push_source"
    START_BUILD = "start_build"

    DISCARD_DEAD_LETTERS = "discard_dead_letters"
    CONFIRM_DELETION = "confirm_deletion"
    START_UPGRADE = "start_upgrade"
    RESUME_UPGRADE = "resume_upgrade"
    ABORT_UPGRADE = "abort_upgrade"

    # What an upgrade does by itself.
    BEGIN_WAVE = "begin_wave"
    END_WAVE = "end_wave"
    PAUSE_UPGRADE = "pause_upgrade"
    FINISH_UPGRADE = "finish_upgrade"


_BY_ROLE = {
    Role.READ: (
        *(Action.SIGN_IN, Action.LIST_JOBS, Action.GET_JOB, Action.LIST_RUNS, Action.GET_RUN),
        *(Action.GET_LOGS, Action.GET_SCHEDULE, Action.GET_STACK, Action.GET_DEPLOYMENTS),
        *(Action.LIST_DEAD_LETTERS, Action.LIST_VERSIONS, Action.GET_VERSION, Action.GET_AUDIT),
        *(Action.GET_SUBMISSION, Action.GET_BULK, Action.GET_HEALTH),
        *(Action.GET_UPGRADE, Action.LIST_BUILDS, Action.SIGN_OUT),
    ),
    Role.OPERATE: (
        *(Action.START_RUN, Action.STOP_RUN, Action.SUBMIT, Action.BACKFILL, Action.BULK),
        *(Action.PAUSE_SCHEDULE, Action.RESUME_SCHEDULE, Action.RETRY_JOB),
        Action.REDRIVE_DEAD_LETTERS,
    ),
    Role.WRITE: (
        *(Action.READ_ENVIRONMENT, Action.CHECK_ROW, Action.PLAN_ROW, Action.CREATE_ROW),
        *(Action.UPDATE_ROW, Action.DELETE_ROW, Action.RESTORE_VERSION, Action.ROLL_BACK),
        *(Action.UNPIN, Action.PUSH_BUNDLE, Action.PUSH_SOURCE, Action.START_BUILD),
    ),
    Role.ADMIN: (
        *(Action.DISCARD_DEAD_LETTERS, Action.CONFIRM_DELETION),
        *(Action.START_UPGRADE, Action.RESUME_UPGRADE, Action.ABORT_UPGRADE),
        *(Action.BEGIN_WAVE, Action.END_WAVE, Action.PAUSE_UPGRADE, Action.FINISH_UPGRADE),
    ),
}

NEEDED: Mapping[Action, Role] = MappingProxyType(
    {action: role for role, actions in _BY_ROLE.items() for action in actions}
)
"""The least role that may do each action."""

RECORDED = tuple(
    action
    for action, role in NEEDED.items()
    if role is not Role.READ or action in {Action.SIGN_IN, Action.SIGN_OUT}
)
"""The actions that the audit has: all but reading what everybody may read."""


def allows(caller: Caller, action: Action) -> bool:
    """Tell whether a caller may do an action."""
    return caller.role.includes(NEEDED[action])


def require(caller: Caller, action: Action) -> None:
    """Let a caller continue who may do an action.

    Raises
    ------
    ForbiddenError
        If the caller's role does not include the one that the action needs.
    """
    if not allows(caller, action):
        message = f'"{action}" needs the role {NEEDED[action].value}; yours is {caller.role.value}'
        raise ForbiddenError(message)
