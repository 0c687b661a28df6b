"""The pages that change something or show what was changed, and what each needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.console.app import Route
from provisioner.console.pages import (
    backfill,
    bulk,
    confirm,
    dead_letters,
    history,
    rollback,
    row_editor,
    run_form,
    upgrade,
)
from provisioner.service.rights import Action

if TYPE_CHECKING:
    from provisioner.console.pages.confirm import Confirmation

_CONFIRMATIONS: tuple[tuple[str, Confirmation, Action], ...] = (
    ("/jobs/{job}/runs/{run}/stop", confirm.STOP, Action.STOP_RUN),
    ("/jobs/{job}/pause", confirm.PAUSE, Action.PAUSE_SCHEDULE),
    ("/jobs/{job}/resume", confirm.RESUME, Action.RESUME_SCHEDULE),
    ("/jobs/{job}/retry", confirm.RETRY, Action.RETRY_JOB),
    ("/jobs/{job}/unpin", confirm.UNPIN, Action.UNPIN),
    ("/jobs/{job}/build", confirm.BUILD, Action.START_BUILD),
    ("/jobs/{job}/build-commit", confirm.BUILD_COMMIT, Action.START_BUILD),
    ("/jobs/{job}/delete", confirm.DELETE, Action.DELETE_ROW),
    ("/jobs/{job}/confirm-deletion", confirm.CONFIRM_DELETION, Action.CONFIRM_DELETION),
)

WRITING = (
    Route("GET", "/jobs/{job}/run", run_form.show, Action.START_RUN),
    Route("POST", "/jobs/{job}/run", run_form.submit, Action.START_RUN),
    Route("GET", "/jobs/{job}/edit", row_editor.edit, Action.UPDATE_ROW),
    Route("POST", "/jobs/{job}/edit", row_editor.save, Action.UPDATE_ROW),
    Route("GET", "/new", row_editor.create, Action.CREATE_ROW),
    Route("POST", "/new", row_editor.save, Action.CREATE_ROW),
    Route("GET", "/jobs/{job}/backfill", backfill.show, Action.BACKFILL),
    Route("POST", "/jobs/{job}/backfill", backfill.step, Action.BACKFILL),
    Route("GET", "/bulk", bulk.choose, Action.BULK),
    Route("POST", "/bulk/ticked", bulk.ticked, Action.BULK),
    Route("POST", "/bulk", bulk.begin, Action.BULK),
    Route("GET", "/bulk-actions", bulk.listed, Action.GET_BULK),
    Route("GET", "/bulk/{bulk}", bulk.show, Action.GET_BULK),
    Route("POST", "/bulk/{bulk}", bulk.step, Action.BULK),
    Route("GET", "/audit", history.audited, Action.GET_AUDIT),
    Route("GET", "/jobs/{job}/audit", history.audited, Action.GET_AUDIT),
    Route("GET", "/jobs/{job}/versions", history.listed, Action.LIST_VERSIONS),
    Route("GET", "/jobs/{job}/versions/{version}", history.shown, Action.GET_VERSION),
    Route("POST", "/jobs/{job}/versions/{version}", history.restore, Action.RESTORE_VERSION),
    Route("GET", "/dead-letters", dead_letters.listed, Action.LIST_DEAD_LETTERS),
    Route("POST", "/dead-letters/redrive", dead_letters.redrive, Action.REDRIVE_DEAD_LETTERS),
    Route("POST", "/dead-letters/discard", dead_letters.discard, Action.DISCARD_DEAD_LETTERS),
    Route("GET", "/upgrade", upgrade.show, Action.GET_UPGRADE),
    Route("POST", "/upgrade", upgrade.start, Action.START_UPGRADE),
    Route("POST", "/upgrade/resume", upgrade.resume, Action.RESUME_UPGRADE),
    Route("POST", "/upgrade/abort", upgrade.abort, Action.ABORT_UPGRADE),
    Route("GET", "/jobs/{job}/rollback", rollback.show, Action.ROLL_BACK),
    Route("POST", "/jobs/{job}/rollback", rollback.submit, Action.ROLL_BACK),
    *(Route("GET", address, each.show, action) for address, each, action in _CONFIRMATIONS),
    *(Route("POST", address, each.submit, action) for address, each, action in _CONFIRMATIONS),
)
