"""`$run`: all that later states need to know of a run, computed once from the execution's input.

A row's own text never stands in an expression as code: its payload is one string literal that is
parsed when the run starts.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING

from provisioner.jobs import OVERLAPS, Ec2Job
from provisioner.runs.keys import SCHEDULED_TIME_PREFIX, TIME_PATTERN, TRIGGER_ID_PATTERN
from provisioner.runs.model import Source
from templates.workflow import overrides, programs
from templates.workflow.expressions import NAME, is_large
from templates.workflow.jsonata import (
    Expression,
    assign,
    block,
    both,
    call,
    cases,
    concat,
    function,
    merge,
    negated,
    regex,
    variable,
    when,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.jobs import Job
    from templates.workflow.jsonata import Value

CONTAINER_PAYLOAD_CHARACTERS = 7_168
"""Of the 8,192 that ECS RunTask allows for overrides (API_RunTask, overrides)."""

BY_CHARACTERS = 200
PARENT_CHARACTERS = 80
"""Step Functions, StartExecution: of an execution's name."""

_SCHEDULE_PATTERN = "[A-Za-z0-9_.-]{1,64}"

_PAYLOAD, _TEXT, _ID = variable("payload"), variable("text"), variable("id")
_OVERLAP = variable("options.overlap")
_WAITED, _START, _STARTED_AT = variable("waited"), variable("start"), variable("started_at")
_SOURCE, _DEPTH = variable("source"), variable("depth")

NO_PROBLEM: Value = ""
_OVERRIDING = [_TEXT, variable("overrides.command"), variable("overrides.environment")]
CONTAINER_PROBLEM = when(
    call("length", call("string", _OVERRIDING)).above(CONTAINER_PAYLOAD_CHARACTERS),
    f"The input of a container is limited to {CONTAINER_PAYLOAD_CHARACTERS} characters, "
    "as ECS counts them: put it into S3 and give its address",
    "",
)


def prepare(job: Job, problem: Value, max_depth: int) -> Expression:
    """Return the value of `run`, for any input whatever.

    The execution's input without ``_run`` is merged over the row's payload, key by key at the top
    level only; that of a run that has waited was merged before. `problem` is why the job cannot run
    such a payload, or an empty text.
    """
    return block(
        programs.OPTIONS,
        *_validated(),
        *overrides.checks(job),
        assign("payload", _payload(job.payload)),
        assign("text", call("string", _PAYLOAD)),
        assign("id", when(_WAITED, variable("options.waited"), concat(_STARTED_AT, "#", NAME))),
        {**_members(job), "problem": _problem(problem, max_depth)},
    )


@cache
def _validated() -> tuple[Expression, ...]:
    """Return the statements that hold options to their form.

    They are `$source`, whether the run is `$timely` (its scheduled time is one, and was filled in),
    whether it is `$scheduled` (one of the times of a schedule) and whether it has `$waited`.
    """
    source, schedule = variable("options.source"), variable("options.schedule")
    scheduled_for, waited = variable("options.scheduled_for"), variable("options.waited")
    return (
        assign("source", when(source.within([*Source]), source, Source.API)),
        assign("timely", _matches(scheduled_for, TIME_PATTERN)),
        assign("scheduled", both(variable("timely"), _matches(schedule, _SCHEDULE_PATTERN))),
        assign("waited", _matches(waited, TRIGGER_ID_PATTERN)),
    )


def _matches(value: Expression, pattern: str) -> Expression:
    """Return the test whether a value is a text of a form."""
    is_text = call("type", value).equals("string")
    return both(is_text, call("contains", value, regex(f"^{pattern}$")))


def _payload(default: Mapping[str, object]) -> Expression:
    row = call("parse", json.dumps(default, separators=(",", ":"), sort_keys=True))
    without_options = function(["v", "k"], variable("k").differs("_run"))
    return merge(when(_WAITED, {}, row), call("sift", variable("given"), without_options))


def _members(job: Job) -> dict[str, Value]:
    scheduled_for = variable("options.scheduled_for")
    kept_seconds = job.timeout_seconds + job.run_retention_days * 86_400
    return {
        "id": _ID,
        "key": _key(_ID),
        "waited": _WAITED,
        "overlap": when(_OVERLAP.within(list(OVERLAPS)), _OVERLAP, job.overlap),
        "by": _text_option("by", BY_CHARACTERS),
        "parent": _text_option("parent", PARENT_CHARACTERS),
        "started_at": _STARTED_AT,
        "start": _START,
        "deadline": _START + job.timeout_seconds * 1000,
        "source": _SOURCE,
        "depth": _DEPTH,
        "scheduled_for": cases(
            (variable("timely"), scheduled_for),
            (_SOURCE.equals(Source.SCHEDULE), _STARTED_AT),
            otherwise="",
        ),
        "scheduled_time": when(
            both(variable("scheduled"), negated(_WAITED)),
            concat(SCHEDULED_TIME_PREFIX, variable("options.schedule"), "#", scheduled_for),
            "",
        ),
        "expires_at": call("floor", _START / 1000) + kept_seconds,
        "payload": _PAYLOAD,
        "overrides": variable("overrides"),
        "large": is_large(_TEXT),
        **own_members(job),
    }


def _text_option(name: str, limit: int) -> Expression:
    """Return a member of `_run` as far as a row keeps it, an empty text if it is not a text."""
    option = variable(f"options.{name}")
    return when(call("type", option).equals("string"), call("substring", option, 0, limit), "")


def own_members(job: Job) -> dict[str, Value]:
    """Return what only some types of jobs need to know of a run.

    A machine reads what it has to run at an address that no neighbour can guess.
    """
    return {"machine": call("uuid")} if isinstance(job, Ec2Job) else {}


def _problem(own: Value, max_depth: int) -> Expression:
    """Return why a run cannot go, or an empty text; `own` is the job's reason."""
    is_known = _OVERLAP.within(list(OVERLAPS))
    foreign, odd = variable("foreign"), variable("odd")
    return cases(
        (
            call("type", variable("input")).differs("object"),
            "The input of a run must be a JSON object",
        ),
        (
            both(call("exists", _OVERLAP), negated(is_known)),
            f"_run.overlap must be one of {', '.join(OVERLAPS)}",
        ),
        (
            call("exists", foreign),
            concat("The row does not allow a run to override ", call("join", foreign, ", ")),
        ),
        (
            call("exists", odd),
            concat(
                "_run.overrides", odd, " is not of the form that docs/concepts/runs.md describes"
            ),
        ),
        (
            _DEPTH.above(max_depth),
            f"Runs led to runs more than {max_depth} times in a row: "
            "the chain ends here (parameter MaxChainDepth of the bootstrap)",
        ),
        otherwise=own,
    )


@cache
def _key(trigger_id: Expression) -> Expression:
    """Return a run's part of the keys of objects in S3, whose addresses are then safe URIs.

    The name of an execution may hold more than a URI: such a one is hashed.
    """
    name = call("substringAfter", trigger_id, "#")
    began = call("replace", call("substringBefore", trigger_id, "#"), ":", "-")
    safe = call("contains", name, regex("^[A-Za-z0-9_.-]+$"))
    return concat(began, "-", when(safe, name, call("hash", name, "SHA-256")))
