"""What a failed attempt leads to: another one, the end, or success.

Step Functions' own Retry knows an error's name only, while a container's exit code stands in the
cause, and it continues past any deadline. So ``ApplyFailureRules`` decides on a failed attempt,
then ``WaitBeforeRetry`` or ``IgnoreFailure`` follows. Step Functions refuses a state that nothing
leads to (``MISSING_TRANSITION_TARGET``), so there is only what the row asks for.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from provisioner.runs.model import RunStatus
from templates.workflow import programs, spot, usage
from templates.workflow.expressions import (
    CAUSE_CHARACTERS,
    ENTERED_MILLIS,
    LATE,
    outcome,
    run,
)
from templates.workflow.jsonata import (
    ELEMENT,
    Expression,
    block,
    both,
    call,
    concat,
    either,
    merge,
    variable,
    when,
)
from templates.workflow.states import State, choice

if TYPE_CHECKING:
    from provisioner.jobs import FailureRule, Job
    from templates.workflow.jsonata import Value
    from templates.workflow.work import Work

LONGEST_BACKOFF_SECONDS = 86_400

MAX_REFUSALS = 6
"""How often what was refused before it began is tried again, whatever `retries` says."""

SECONDS_OF_REFUSALS = {"soon": 1 + 2 + 4 + 8 + 15 + 15, "slow": 8 + 15 + 30 + 60 + 120 + 150}
"""The least that those attempts wait, all together: an IAM role is known everywhere within seconds,
and a function's network interface or image is ready within minutes."""

_PAUSE, _RETRIES, _REFUSALS = outcome("pause"), variable("retries"), variable("refusals")


def attempt_failure(job: Job, work: Work) -> Expression:
    """Return `outcome` of an attempt that failed, as a Catch of `Run` assigns it."""
    pause = {"pause": _pause(job, work)}
    capacity = spot.details(work.spot, variable("named"))
    return failure(work.failure, pause, *capacity, *work.failure_details)


def failure(report: Expression, *more: Value) -> Expression:
    """Return `outcome` of what failed: `report` are the statements that read a service's own."""
    ended: Value = {
        "status": when(variable("timed_out"), RunStatus.TIMED_OUT, RunStatus.FAILED),
        "error": variable("named"),
        "names": variable("names"),
        "cause": call("substring", variable("cause"), 0, CAUSE_CHARACTERS),
        "attempts": variable("attempts") + 1,
    }
    return block(
        programs.FAILURE,
        report,
        programs.NAMES_OF_FAILURE,
        merge(ended, variable("details"), *more),
    )


def _pause(job: Job, work: Work) -> Expression:
    """Return the seconds before the next attempt, should there be one.

    What the service would not start is tried again soon, what it has no capacity for or is not
    ready for later. Half of the time is at random, so that all attempts together wait for at least
    `SECONDS_OF_REFUSALS`: what is new is ready by then.
    """
    slow = variable("named").within(list(work.slow_refusals))
    doubled = call("power", 2, _REFUSALS)
    longest = when(slow, call("min", [300, 15 * doubled]), call("min", [30, 2 * doubled]))
    soon = call("ceil", (1 + call("random")) * longest * 0.5)
    seconds = job.retry_interval_seconds * call("power", job.retry_backoff, _RETRIES)
    return when(
        _is_refusal(variable("named"), work.refusals),
        soon,
        call("min", [LONGEST_BACKOFF_SECONDS, call("floor", seconds)]),
    )


def _is_refusal(error: Expression, refusals: tuple[str, ...]) -> Expression:
    return both(error.within(list(refusals)), _REFUSALS.below(MAX_REFUSALS))


def failure_rules(job: Job, work: Work) -> dict[str, object]:
    """Return the states after an attempt that failed: the first rule that matches decides."""
    worked = usage.again(job, work.refusals)
    again = {"attempts": outcome("attempts"), **spot.counted(work.spot), **worked}
    ignored = any(rule.action == "ignore" for rule in job.failure_rules)
    return {
        "ApplyFailureRules": {
            "Type": "Choice",
            "Choices": [
                choice(LATE, "RecordFailure", _out_of_time(job.timeout_seconds, "are over")),
                *spot.choices(work.leaves_spot),
                *_another(job, _is_refusal(outcome("error"), work.refusals), "refusals"),
                *(applied for rule in job.failure_rules for applied in _by(rule, job)),
                *_retried(job),
            ],
            "Default": "RecordFailure",
        },
        "WaitBeforeRetry": {
            "Type": "Wait",
            "Seconds": _PAUSE,
            "Assign": again,
            "Next": "Run",
        },
        **spot.states(work.leaves_spot, again),
        **({"IgnoreFailure": _ignore()} if ignored else {}),
    }


def _by(rule: FailureRule, job: Job) -> list[State]:
    met = matches(rule)
    match rule.action:
        case "retry":
            return [*_retried(job, met), choice(met, "RecordFailure")]
        case "fail":
            return [choice(met, "RecordFailure")]
        case "ignore":
            return [choice(met, "IgnoreFailure")]


def _retried(job: Job, *conditions: Expression) -> list[State]:
    """Return the rules for another attempt, as many as the row allows."""
    if not job.retries:
        return []
    return _another(job, both(*conditions, _RETRIES.below(job.retries)), "retries")


def _another(job: Job, condition: Expression, counter: str) -> list[State]:
    """Return the rules for another attempt: unless it would begin after the run's deadline."""
    timeout = job.timeout_seconds
    in_time = (ENTERED_MILLIS + 1000 * _PAUSE).below(run("deadline"))
    return [
        choice(
            both(condition, in_time),
            "WaitBeforeRetry",
            {counter: variable(counter) + 1},
        ),
        choice(
            condition, "RecordFailure", _out_of_time(timeout, "leave no time for another attempt")
        ),
    ]


@lru_cache(maxsize=64)
def _out_of_time(timeout_seconds: int, why: str) -> State:
    cause = concat(
        f"The run's {timeout_seconds} seconds {why}. Last attempt: ",
        outcome("error"),
        when(outcome("cause").equals(""), "", concat(": ", outcome("cause"))),
    )
    ended: Value = {
        "status": RunStatus.TIMED_OUT,
        "error": "States.Timeout",
        "cause": call("substring", cause, 0, CAUSE_CHARACTERS),
    }
    return {"outcome": merge(variable("outcome"), ended)}


def _ignore() -> State:
    return {
        "Type": "Pass",
        "Assign": {"outcome": merge(variable("outcome"), {"status": RunStatus.SUCCEEDED})},
        "Output": {"ignored": {"error": outcome("error"), "cause": outcome("cause")}},
        "Next": "Record",
    }


def matches(rule: FailureRule) -> Expression:
    """Return the test whether an attempt ended in a way that a rule names."""
    if rule.exit_codes:
        return outcome("exit_code").within(list(rule.exit_codes))
    whole = [name for name in rule.errors if not name.endswith("*")]
    beginnings = [name[:-1] for name in rule.errors if name.endswith("*")]
    tests = [ELEMENT.within(whole)] if whole else []
    tests += [call("substring", ELEMENT, 0, len(one)).equals(one) for one in beginnings]
    return call("count", outcome("names").where(either(*tests))).above(0)
