"""The statuses that CloudFormation gives a stack, and what each of them allows."""

from __future__ import annotations

from enum import StrEnum


class StackStatus(StrEnum):
    """The 23 statuses of a stack (StackStatus in CloudFormation's API reference)."""

    CREATE_IN_PROGRESS = "CREATE_IN_PROGRESS"
    CREATE_FAILED = "CREATE_FAILED"
    CREATE_COMPLETE = "CREATE_COMPLETE"
    ROLLBACK_IN_PROGRESS = "ROLLBACK_IN_PROGRESS"
    ROLLBACK_FAILED = "ROLLBACK_FAILED"
    ROLLBACK_COMPLETE = "ROLLBACK_COMPLETE"
    DELETE_IN_PROGRESS = "DELETE_IN_PROGRESS"
    DELETE_FAILED = "DELETE_FAILED"
    DELETE_COMPLETE = "DELETE_COMPLETE"
    UPDATE_IN_PROGRESS = "UPDATE_IN_PROGRESS"
    UPDATE_COMPLETE_CLEANUP_IN_PROGRESS = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
    UPDATE_COMPLETE = "UPDATE_COMPLETE"
    UPDATE_FAILED = "UPDATE_FAILED"
    UPDATE_ROLLBACK_IN_PROGRESS = "UPDATE_ROLLBACK_IN_PROGRESS"
    UPDATE_ROLLBACK_FAILED = "UPDATE_ROLLBACK_FAILED"
    UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"
    UPDATE_ROLLBACK_COMPLETE = "UPDATE_ROLLBACK_COMPLETE"
    REVIEW_IN_PROGRESS = "REVIEW_IN_PROGRESS"
    IMPORT_IN_PROGRESS = "IMPORT_IN_PROGRESS"
    IMPORT_COMPLETE = "IMPORT_COMPLETE"
    IMPORT_ROLLBACK_IN_PROGRESS = "IMPORT_ROLLBACK_IN_PROGRESS"
    IMPORT_ROLLBACK_FAILED = "IMPORT_ROLLBACK_FAILED"
    IMPORT_ROLLBACK_COMPLETE = "IMPORT_ROLLBACK_COMPLETE"


IN_PROGRESS = frozenset(
    {
        StackStatus.CREATE_IN_PROGRESS,
        StackStatus.ROLLBACK_IN_PROGRESS,
        StackStatus.DELETE_IN_PROGRESS,
        StackStatus.UPDATE_IN_PROGRESS,
        StackStatus.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS,
        StackStatus.UPDATE_ROLLBACK_IN_PROGRESS,
        StackStatus.UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS,
        StackStatus.IMPORT_IN_PROGRESS,
        StackStatus.IMPORT_ROLLBACK_IN_PROGRESS,
    }
)
"""An operation runs; its end sends a status event. In REVIEW_IN_PROGRESS nothing runs."""

SETTLED = frozenset(
    {
        StackStatus.CREATE_COMPLETE,
        StackStatus.UPDATE_COMPLETE,
        StackStatus.UPDATE_ROLLBACK_COMPLETE,
        StackStatus.IMPORT_COMPLETE,
        StackStatus.IMPORT_ROLLBACK_COMPLETE,
    }
)
"""UpdateStack is accepted."""

NEVER_CREATED = frozenset(
    {
        StackStatus.CREATE_FAILED,
        StackStatus.ROLLBACK_COMPLETE,
        StackStatus.ROLLBACK_FAILED,
        StackStatus.REVIEW_IN_PROGRESS,
    }
)
"""Never came up: only DeleteStack is accepted."""

FAILED_OPERATION = frozenset(
    {
        StackStatus.CREATE_FAILED,
        StackStatus.ROLLBACK_COMPLETE,
        StackStatus.ROLLBACK_FAILED,
        StackStatus.DELETE_FAILED,
        StackStatus.UPDATE_FAILED,
        StackStatus.UPDATE_ROLLBACK_FAILED,
        StackStatus.UPDATE_ROLLBACK_COMPLETE,
        StackStatus.IMPORT_ROLLBACK_FAILED,
        StackStatus.IMPORT_ROLLBACK_COMPLETE,
    }
)
"""The last operation did not succeed: its events say why."""
