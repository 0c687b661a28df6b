"""The workflow of a job: a Standard state machine in JSONata (docs/runs.md has the picture).

``Prepare`` (what is asked) -> ``Admit`` (the lock and the RUNNING row, in one transaction) ->
``Run`` (the job's own work) -> ``Record`` (its outcome, and the lock again, in one transaction).
That is all of a plain run, four transitions; the other states are for runs that go otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from troposphere.stepfunctions import StateMachine

from provisioner.jobs import stack_name
from templates import transactions
from templates.asl import definition_string
from templates.expressions import ENTERED_MILLIS, failure, is_large, jsonata, prepare, squeezed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.jobs import Job
    from provisioner.settings import Platform

MARGIN_SECONDS = 120
"""For admission and record on top of ``timeout_seconds``: the end by the state machine's own
timeout cannot be caught, so it must come last."""

CONFLICT_SECONDS = 60
"""How long an admission that collides with another keeps trying."""

State = dict[str, object]

SERVICE_RETRY: State = {
    "ErrorEquals": ["States.TaskFailed"],
    "IntervalSeconds": 1,
    "MaxAttempts": 6,
    "BackoffRate": 2,
    "MaxDelaySeconds": 30,
    "JitterStrategy": "FULL",
}

COLLISION_RETRY: State = {
    **SERVICE_RETRY,
    "ErrorEquals": [transactions.CANCELED],
    "MaxAttempts": 2,
}


@dataclass(frozen=True, slots=True)
class Work:
    """What ``Run`` does: one service integration, and how its result reads."""

    resource: str
    arguments: State
    timeout_seconds: int
    refusals: tuple[str, ...]
    """Errors that mean nothing was started, so that trying again repeats nothing."""
    problem: str
    """Expression: why an input cannot be run, or an empty text."""
    exit_code: str
    """Expression: what `outcome` says of a success beyond its status."""
    output: str
    """Expression: the result as the caller and the row get it."""
    failure: str
    """Statements that read the service's own report of a failure."""


def state_machine_arn(job: Job, platform: Platform) -> str:
    """Return the ARN that schedules and the alarm name before the state machine is made."""
    return platform.arn("states", f"stateMachine:{stack_name(platform.prefix, job.job_name)}")


def state_machine(job: Job, platform: Platform, work: Work) -> StateMachine:
    """Return the state machine, which runs under the role that all workflows share."""
    return StateMachine(
        "StateMachine",
        StateMachineName=stack_name(platform.prefix, job.job_name),
        StateMachineType="STANDARD",
        RoleArn=platform.workflow_role_arn,
        DefinitionString=definition_string(definition(job, platform, work)),
    )


def definition(job: Job, platform: Platform, work: Work) -> State:
    """Return the workflow in Amazon States Language."""
    admission = transactions.Admission(job, platform)
    return {
        "QueryLanguage": "JSONata",
        "StartAt": "Prepare",
        "TimeoutSeconds": job.timeout_seconds + MARGIN_SECONDS,
        "States": {
            "Prepare": _prepare(job, work),
            "Admit": _admit(admission, platform),
            "Run": _run(job, work),
            "Record": _record(admission, platform),
            "RecordFailure": _record_failure(admission, platform),
            **_refused(admission, platform),
            "StoreInput": _store(admission, platform, "input", "$run.payload", "Admit"),
            "StoreOutput": _store(admission, platform, "output", "$states.input", "Record"),
            "Settle": _settle(),
            "Done": {"Type": "Succeed"},
            "Skipped": {"Type": "Succeed", "Output": {"status": "SKIPPED"}},
            "Duplicate": {"Type": "Succeed", "Output": {"status": "DUPLICATE"}},
            "Failed": {
                "Type": "Fail",
                "Error": jsonata("$outcome.error"),
                "Cause": jsonata("$outcome.cause"),
            },
        },
    }


def _prepare(job: Job, work: Work) -> State:
    return {
        "Type": "Pass",
        "Assign": {
            "run": prepare(job.payload, job.timeout_seconds, work.problem),
            "stored_input": "",
            "stored_output": "",
            "release": job.overlap == "skip",
        },
        "Next": "Admit",
    }


def _admit(admission: transactions.Admission, platform: Platform) -> State:
    return {
        **_transaction(platform, admission.admit()),
        "Retry": [
            {
                "ErrorEquals": [transactions.CANCELED, "States.QueryEvaluationError"],
                "MaxAttempts": 0,
            },
            SERVICE_RETRY,
        ],
        "Catch": [
            {
                "ErrorEquals": [transactions.CANCELED],
                "Assign": {"refusal": admission.refusal()},
                "Next": "Refused",
            },
            {
                "ErrorEquals": ["States.QueryEvaluationError"],
                "Assign": {"refusal": jsonata('$run.problem = "" ? "large" : "invalid"')},
                "Next": "Refused",
            },
        ],
        "Output": {},
        "Next": "Run",
    }


def _refused(admission: transactions.Admission, platform: Platform) -> dict[str, object]:
    """Return the states of a run that was not admitted at its first try."""
    waited = f"{ENTERED_MILLIS} - $run.start"
    return {
        "Refused": {
            "Type": "Choice",
            "Choices": [
                _choice('$refusal = "duplicate"', "Duplicate"),
                _choice('$refusal = "large"', "StoreInput"),
                _choice(
                    '$refusal = "overlap"',
                    "RecordRefusal",
                    _ending("SKIPPED", "Overlap", '"The run before it has not ended"'),
                ),
                _choice(
                    '$refusal = "invalid"',
                    "RecordRefusal",
                    _ending("FAILED", "InvalidInput", "$run.problem"),
                ),
                _choice(f"{waited} < {CONFLICT_SECONDS * 1000}", "Again"),
            ],
            "Default": "RecordRefusal",
            "Assign": _ending(
                "FAILED", "Busy", '"The Triggers table was too busy to admit the run"'
            ),
        },
        "Again": {
            "Type": "Wait",
            "Seconds": jsonata("1 + $floor($random() * 4)"),
            "Next": "Admit",
        },
        "RecordRefusal": {
            **_transaction(platform, admission.refuse()),
            "Retry": [{"ErrorEquals": [transactions.CANCELED], "MaxAttempts": 0}, SERVICE_RETRY],
            "Catch": [{"ErrorEquals": [transactions.CANCELED], "Next": "Duplicate"}],
            "Next": "Settle",
        },
    }


def _run(job: Job, work: Work) -> State:
    again: State = {
        "ErrorEquals": ["States.ALL"],
        "IntervalSeconds": job.retry_interval_seconds,
        "MaxAttempts": job.retries,
        "BackoffRate": job.retry_backoff,
    }
    succeeded = f'{{"status": "SUCCEEDED", "attempts": {transactions.ATTEMPTS}}}'
    return {
        "Type": "Task",
        "Resource": work.resource,
        "Arguments": work.arguments,
        "TimeoutSeconds": work.timeout_seconds,
        "Retry": [
            {**SERVICE_RETRY, "ErrorEquals": list(work.refusals), "IntervalSeconds": 2},
            again,
        ],
        "Catch": [
            {
                "ErrorEquals": ["States.ALL"],
                "Assign": {"outcome": failure(work.failure)},
                "Next": "RecordFailure",
            }
        ],
        "Assign": {
            "outcome": jsonata(f"$merge([{succeeded}, {work.exit_code}])"),
            "large": jsonata(f"( $text := $string({work.output}); {is_large('$text')} )"),
        },
        "Output": jsonata(work.output),
        "Next": "Record",
    }


def _record(admission: transactions.Admission, platform: Platform) -> State:
    kept = {"Output": jsonata("$states.input")}
    return {
        **_transaction(platform, admission.record_success()),
        "Retry": [
            {"ErrorEquals": ["States.QueryEvaluationError"], "MaxAttempts": 0},
            COLLISION_RETRY,
            SERVICE_RETRY,
        ],
        "Catch": [
            {"ErrorEquals": ["States.QueryEvaluationError"], **kept, "Next": "StoreOutput"},
            {"ErrorEquals": [transactions.CANCELED], **kept, "Next": "Settle"},
        ],
        **kept,
        "End": True,
    }


def _record_failure(admission: transactions.Admission, platform: Platform) -> State:
    return {
        **_transaction(platform, admission.record_failure()),
        "Retry": [COLLISION_RETRY, SERVICE_RETRY],
        "Catch": [{"ErrorEquals": [transactions.CANCELED], "Next": "Settle"}],
        "Next": "Failed",
    }


def _settle() -> State:
    """Return the end of runs that did not end in one transaction.

    A lock that is no longer ours (the lease ran out and another run took it) is left alone, and the
    outcome is recorded without it. A row that is no longer RUNNING was completed by someone else.
    """
    alone = {"release": False}
    return {
        "Type": "Choice",
        "Choices": [
            _choice('$outcome.status = "SKIPPED"', "Skipped"),
            _choice('$release and $outcome.status = "SUCCEEDED"', "Record", alone),
            _choice("$release", "RecordFailure", alone),
            _choice('$outcome.status = "SUCCEEDED"', "Done"),
        ],
        "Default": "Failed",
    }


def _store(
    admission: transactions.Admission, platform: Platform, name: str, body: str, following: str
) -> State:
    """Return the state that puts a large input or output into S3; losing it fails no run."""
    key = f'"runs/{admission.job.job_name}/" & $run.id & "/{name}.json"'
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
                "Assign": {f"stored_{name}": jsonata('"not stored: " & $states.errorOutput.Error')},
                **kept,
                "Next": following,
            }
        ],
        "Assign": {f"stored_{name}": jsonata(f'"s3://{platform.artifacts_bucket}/" & {key}')},
        **kept,
        "Next": following,
    }


def _transaction(platform: Platform, items: str) -> State:
    return {
        "Type": "Task",
        "Resource": f"arn:{platform.partition}:states:::aws-sdk:dynamodb:transactWriteItems",
        "Arguments": {"TransactItems": jsonata(squeezed(items))},
    }


def _choice(condition: str, following: str, assign: Mapping[str, object] | None = None) -> State:
    rule: State = {"Condition": jsonata(condition), "Next": following}
    return {**rule, "Assign": assign} if assign else rule


def _ending(status: str, error: str, cause: str) -> State:
    """Return the outcome of a run that holds no lock."""
    outcome = {"status": status, "error": error, "cause": jsonata(cause)}
    return {"outcome": outcome, "release": False}
