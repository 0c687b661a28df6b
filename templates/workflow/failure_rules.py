"""What a failed attempt leads to: another one, the end, or success.

Step Functions' own Retry knows an error's name only, while a container's exit code stands in the
cause, and it goes on past any deadline. So a failed attempt is judged state by state: ``Judge``,
then ``Backoff`` or ``Ignore``. Step Functions refuses a state that nothing leads to
(``MISSING_TRANSITION_TARGET``), so there is only what the row asks for.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from templates.workflow.expressions import CAUSE_CHARACTERS, ENTERED_MILLIS, jsonata
from templates.workflow.states import State, choice

if TYPE_CHECKING:
    from provisioner.jobs import FailureRule, Job

LONGEST_BACKOFF_SECONDS = 86_400

MAX_REFUSALS = 6
"""How often what was refused before it began is tried again, whatever `retries` says."""

LATE = f"{ENTERED_MILLIS} >= $run.deadline"


def pause(job: Job, refusals: tuple[str, ...]) -> str:
    """Return the expression of the seconds before the next attempt, should there be one.

    What the service would not start is tried again soon, and at random.
    """
    soon = "1 + $floor($random() * $min([30, $power(2, $refused + 1)]))"
    seconds = f"{job.retry_interval_seconds} * $power({job.retry_backoff}, $again)"
    return jsonata(
        f"{_is_refusal('$states.errorOutput.Error', refusals)} ? {soon} "
        f": $min([{LONGEST_BACKOFF_SECONDS}, $floor({seconds})])"
    )


def _is_refusal(error: str, refusals: tuple[str, ...]) -> str:
    return f"{error} in {json.dumps(refusals)} and $refused < {MAX_REFUSALS}"


def judgement(job: Job, refusals: tuple[str, ...]) -> dict[str, object]:
    """Return the states after an attempt that failed: the first rule that matches decides.

    `refusals` are errors that mean nothing was started, so that trying again repeats nothing.
    """
    ignored = any(rule.action == "ignore" for rule in job.failure_rules)
    return {
        "Judge": {
            "Type": "Choice",
            "Choices": [
                choice(LATE, "RecordFailure", _out_of_time(job, "are over")),
                *_another(job, _is_refusal("$outcome.error", refusals), "refused"),
                *(judged for rule in job.failure_rules for judged in _by(rule, job)),
                *_retried(job, "true"),
            ],
            "Default": "RecordFailure",
        },
        "Backoff": {"Type": "Wait", "Seconds": jsonata("$pause"), "Next": "Run"},
        **({"Ignore": _ignore()} if ignored else {}),
    }


def _by(rule: FailureRule, job: Job) -> list[State]:
    met = matches(rule)
    match rule.action:
        case "retry":
            return [*_retried(job, met), choice(met, "RecordFailure")]
        case "fail":
            return [choice(met, "RecordFailure")]
        case "ignore":
            return [choice(met, "Ignore")]


def _retried(job: Job, condition: str) -> list[State]:
    """Return the rules for another attempt, as many as the row allows."""
    if not job.retries:
        return []
    return _another(job, f"({condition}) and $again < {job.retries}", "again")


def _another(job: Job, condition: str, counter: str) -> list[State]:
    """Return the rules for another attempt: unless it would begin after the run's deadline."""
    return [
        choice(
            f"{condition} and {ENTERED_MILLIS} + 1000 * $pause < $run.deadline",
            "Backoff",
            {counter: jsonata(f"${counter} + 1"), "tried": jsonata("$outcome.attempts")},
        ),
        choice(condition, "RecordFailure", _out_of_time(job, "leave no time for another attempt")),
    ]


def _out_of_time(job: Job, why: str) -> State:
    told = json.dumps(f"The run's {job.timeout_seconds} seconds {why}. Last attempt: ")
    cause = f'{told} & $outcome.error & ($outcome.cause = "" ? "" : ": " & $outcome.cause)'
    ended = '"status": "TIMED_OUT", "error": "States.Timeout"'
    cut = f'"cause": $substring({cause}, 0, {CAUSE_CHARACTERS})'
    return {"outcome": jsonata(f"$merge([$outcome, {{{ended}, {cut}}}])")}


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


def matches(rule: FailureRule) -> str:
    """Return the test whether an attempt ended in a way that a rule names."""
    if rule.exit_codes:
        return f"$outcome.exit_code in {json.dumps(rule.exit_codes)}"
    whole = [name for name in rule.errors if not name.endswith("*")]
    tests = [f"$ in {json.dumps(whole)}"] if whole else []
    for name in rule.errors:
        if name.endswith("*"):
            start = json.dumps(name[:-1])
            tests.append(f"$substring($, 0, {len(name) - 1}) = {start}")
    return f"$count($outcome.names[{' or '.join(tests)}]) > 0"
