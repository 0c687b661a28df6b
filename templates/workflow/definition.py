"""The workflow of a job: a Standard state machine in JSONata; docs/concepts/runs.md draws it.

``Prepare`` (what is asked) -> ``Admit`` (the lock and the RUNNING row, in one transaction) ->
``Run`` (the job's own work) -> ``Record`` (its outcome, and the lock again, in one transaction).
That is all of a plain run, four transitions; the other states are for runs that go otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from troposphere.stepfunctions import StateMachine

from provisioner.jobs import stack_name
from templates.parts.arns import in_account
from templates.workflow import fan_out
from templates.workflow.asl import definition_string
from templates.workflow.exceptional_states import collect, refused, settle, store
from templates.workflow.expressions import (
    attempt_seconds,
    failure,
    is_large,
    json_text,
    jsonata,
    prepare,
)
from templates.workflow.failure_rules import judgement, pause
from templates.workflow.states import CANCELED, COLLISION_RETRY, SERVICE_RETRY, State, transaction
from templates.workflow.transactions import Admission

if TYPE_CHECKING:
    from provisioner.jobs import Job
    from provisioner.settings import Platform

MARGIN_SECONDS = 120
"""For the record alone, on top of ``timeout_seconds``, which all attempts and the intervals between
them keep to by themselves: the end by the state machine's own timeout cannot be caught."""


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
    collected: str
    """Expression: the key in the artifacts bucket at which the work leaves its result, or empty."""
    failure: str
    """Statements that read the service's own report of a failure."""


def state_machine(job: Job, platform: Platform, work: Work) -> StateMachine:
    """Return the state machine, which runs under the role that all workflows share."""
    return StateMachine(
        "StateMachine",
        StateMachineName=stack_name(platform.prefix, job.job_name),
        StateMachineType="STANDARD",
        RoleArn=in_account(platform.workflow_role_arn, platform),
        DefinitionString=definition_string(definition(job, platform, work)),
    )


def definition(job: Job, platform: Platform, work: Work) -> State:
    """Return the workflow in Amazon States Language."""
    admission = Admission(job, platform)
    states: dict[str, object] = {
        "Run": _run(job, work, "Collect" if work.collected else "Record"),
        **judgement(job, work.refusals),
        **({"Collect": collect(platform, work.collected)} if work.collected else {}),
    }
    return {
        "QueryLanguage": "JSONata",
        "StartAt": "Prepare",
        "TimeoutSeconds": job.timeout_seconds + MARGIN_SECONDS,
        "States": {
            "Prepare": _prepare(job, platform, work),
            "Admit": _admit(admission, platform),
            **(fan_out.states(job, platform, states) if job.fan_out else states),
            "Record": _record(admission, platform),
            "RecordFailure": _record_failure(admission, platform),
            **refused(admission, platform),
            "StoreInput": store(admission, platform, "input", "$run.payload", "Admit"),
            "StoreOutput": store(admission, platform, "output", "$states.input", "Record"),
            "Settle": settle(),
            "Done": {"Type": "Succeed"},
            "Queued": {"Type": "Succeed", "Output": {"status": "QUEUED"}},
            "Skipped": {"Type": "Succeed", "Output": {"status": "SKIPPED"}},
            "Duplicate": {"Type": "Succeed", "Output": {"status": "DUPLICATE"}},
            "Failed": {
                "Type": "Fail",
                "Error": jsonata("$outcome.error"),
                "Cause": jsonata("$outcome.cause"),
            },
        },
    }


def _prepare(job: Job, platform: Platform, work: Work) -> State:
    return {
        "Type": "Pass",
        "Assign": {
            "run": prepare(job, fan_out.problem(job, work.problem), platform.max_chain_depth),
            "stored_input": "",
            "stored_output": "",
            "large": False,
            "release": True,
            "again": 0,
            "tried": 0,
            "refused": 0,
        },
        "Next": "Admit",
    }


def _admit(admission: Admission, platform: Platform) -> State:
    return {
        **transaction(platform, admission.admit()),
        "Retry": [
            {
                "ErrorEquals": [CANCELED, "States.QueryEvaluationError"],
                "MaxAttempts": 0,
            },
            SERVICE_RETRY,
        ],
        "Catch": [
            {
                "ErrorEquals": [CANCELED],
                "Assign": {
                    "refusal": admission.refusal(
                        "overlap", pausable=admission.job.pause_on_failures is not None
                    )
                },
                "Next": "Refused",
            },
            {
                "ErrorEquals": ["States.QueryEvaluationError"],
                "Assign": {"refusal": jsonata('$run.problem = "" ? "large" : "invalid"')},
                "Next": "Refused",
            },
        ],
        "Output": fan_out.spread(admission.job),
        "Next": "Run",
    }


def _run(job: Job, work: Work, following: str) -> State:
    succeeded = '{"status": "SUCCEEDED", "attempts": $tried + 1}'
    return {
        "Type": "Task",
        "Resource": work.resource,
        "Arguments": work.arguments,
        "TimeoutSeconds": attempt_seconds(work.timeout_seconds),
        "Catch": [
            {
                "ErrorEquals": ["States.ALL"],
                "Assign": {"outcome": failure(work.failure), "pause": pause(job, work.refusals)},
                "Next": "Judge",
            }
        ],
        "Assign": {
            "outcome": jsonata(f"$merge([{succeeded}, {work.exit_code}])"),
            "large": jsonata(
                f"( $output := {work.output}; $text := {json_text('$output')}; "
                f"{is_large('$text')} )"
            ),
        },
        "Output": jsonata(work.output),
        "Next": following,
    }


def _record(admission: Admission, platform: Platform) -> State:
    kept = {"Output": jsonata("$states.input")}
    return {
        **transaction(platform, admission.record_success()),
        "Retry": [
            {"ErrorEquals": ["States.QueryEvaluationError"], "MaxAttempts": 0},
            COLLISION_RETRY,
            SERVICE_RETRY,
        ],
        "Catch": [
            {"ErrorEquals": ["States.QueryEvaluationError"], **kept, "Next": "StoreOutput"},
            {"ErrorEquals": [CANCELED], **kept, "Next": "Settle"},
        ],
        **kept,
        "End": True,
    }


def _record_failure(admission: Admission, platform: Platform) -> State:
    return {
        **transaction(platform, admission.record_failure()),
        "Retry": [COLLISION_RETRY, SERVICE_RETRY],
        "Catch": [{"ErrorEquals": [CANCELED], "Next": "Settle"}],
        "Next": "Failed",
    }
