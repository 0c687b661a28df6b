"""Deployments of a job: listed, gone back to, and the end of a pin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.api.encoding import jsonable
from provisioner.api.pages import part_of
from provisioner.api.preconditions import required
from provisioner.api.resources.rows import planned, written
from provisioner.service import deployments
from provisioner.service.edits import ANY
from provisioner.stacks.rollback import unpinned

if TYPE_CHECKING:
    from provisioner.api.call import Answer, Call


def list_deployments(call: Call) -> Answer:
    """Return the last deployments of a job."""
    found = deployments.list_deployments(call.service, call.job_name)
    said = jsonable([deployments.document(each) for each in found])
    return part_of(call, "deployments", said, "number")


def roll_back(call: Call) -> Answer:
    """Write the row that asks for an earlier deployment."""
    on = required(call.headers)
    plan = deployments.plan(call.service, call.job_name, call.body.to)
    if call.query.dry_run:
        return planned(call, plan.row, on)
    # A row that has changed since it was planned is stale, whatever the caller matches.
    if_match = None if on.if_match == ANY else on.if_match
    return written(call, deployments.roll_back(call.service, plan, if_match=if_match))


def unpin(call: Call) -> Answer:
    """Take the pin out of a row."""
    on = required(call.headers)
    if call.query.dry_run:
        row = call.service.existing_row(call.job_name)
        return planned(call, unpinned(row), on)
    if_match = None if on.if_match == ANY else on.if_match
    return written(call, deployments.unpin(call.service, call.job_name, if_match=if_match))
