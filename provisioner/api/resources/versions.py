"""Versions of a job's row, without the values of environment variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.api.call import Answer
from provisioner.api.encoding import jsonable
from provisioner.api.pages import part_of
from provisioner.api.preconditions import required
from provisioner.api.resources.rows import planned, written
from provisioner.service import versions

if TYPE_CHECKING:
    from provisioner.api.call import Call


def list_versions(call: Call) -> Answer:
    """Return a page of the versions that are kept of a row."""
    found = versions.list_versions(call.service, call.job_name)
    return part_of(call, "versions", jsonable([versions.document(e) for e in found]), "version")


def get_version(call: Call) -> Answer:
    """Return a version: its row, and what it changed."""
    number = int(call.path["version"])
    found = versions.compared(call.service, call.job_name, number, reader=call.reader)
    said = versions.document(found.shown.listed)
    said |= {"row": found.shown.row, "changes": found.changed}
    return Answer(jsonable(said))


def restore_version(call: Call) -> Answer:
    """Write the row of a version again."""
    number, on = int(call.path["version"]), required(call.headers, may_create=True)
    if call.query.dry_run:
        return planned(call, versions.row_of(call.service, call.job_name, number), on)
    return written(
        call, versions.restore(call.service, call.job_name, number, if_match=on.if_match)
    )
