"""Going back: to which deployment, and which row asks for it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner import jobs
from provisioner.errors import NotFoundError, PermanentError
from provisioner.jobs import InvalidRow, guarded
from provisioner.stacks.deployments import pinned_version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from provisioner.stacks.model import Deployment, StackRecord

    Row = dict[str, Any]
    RowOf = Callable[[Deployment], Mapping[str, Any] | None]


def target_of(record: StackRecord, row: Mapping[str, Any], number: int | None = None) -> Deployment:
    """Return the deployment to go back to.

    Without a number it is the one before that which the row asks for: the last one, if what the row
    asks for now was never deployed, and else the one before it.

    Raises
    ------
    NotFoundError
        If there is no deployment of that number.
    PermanentError
        If there is nothing to go back to.
    """
    known, name = record.deployments, record.job_name
    if not known:
        message = f"{name} has never been deployed: there is nothing to go back to"
        raise PermanentError(message)
    last = known[0]
    if number is None:
        if not asks_for(record, row, last):
            return last
        if found := next((each for each in known if each.digest != last.digest), None):
            return found
        message = f"{name} has no deployment before {last.number}: there is nothing to go back to"
        raise PermanentError(message)
    target = next((each for each in known if each.number == number), None)
    if target is None:
        message = f"{name} has no deployment {number}; kept are {known[-1].number} to {last.number}"
        raise NotFoundError(message)
    if target.digest == last.digest and asks_for(record, row, last):
        message = f"what {name} runs is the same as in deployment {number} already"
        raise PermanentError(message)
    return target


def asks_for(record: StackRecord, row: Mapping[str, Any], last: Deployment) -> bool:
    """Tell whether a row asks for what was deployed last, as far as it was reconciled."""
    job = guarded.parse(row)
    if isinstance(job, InvalidRow) or jobs.spec_digest(job) != last.row_digest:
        return False
    return record.in_sync and (job.pin is None or job.pin.version == pinned_version(job, last))


def row_for(
    record: StackRecord,
    row: Mapping[str, Any],
    target: Deployment,
    row_of: RowOf,
    pin: Mapping[str, str],
) -> Row:
    """Return the row that asks for a deployment.

    It is the row as it is now, with that deployment's code pinned, if that is all that differs.

    Parameters
    ----------
    row_of
        Returns the row of that time, None if it is not kept.
    pin
        What a pin says besides the version.

    Raises
    ------
    NotFoundError
        If it takes the row of that time, and that is not kept.
    """
    if _spec_of(row) == target.row_digest:
        return _with_pin(row, target, pin)
    then = row_of(target)
    if then is None:
        name = record.job_name
        message = (
            f"the row of {name} has changed since deployment {target.number}, and its version of "
            f'that time is not kept; see "provisioner versions {name}"'
        )
        raise NotFoundError(message)
    last = record.deployments[0]
    has_that_code = target.artifact == last.artifact and not last.pinned
    return dict(then) if target.pinned or has_that_code else _with_pin(then, target, pin)


def unpinned(row: Mapping[str, Any]) -> Row:
    """Return a row without its pin."""
    return {name: value for name, value in row.items() if name != "pin"}


def _spec_of(row: Mapping[str, Any]) -> str | None:
    job = guarded.parse(unpinned(row))
    return None if isinstance(job, InvalidRow) else jobs.spec_digest(job)


def _with_pin(row: Mapping[str, Any], target: Deployment, pin: Mapping[str, str]) -> Row:
    """Return a row that pins a deployment's code; what names its version itself needs no pin."""
    free = unpinned(row)
    job = guarded.parse(free)
    version = None if isinstance(job, InvalidRow) else pinned_version(job, target)
    if version is None:
        return free
    return free | {"pin": {"version": version, **pin}}
