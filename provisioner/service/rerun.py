"""Running again: the request that repeats a run as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.errors import PermanentError
from provisioner.service import run_detail
from provisioner.service.start_run import RunRequest

if TYPE_CHECKING:
    from provisioner.service.context import Service


def request_of(service: Service, job_name: str, run: str, *, key: str | None = None) -> RunRequest:
    """Return the request for a run with the same input and overrides, which names this one.

    The input is the whole one, the row's payload of that day included.

    Parameters
    ----------
    key
        The idempotency key of the request.

    Raises
    ------
    NotFoundError
        If there is no such run.
    PermanentError
        If its input is not kept yet, or no longer, or could not be an input.
    """
    found = run_detail.detail(service, job_name, run)
    if found.line.status == run_detail.STARTING:
        message = f"{found.line.run} is just starting: run it again in a moment"
        raise PermanentError(message)
    if not isinstance(found.input.value, dict):
        message = f"the input of {found.line.run} no longer exists: start a run with another input"
        raise PermanentError(message)
    return RunRequest(
        found.input.value, found.overrides, idempotency_key=key, parent=found.line.run
    )
