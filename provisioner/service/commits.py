"""The commit of a Git repository that a row names: another one is built by naming it there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provisioner.errors import PermanentError
from provisioner.service import builds, edits
from provisioner.service.edits import Intent
from provisioner.service.rights import Action

if TYPE_CHECKING:
    from provisioner.aws.items import Item
    from provisioner.service.context import Service


def build_commit(service: Service, job_name: str, commit: str) -> None:
    """Write a commit into a job's row; one that is there already is built again if that failed.

    Raises
    ------
    NotFoundError
        If there is no such job.
    PermanentError
        If its row is not built from a Git repository.
    InvalidRowError
        If that is not a commit.
    StaleError
        If the row was changed in the meantime.
    """
    before = service.existing_row(job_name)
    row = _with(before, commit)
    intent = Intent(Action.START_BUILD, f"commit {commit[:40]}")
    edited = edits.put(service, row, if_match=edits.etag_of(before), intent=intent)
    if edited.row == edited.before:
        builds.build_again(service, job_name)


def current(service: Service, job_name: str) -> str:
    """Return the commit that a job's row names.

    Raises
    ------
    NotFoundError
        If there is no such job.
    PermanentError
        If its row is not built from a Git repository.
    """
    return str(_source_of(service.existing_row(job_name)).get("commit", ""))


def check(service: Service, job_name: str, commit: str) -> None:
    """Refuse what `build_commit` would refuse."""
    edits.plan(service, _with(service.existing_row(job_name), commit))


def _with(row: Item, commit: str) -> Item:
    _source_of(row)
    return edits.patched(row, {"build": {"source": {"commit": commit}}})


def _source_of(row: Item) -> dict[str, Any]:
    build = row.get("build")
    source = build.get("source") if isinstance(build, dict) else None
    if not isinstance(source, dict):
        message = f"the row of {row['job_name']} is not built from a commit of a Git repository"
        raise PermanentError(message)
    return source
