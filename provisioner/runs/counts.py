"""What a run's row says of how often: attempts, items, state transitions. Pure.

A row may be damaged: what is not a number there counts as none.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from provisioner.jobs import MAX_ITEMS
from provisioner.runs.keys import Field
from provisioner.runs.model import RunStatus

_BEFORE_ITEMS = 3
"""States of a run over items that was entered in any case: Prepare, Admit, Run."""

_OF_FAN_OUT = {True: 5, False: 6}
"""States of a run over items itself, by whether it succeeds (`templates.workflow.fan_out`)."""

_PLAIN = (4, 6, 3)
_STATES = {"ec2": (5, 10, 6)}
"""States of a run that succeeds at once and of one that fails at once, and for each further attempt
those from `Run` on: `templates.workflow.definition`, and `templates.machine` for machines. An item
has those of a run but one, and two if it fails."""

_LARGE = (Field.INPUT, Field.OUTPUT)


def number(value: object) -> Decimal:
    """Return a number of a row that is not negative; 0 for what is not one."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return Decimal()
    found = Decimal(str(value))
    return found if found.is_finite() and 0 <= found < Decimal(10**9) else Decimal()


def had(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what each attempt had, as the workflow wrote it when it admitted the run."""
    found = row.get(Field.USAGE)
    return found if isinstance(found, Mapping) else {}


def attempts(row: Mapping[str, Any]) -> int:
    """Return how many attempts a run had; one over items has one."""
    return max(1, min(1000, int(number(row.get(Field.ATTEMPTS)))))


def is_summed_up(row: Mapping[str, Any]) -> bool:
    """Tell whether a run over items came to their end, so that its row counts them."""
    return Field.ITEM_COUNT in row


def is_over_items(row: Mapping[str, Any]) -> bool:
    """Tell whether a run had items."""
    return is_summed_up(row) or "max_concurrency" in had(row)


def items(row: Mapping[str, Any]) -> int:
    """Return how many items there were; of a run that was not summed up at most."""
    if is_summed_up(row):
        return int(number(row.get(Field.ITEM_COUNT)))
    return int(number(had(row).get("items"))) if "items" in had(row) else MAX_ITEMS


def failed_items(row: Mapping[str, Any]) -> int:
    """Return how many of them failed."""
    return min(items(row), int(number(row.get(Field.ITEM_FAILURES))))


def transitions(row: Mapping[str, Any]) -> int:
    """Return how many state transitions a run took, by how it went.

    Of items further attempts are not among them; of items that were not summed up it is the most.
    """
    success, failure, attempt = _STATES.get(str(row.get(Field.TYPE)), _PLAIN)
    if is_over_items(row):
        return _around(row) + _of_items(row, success - 1 + _result(row), failure - 2)
    again = attempt * (attempts(row) - 1) + _around(row)
    match row.get(Field.STATUS):
        case RunStatus.SUCCEEDED:
            return success + _result(row) + again
        case RunStatus.STOPPED:
            return success - 1 + again
        case _:
            return failure + again


def least_transitions(row: Mapping[str, Any]) -> int:
    """Return how many of them are certain."""
    if is_over_items(row) and not is_summed_up(row):
        return _BEFORE_ITEMS + _around(row)
    return transitions(row)


def _of_items(row: Mapping[str, Any], success: int, failure: int) -> int:
    if not is_summed_up(row):
        return _OF_FAN_OUT[False] + items(row) * max(success, failure)
    failed = failed_items(row)
    own = _OF_FAN_OUT[row.get(Field.STATUS) == RunStatus.SUCCEEDED]
    return own + (items(row) - failed) * success + failed * failure


def _around(row: Mapping[str, Any]) -> int:
    """Return the states in which a run waited for the lock, or moved what is large into S3."""
    waited = 5 * (1 + int(number(row.get(Field.STARTS)))) if Field.QUEUED_AT in row else 0
    return waited + sum(
        3 if name is Field.INPUT else 2 for name in _LARGE if _is_address(row.get(name))
    )


def _is_address(value: object) -> bool:
    return isinstance(value, str) and value.startswith("s3://")


def _result(row: Mapping[str, Any]) -> int:
    """Return how many states read the result that a container left."""
    return int(had(row).get("result") is True)
