"""Where the console shows a job or a run."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from provisioner.errors import PermanentError
from provisioner.service import run_detail
from provisioner.service.runs import execution_name

if TYPE_CHECKING:
    from provisioner.service.context import Service


def address(service: Service, job_name: str | None = None, run: str | None = None) -> str:
    """Return the address of the console, or of a job or run in it.

    Raises
    ------
    NotFoundError
        If there is no such job or run.
    PermanentError
        If the bootstrap has no console.
    """
    console = service.outputs.get("ConsoleUrl")
    if not console:
        message = f"{service.stack_name} has no console: deploy it with the parameter Console"
        raise PermanentError(message)
    return console.rstrip("/") + _path(service, job_name, run)


def _path(service: Service, job_name: str | None, run: str | None) -> str:
    if job_name is None:
        return "/"
    path = f"/jobs/{quote(job_name, safe='')}"
    if run is None:
        if service.record(job_name) is None:
            service.existing_row(job_name)
        return path
    found = run_detail.find(service, job_name, run)
    return f"{path}/runs/{quote(execution_name(found), safe='')}"
