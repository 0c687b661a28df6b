"""What comes of a run over many items: one result, from what its children return."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from provisioner.jobs import MAX_ITEMS
from templates.workflow.expressions import CAUSE_CHARACTERS, jsonata, squeezed
from templates.workflow.failure_rules import LATE
from templates.workflow.states import State, choice

if TYPE_CHECKING:
    from provisioner.jobs import FanOut

SUCCEEDED = -1
"""What a child returns; one whose item failed returns the item's index."""

FAILED_ITEMS_CHARACTERS = CAUSE_CHARACTERS - 1_000
"""How much of the failed items' list a failed run's cause holds, so that the rest fits as well."""

RANGES = squeezed("""
    $written := function($done) {
        $done.from < 0 ? "" : $done.text & ($done.text = "" ? "" : ",") & $string($done.from)
            & ($done.to > $done.from ? "-" & $string($done.to) : "")
    };
    $written($reduce($failed, function($done, $index) {
        $index = $done.to + 1
            ? {"text": $done.text, "from": $done.from, "to": $index}
            : {"text": $written($done), "from": $index, "to": $index}
    }, {"text": "", "from": -1, "to": -2}))
""")
"""Statements that make `$failed`, a sorted list of indexes, the text ``1,3-5,7``."""


def summary(bucket: str, folder: str) -> str:
    """Return the run's output.

    A child that could not even say its index (it ended in a way that nothing catches) is its own
    description, whose input holds the index (Step Functions, ResultWriter, transformation NONE).
    """
    return jsonata(
        squeezed(f"""(
            $results := $states.result;
            $succeeded := $count($results[$ = {SUCCEEDED}]);
            $failed := $sort([
                $results[$type($) = "number" and $ != {SUCCEEDED}],
                $results[$type($) = "object" and $type($.Input) = "string"].($parse(Input).index)
            ]);
            {{
                "items": $count($results),
                "succeeded": $succeeded,
                "failed": $count($results) - $succeeded,
                "failed_items": ({RANGES}),
                "results": {json.dumps(bucket)} & {folder}
            }}
        )""")
    )


def tally(fan_out: FanOut) -> State:
    """Return the state that decides whether a run has failed by its items, and says how.

    Items that the run's time did not suffice for are not among those that the row tolerates.
    """
    tolerated = fan_out.tolerated_failure_percent
    few = f"$states.input.failed * 100 <= {tolerated} * $states.input.items"
    long = f"$length($states.input.failed_items) > {FAILED_ITEMS_CHARACTERS}"
    cut = f'$substring($states.input.failed_items, 0, {FAILED_ITEMS_CHARACTERS}) & "..."'
    told = f'$string($merge([$states.input, {long} ? {{"failed_items": {cut}}} : {{}}]))'
    too_many = f"The source has more than {MAX_ITEMS} items; those after them were not run"
    late = f"{LATE} and $states.input.failed > 0"
    return {
        "Type": "Choice",
        "Choices": [
            choice(
                f"$states.input.items > {MAX_ITEMS}",
                "RecordFailure",
                {"outcome": _failed("InvalidInput", too_many)},
            ),
            choice(
                late,
                "RecordFailure",
                {"outcome": _failed("States.Timeout", jsonata(told), "TIMED_OUT")},
            ),
            choice(few, "Record", {"outcome": {"status": "SUCCEEDED", "attempts": 1}}),
        ],
        "Default": "RecordFailure",
        "Assign": {"outcome": _failed("FanOutFailed", jsonata(told))},
    }


def _failed(error: str, cause: str, status: str = "FAILED") -> State:
    return {"status": status, "error": error, "cause": cause, "attempts": 1}


def broken() -> str:
    """Return the outcome of a run whose items could not be read, or whose children broke."""
    return jsonata(
        squeezed(f"""(
            $fault := $states.errorOutput.Error;
            $cause := $states.errorOutput.Cause;
            {{
                "status": "FAILED",
                "error": $fault = "States.ExceedToleratedFailureThreshold" ? "FanOutFailed"
                    : $substring($fault, 0, 200),
                "cause": $type($cause) = "string" ? $substring($cause, 0, {CAUSE_CHARACTERS}) : "",
                "attempts": 1
            }}
        )""")
    )
