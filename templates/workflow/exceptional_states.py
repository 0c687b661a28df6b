"""The states of runs that are not plain: refused, too large, or not recorded in one transaction."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from provisioner.runs.model import OVERLAP, RunStatus
from templates.workflow import programs
from templates.workflow.expressions import (
    ENTERED_MILLIS,
    ERROR,
    INPUT,
    SCHEDULED,
    SUCCEEDED,
    address,
    outcome,
    run,
)
from templates.workflow.jsonata import (
    Expression,
    assign,
    block,
    both,
    call,
    cases,
    concat,
    either,
    merge,
    negated,
    variable,
    when,
)
from templates.workflow.states import (
    BAD_EXPRESSION,
    CANCELED,
    SERVICE_RETRY,
    State,
    caught,
    choice,
    never_retried,
    sdk,
    transaction,
)
from templates.workflow.transactions import LOCKED

if TYPE_CHECKING:
    from provisioner.settings import Platform
    from templates.workflow.jsonata import Value
    from templates.workflow.transactions import Admission

RESULT_BYTES = 40_000
"""Of a container's result; a larger one is recorded by its address."""

CONFLICT_SECONDS = 60
"""How long an admission that collides with another keeps trying."""


@cache
def refusal(lock: str, *, pausable: bool = False) -> Expression:
    """Return why a transaction of `Admission` was refused, by the item that refused it.

    Any other reason is a collision with a concurrent transaction, and passes.

    Parameters
    ----------
    lock
        What the lock's refusal means.
    pausable
        That the pause of the schedule stands before the scheduled time.
    """
    rest = variable("rest")
    after_row = rest + (when(SCHEDULED, 2, 1) if pausable else 1)
    paused = [(both(SCHEDULED, _failed(rest + 1)), "paused")] if pausable else []
    return block(
        programs.FAILED_CONDITIONS,
        assign("rest", when(LOCKED, 1, 0)),
        cases(
            (either(_failed(rest), _failed(after_row)), "duplicate"),
            *paused,
            (both(LOCKED, _failed(0)), lock),
            otherwise="conflict",
        ),
    )


def _failed(index: Value) -> Expression:
    return variable("failed").at(index)


def not_admitted(admission: Admission, platform: Platform) -> dict[str, object]:
    """Return the states of a run that was not admitted at its first try."""
    return {
        "NotAdmitted": _not_admitted(),
        "WaitToAdmit": {
            "Type": "Wait",
            "Seconds": 1 + call("floor", call("random") * 4),
            "Next": "Admit",
        },
        "Queue": {
            **transaction(platform, admission.queue()),
            "Retry": [never_retried(CANCELED), SERVICE_RETRY],
            "Catch": [caught(CANCELED, "NotAdmitted", Assign={"refusal": refusal("full")})],
            "Next": "Queued",
        },
        "RecordRefusal": {
            **transaction(platform, admission.refuse()),
            "Retry": [never_retried(CANCELED), SERVICE_RETRY],
            "Catch": [caught(CANCELED, "Duplicate")],
            "Next": "Finish",
        },
    }


@cache
def _not_admitted() -> State:
    why = variable("refusal")
    skips = both(why.equals("overlap"), run("overlap").equals("skip"), negated(run("waited")))
    waited = ENTERED_MILLIS - run("start")
    full = when(
        run("overlap").equals("cancel_other"),
        "A run that came later took its place",
        "As many runs as may wait do so already",
    )
    return {
        "Type": "Choice",
        "Choices": [
            choice(why.equals("duplicate"), "Duplicate"),
            choice(why.equals("large"), "StoreInput"),
            choice(skips, "RecordRefusal", _skipped(OVERLAP, "The run before it has not ended")),
            choice(why.equals("overlap"), "Queue"),
            choice(
                why.equals("paused"),
                "RecordRefusal",
                _skipped("Paused", "The schedule is paused after failures"),
            ),
            choice(why.equals("full"), "RecordRefusal", _skipped(OVERLAP, full)),
            choice(
                why.equals("invalid"), "RecordRefusal", _failed_with("InvalidInput", run("problem"))
            ),
            choice(waited.below(CONFLICT_SECONDS * 1000), "WaitToAdmit"),
        ],
        "Default": "RecordRefusal",
        "Assign": _failed_with("Busy", "The Triggers table was too busy"),
    }


def _skipped(error: str, cause: str | Expression) -> State:
    return _ended(RunStatus.SKIPPED, error, cause)


def _failed_with(error: str, cause: str | Expression) -> State:
    return _ended(RunStatus.FAILED, error, cause)


def _ended(status: RunStatus, error: str, cause: str | Expression) -> State:
    """Return the outcome of a run that holds no lock."""
    return {"outcome": {"status": status, "error": error, "cause": cause}, "release": False}


def finish() -> State:
    """Return the end of runs that did not end in one transaction.

    A lock that is no longer ours (the lease ran out and another run took it) is left alone, and the
    outcome is recorded without it. A row that is no longer RUNNING was completed from outside.
    """
    release, without_lock = variable("release"), {"release": False}
    return {
        "Type": "Choice",
        "Choices": [
            choice(outcome("status").equals(RunStatus.SKIPPED), "Skipped"),
            choice(both(release, SUCCEEDED), "Record", without_lock),
            choice(release, "RecordFailure", without_lock),
            choice(SUCCEEDED, "Succeeded"),
        ],
        "Default": "Failed",
    }


def store(
    admission: Admission, platform: Platform, name: str, body: Expression, following: str
) -> State:
    """Return the state that puts a large input or output into S3; losing it fails no run.

    What the row then holds is JSON as well, and no object, so that nobody takes it for an input.
    """
    key = concat(f"runs/{admission.job.job_name}/", run("key"), f"/{name}.json")
    stored = f"stored_{name}"
    lost = {stored: concat('"not stored: ', ERROR, '"')}
    return {
        "Type": "Task",
        "Resource": sdk(platform, "s3:putObject"),
        "Arguments": {
            "Bucket": platform.artifacts_bucket,
            "Key": key,
            "Body": body,
            "ContentType": "application/json",
        },
        "Retry": [SERVICE_RETRY],
        "Catch": [caught("States.ALL", following, Assign=lost, Output=INPUT)],
        "Assign": {stored: address(platform.artifacts_bucket, key)},
        "Output": INPUT,
        "Next": following,
    }


def read_result(platform: Platform, key: Expression) -> State:
    """Return the state that reads what a container left as its result; without one all is well.

    Only its beginning is read: states hold 256 KiB, and an escaped character can take six.
    """
    content_range = variable("states.result.ContentRange")
    size = call("number", call("split", content_range, "/").at(1))
    is_large = size.above(RESULT_BYTES)
    missing = "S3.NoSuchKeyException"
    unread = merge(INPUT, {"result": concat("not read: ", ERROR)})
    return {
        "Type": "Task",
        "Resource": sdk(platform, "s3:getObject"),
        "Arguments": {
            "Bucket": platform.artifacts_bucket,
            "Key": key,
            "Range": f"bytes=0-{RESULT_BYTES - 1}",
        },
        "Retry": [
            never_retried(missing, BAD_EXPRESSION),
            {**SERVICE_RETRY, "MaxAttempts": 3},  # a run is not held up for its result's sake
        ],
        "Catch": [
            caught(missing, "Record", Output=INPUT),
            caught("States.ALL", "Record", Output=unread),
        ],
        "Assign": {"stored_output": when(is_large, address(platform.artifacts_bucket, key), "")},
        "Output": when(is_large, INPUT, call("parse", variable("states.result.Body"))),
        "Next": "Record",
    }
