"""What a failed attempt leads to, where the row has rules for it: another one, the end, or success.

Step Functions' own Retry knows an error's name only; a container's exit code stands in the cause.
So a job with `failure_rules` is judged state by state: ``Judge``, then ``Backoff`` or ``Ignore``.
Step Functions refuses a state that nothing leads to (``MISSING_TRANSITION_TARGET``), so there are
only those that a rule asks for.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from templates.expressions import jsonata
from templates.states import State, choice

if TYPE_CHECKING:
    from provisioner.jobs import FailureRule, Job

LONGEST_BACKOFF_SECONDS = 86_400


def judgement(job: Job) -> dict[str, object]:
    """Return the states after an attempt that failed: the first rule that matches decides."""
    left = f"$again < {job.retries}"
    choices = []
    for rule in job.failure_rules:
        matches = _matches(rule)
        match rule.action:
            case "retry":
                choices.append(choice(f"({matches}) and {left}", "Backoff"))
                choices.append(choice(matches, "RecordFailure"))
            case "fail":
                choices.append(choice(matches, "RecordFailure"))
            case "ignore":
                choices.append(choice(matches, "Ignore"))
    seconds = f"{job.retry_interval_seconds} * $power({job.retry_backoff}, $again)"
    return {
        "Judge": {
            "Type": "Choice",
            "Choices": [*choices, choice(left, "Backoff")],
            "Default": "RecordFailure",
        },
        "Backoff": {
            "Type": "Wait",
            "Seconds": jsonata(f"$min([{LONGEST_BACKOFF_SECONDS}, $floor({seconds})])"),
            "Assign": {"again": jsonata("$again + 1"), "tried": jsonata("$outcome.attempts")},
            "Next": "Run",
        },
        **({"Ignore": _ignore()} if any(r.action == "ignore" for r in job.failure_rules) else {}),
    }


def _ignore() -> State:
    return {
        "Type": "Pass",
        "Assign": {"outcome": jsonata('$merge([$outcome, {"status": "SUCCEEDED"}])')},
        "Output": {
            "ignored": {
                "error": jsonata("$outcome.error"),
                "cause": jsonata("$outcome.cause"),
            }
        },
        "Next": "Record",
    }


def _matches(rule: FailureRule) -> str:
    if rule.exit_codes:
        return f"$outcome.exit_code in {json.dumps(rule.exit_codes)}"
    whole = [name for name in rule.errors if not name.endswith("*")]
    tests = [f"$outcome.error in {json.dumps(whole)}"] if whole else []
    for name in rule.errors:
        if name.endswith("*"):
            start = json.dumps(name[:-1])
            tests.append(f"$substring($outcome.error, 0, {len(name) - 1}) = {start}")
    return " or ".join(tests)
