"""The states of runs that are not plain: refused, too large, or not recorded in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.runs.model import OVERLAP
from templates.workflow.expressions import ENTERED_MILLIS, jsonata
from templates.workflow.states import CANCELED, SERVICE_RETRY, State, choice, transaction

if TYPE_CHECKING:
    from provisioner.settings import Platform
    from templates.workflow.transactions import Admission

RESULT_BYTES = 40_000
"""Of a container's result; a larger one is recorded by its address."""

CONFLICT_SECONDS = 60
"""How long an admission that collides with another keeps trying."""


def refused(admission: Admission, platform: Platform) -> dict[str, object]:
    """Return the states of a run that was not admitted at its first try."""
    waited = f"{ENTERED_MILLIS} - $run.start"
    return {
        "Refused": {
            "Type": "Choice",
            "Choices": [
                choice('$refusal = "duplicate"', "Duplicate"),
                choice('$refusal = "large"', "StoreInput"),
                choice(
                    '$refusal = "overlap" and $run.overlap = "skip" and $not($run.waited)',
                    "RecordRefusal",
                    _ending("SKIPPED", OVERLAP, '"The run before it has not ended"'),
                ),
                choice('$refusal = "overlap"', "Queue"),
                choice(
                    '$refusal = "paused"',
                    "RecordRefusal",
                    _ending("SKIPPED", "Paused", '"The schedule is paused after failures"'),
                ),
                choice(
                    '$refusal = "full"',
                    "RecordRefusal",
                    _ending(
                        "SKIPPED",
                        OVERLAP,
                        '$run.overlap = "cancel_other" ? "A run that came later took its place"'
                        ' : "As many runs as may wait do so already"',
                    ),
                ),
                choice(
                    '$refusal = "invalid"',
                    "RecordRefusal",
                    _ending("FAILED", "InvalidInput", "$run.problem"),
                ),
                choice(f"{waited} < {CONFLICT_SECONDS * 1000}", "Again"),
            ],
            "Default": "RecordRefusal",
            "Assign": _ending("FAILED", "Busy", '"The Triggers table was too busy"'),
        },
        "Again": {
            "Type": "Wait",
            "Seconds": jsonata("1 + $floor($random() * 4)"),
            "Next": "Admit",
        },
        "Queue": {
            **transaction(platform, admission.queue()),
            "Retry": [{"ErrorEquals": [CANCELED], "MaxAttempts": 0}, SERVICE_RETRY],
            "Catch": [
                {
                    "ErrorEquals": [CANCELED],
                    "Assign": {"refusal": admission.refusal("full")},
                    "Next": "Refused",
                }
            ],
            "Next": "Queued",
        },
        "RecordRefusal": {
            **transaction(platform, admission.refuse()),
            "Retry": [{"ErrorEquals": [CANCELED], "MaxAttempts": 0}, SERVICE_RETRY],
            "Catch": [{"ErrorEquals": [CANCELED], "Next": "Duplicate"}],
            "Next": "Settle",
        },
    }


def settle() -> State:
    """Return the end of runs that did not end in one transaction.

    A lock that is no longer ours (the lease ran out and another run took it) is left alone, and the
    outcome is recorded without it. A row that is no longer RUNNING was completed by someone else.
    """
    alone = {"release": False}
    return {
        "Type": "Choice",
        "Choices": [
            choice('$outcome.status = "SKIPPED"', "Skipped"),
            choice('$release and $outcome.status = "SUCCEEDED"', "Record", alone),
            choice("$release", "RecordFailure", alone),
            choice('$outcome.status = "SUCCEEDED"', "Done"),
        ],
        "Default": "Failed",
    }


def store(admission: Admission, platform: Platform, name: str, body: str, following: str) -> State:
    """Return the state that puts a large input or output into S3; losing it fails no run.

    What the row then holds is JSON as well, and no object, so that nobody takes it for an input.
    """
    key = f'"runs/{admission.job.job_name}/" & $run.key & "/{name}.json"'
    kept = {"Output": jsonata("$states.input")}
    return {
        "Type": "Task",
        "Resource": f"arn:{platform.partition}:states:::aws-sdk:s3:putObject",
        "Arguments": {
            "Bucket": platform.artifacts_bucket,
            "Key": jsonata(key),
            "Body": jsonata(body),
            "ContentType": "application/json",
        },
        "Retry": [SERVICE_RETRY],
        "Catch": [
            {
                "ErrorEquals": ["States.ALL"],
                "Assign": {
                    f"stored_{name}": jsonata(
                        r'"\"not stored: " & $states.errorOutput.Error & "\""'
                    )
                },
                **kept,
                "Next": following,
            }
        ],
        "Assign": {f"stored_{name}": jsonata(f'"s3://{platform.artifacts_bucket}/" & {key}')},
        **kept,
        "Next": following,
    }


def collect(platform: Platform, key: str) -> State:
    """Return the state that reads what a container left as its result; without one all is well.

    Only its beginning is read: states hold 256 KiB, and an escaped character can take six.
    """
    uri = f'"s3://{platform.artifacts_bucket}/" & {key}'
    size = '$number($split($states.result.ContentRange, "/")[1])'
    return {
        "Type": "Task",
        "Resource": f"arn:{platform.partition}:states:::aws-sdk:s3:getObject",
        "Arguments": {
            "Bucket": platform.artifacts_bucket,
            "Key": jsonata(key),
            "Range": f"bytes=0-{RESULT_BYTES - 1}",
        },
        "Retry": [
            {
                "ErrorEquals": ["S3.NoSuchKeyException", "States.QueryEvaluationError"],
                "MaxAttempts": 0,
            },
            {**SERVICE_RETRY, "MaxAttempts": 3},  # a run is not held up for its result's sake
        ],
        "Catch": [
            {
                "ErrorEquals": ["S3.NoSuchKeyException"],
                "Output": jsonata("$states.input"),
                "Next": "Record",
            },
            {
                "ErrorEquals": ["States.ALL"],
                "Output": jsonata(
                    '$merge([$states.input, {"result": "not read: " & $states.errorOutput.Error}])'
                ),
                "Next": "Record",
            },
        ],
        "Assign": {"stored_output": jsonata(f'{size} > {RESULT_BYTES} ? {uri} : ""')},
        "Output": jsonata(f"{size} > {RESULT_BYTES} ? $states.input : $parse($states.result.Body)"),
        "Next": "Record",
    }


def _ending(status: str, error: str, cause: str) -> State:
    """Return the outcome of a run that holds no lock."""
    outcome = {"status": status, "error": error, "cause": jsonata(cause)}
    return {"outcome": outcome, "release": False}
