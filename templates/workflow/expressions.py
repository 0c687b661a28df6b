"""What several states of the workflow read, and the texts that they make of it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from provisioner.runs.model import RunStatus, Source
from templates.workflow.jsonata import (
    Expression,
    assign,
    block,
    call,
    concat,
    merge,
    regex,
    variable,
    when,
)

if TYPE_CHECKING:
    from provisioner.jobs.model import RowModel
    from templates.workflow.jsonata import Value

LARGE_BYTES = 100_000
"""Above it an input or output goes to S3: the row, with both, stays far below DynamoDB's 400 KB."""

CAUSE_CHARACTERS = 4_000

INPUT = variable("states.input")
NAME = variable("states.context.Execution.Name")
EXECUTION_ARN = variable("states.context.Execution.Id")
STARTED_BY = call("replace", NAME, regex("[^A-Za-z0-9_-]"), "-")
ENTERED_MILLIS = call("toMillis", variable("states.context.State.EnteredTime"))
ENTERED_SECONDS = call("floor", ENTERED_MILLIS / 1000)
ERROR = variable("states.errorOutput.Error")


def run(member: str) -> Expression:
    """Return what `prepare` computed of the run."""
    return variable(f"run.{member}")


def outcome(member: str) -> Expression:
    """Return what is known of how the run, or its last attempt, ended."""
    return variable(f"outcome.{member}")


SCHEDULED = run("source").equals(Source.SCHEDULE)
SUCCEEDED = outcome("status").equals(RunStatus.SUCCEEDED)
LATE = ENTERED_MILLIS.at_least(run("deadline"))


@cache
def is_large(text: Expression) -> Expression:
    """Return the test whether a text has too many bytes, counting 4 for what is not ASCII."""
    other = call("replace", text, regex("[ -~]+"), "")
    size = call("length", text) + 3 * call("length", other)
    return size.above(LARGE_BYTES)


@cache
def json_text(value: Expression) -> Expression:
    """Return the JSON text of a value: ``$string`` alone leaves out the quotes of a text."""
    listed = call("string", [value])
    quoted = call("substring", listed, 1, call("length", listed) - 2)
    return when(call("type", value).equals("string"), quoted, call("string", value))


def given(job: RowModel) -> Expression:
    """Return what a job's code gets: the payload, and how many runs led to one that may continue.

    So a job that passes on what it was given passes on the count.
    """
    if not job.submits:
        return run("payload")
    return merge(run("payload"), {"_run": {"depth": run("depth")}})


def attempt_seconds(limit: int, least: int = 1) -> Expression:
    """Return how long an attempt may take: `limit`, or what is left of the run's own time.

    Every attempt is a state of its own, entered afresh. One that begins too late, with less than
    `least` left, does nothing.
    """
    left, too_late = variable("left"), "States.Timeout: no time is left"
    return block(
        assign("left", call("ceil", (run("deadline") - ENTERED_MILLIS) / 1000)),
        when(
            left.at_least(least),
            call("min", [left, limit]),
            call("error", too_late),
        ),
    )


def address(bucket: str, key: Value) -> Expression:
    """Return the URI of an object in S3."""
    return concat(f"s3://{bucket}/", key)
