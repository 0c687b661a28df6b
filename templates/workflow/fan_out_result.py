"""What comes of a run over many items: one result, from what its children return."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from provisioner.jobs import MAX_ITEMS
from provisioner.runs.model import RunStatus
from templates.workflow import programs
from templates.workflow.expressions import CAUSE_CHARACTERS, ERROR, LATE
from templates.workflow.jsonata import (
    Expression,
    assign,
    block,
    both,
    call,
    concat,
    included,
    merge,
    variable,
    when,
)
from templates.workflow.states import State, choice

if TYPE_CHECKING:
    from provisioner.jobs import FanOut
    from templates.workflow.jsonata import Value

FAILED_ITEMS_CHARACTERS = CAUSE_CHARACTERS - 1_000
"""How much of the failed items' list a failed run's cause holds, so that the rest fits as well."""

_RESULT = variable("states.input")
_ITEMS, _FAILED = variable("states.input.items"), variable("states.input.failed")
_FAILED_ITEMS = variable("states.input.failed_items")
_SAID: dict[str, Value] = {
    "attempts": 1,
    "work_ms": variable("items_ms"),
    "item_count": _ITEMS,
    "item_failures": _FAILED,
}
"""What `outcome` says of all items, however the run ended."""


def summary(address: Value) -> Expression:
    """Return the run's output; `address` is where the items' own results are."""
    results, succeeded = variable("results"), variable("succeeded")
    return block(
        programs.ITEM_RESULTS,
        {
            "items": call("count", results),
            "succeeded": succeeded,
            "failed": call("count", results) - succeeded,
            "failed_items": block(programs.RANGES),
            "results": address,
        },
    )


def time_of_items(unit_ms: int) -> dict[str, Value]:
    """Return the variable that says how long the items that succeeded are billed, together."""
    sums = block(programs.ITEM_RESULTS, call("sum", [0, variable("times")]))
    return {"items_ms": -unit_ms * sums}


def summarize_items(fan_out: FanOut) -> State:
    """Return the state that decides whether a run has failed by its items, and says how.

    Items that the run's time did not suffice for are not among those that the row tolerates.
    """
    too_many = f"The source has more than {MAX_ITEMS} items; those after them were not run"
    tolerated = (_FAILED * 100).at_most(fan_out.tolerated_failure_percent * _ITEMS)
    return {
        "Type": "Choice",
        "Choices": [
            choice(_ITEMS.above(MAX_ITEMS), "RecordFailure", _failed("InvalidInput", too_many)),
            choice(
                both(LATE, _FAILED.above(0)),
                "RecordFailure",
                _failed("States.Timeout", _result_text(), RunStatus.TIMED_OUT),
            ),
            choice(tolerated, "Record", {"outcome": {"status": RunStatus.SUCCEEDED, **_SAID}}),
        ],
        "Default": "RecordFailure",
        "Assign": _failed("FanOutFailed", _result_text()),
    }


@cache
def _result_text() -> Expression:
    """Return the result as a cause holds it, its list of failed items cut."""
    is_long = call("length", _FAILED_ITEMS).above(FAILED_ITEMS_CHARACTERS)
    cut = concat(call("substring", _FAILED_ITEMS, 0, FAILED_ITEMS_CHARACTERS), "...")
    return call("string", merge(_RESULT, included(is_long, {"failed_items": cut})))


def _failed(error: str, cause: str | Expression, status: RunStatus = RunStatus.FAILED) -> State:
    return {"outcome": {"status": status, "error": error, "cause": cause, **_SAID}}


@cache
def not_summarized() -> Expression:
    """Return the outcome of a run whose items could not be read, or whose children broke."""
    error, cause = variable("error"), variable("cause")
    intolerable = error.equals("States.ExceedToleratedFailureThreshold")
    is_text = call("type", cause).equals("string")
    return block(
        assign("error", ERROR),
        assign("cause", variable("states.errorOutput.Cause")),
        {
            "status": RunStatus.FAILED,
            "error": when(intolerable, "FanOutFailed", call("substring", error, 0, 200)),
            "cause": when(is_text, call("substring", cause, 0, CAUSE_CHARACTERS), ""),
            "attempts": 1,
        },
    )
