"""What must hold of the deployments on a Stacks row."""

from __future__ import annotations

from collections.abc import Mapping

from provisioner.stacks.deployments import KEPT
from provisioner.stacks.model import Cause, Deployment, StackRecord
from tests.simulation.faults import Broken
from tests.simulation.stacks.wiring import IMAGE


def check_saved(
    record: StackRecord, before: StackRecord | None, source_of: Mapping[str, str]
) -> None:
    """Check that deployments only ever grow by the next one, and which code that is of.

    Neither a push nor a build brings older code after newer: only a row's change or a rollback
    does.

    Parameters
    ----------
    source_of
        By the digest of a build: the version of its source.
    """
    known = before.deployments if before else ()
    if record.deployments == known:
        return
    last, *others = record.deployments
    number = known[0].number + 1 if known else 1
    if last.number != number or tuple(others) != known[: KEPT - 1]:
        message = f"the deployments became {record.deployments}, after {known}"
        raise Broken(message)
    if last.cause is Cause.PUSH and not (known and _version(last) > _version(known[0])):
        message = f"{last} is of a push, after {known}"
        raise Broken(message)
    if last.cause is Cause.BUILD and last.row_content == known[0].row_content:
        newer, older = (_source(each, source_of) for each in (last, known[0]))
        if newer <= older:
            message = f"{last} is of source {newer}, after {known}"
            raise Broken(message)


def _source(deployment: Deployment, source_of: Mapping[str, str]) -> int:
    """Return which put of its source a deployment was built from, 0 if from none."""
    name = str(deployment.artifact).rpartition("/")[2]
    digest = name.rpartition(IMAGE)[2] if IMAGE in name else name.partition(".zip")[0]
    return int(source_of.get(digest, "v0").removeprefix("v"))


def check_ready(record: StackRecord) -> None:
    """Check that the last deployment of a job that is READY is what its stack carries."""
    assert record.deployments, f"nothing was deployed: {record}"
    last = record.deployments[0]
    found = (last.digest, last.template_version)
    assert found == (record.deployed_digest, record.template_version), record


def _version(deployment: Deployment) -> int:
    """Return which put of its bundle a deployment is of."""
    return int(str(deployment.artifact).partition("?versionId=v")[2])
