"""The workflow of a job: a Standard state machine in JSONata; docs/concepts/runs.md draws it.

``Prepare`` (what is asked) -> ``Admit`` (the lock and the RUNNING row, in one transaction) ->
``Run`` (the job's own work) -> ``Record`` (its outcome, and the lock again, in one transaction).
That is all of a plain run, four transitions; the other states are for runs that go otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from troposphere.stepfunctions import StateMachine

from provisioner.jobs import stack_name
from provisioner.runs.model import RunStatus
from templates.parts.arns import in_account
from templates.workflow import fan_out, spot, usage
from templates.workflow.asl import definition_string
from templates.workflow.exceptional_states import (
    finish,
    not_admitted,
    read_result,
    refusal,
    store,
)
from templates.workflow.expressions import INPUT, attempt_seconds, is_large, json_text, outcome, run
from templates.workflow.failure_rules import attempt_failure, failure_rules
from templates.workflow.jsonata import assign, block, merge, variable, when
from templates.workflow.prepare import prepare
from templates.workflow.states import (
    BAD_EXPRESSION,
    CANCELED,
    COLLISION_RETRY,
    SERVICE_RETRY,
    State,
    caught,
    never_retried,
    transaction,
)
from templates.workflow.transactions import Admission

if TYPE_CHECKING:
    from provisioner.jobs import Job
    from provisioner.settings import Platform
    from templates.workflow.jsonata import Value
    from templates.workflow.work import Work

_RULES = "ApplyFailureRules"

MARGIN_SECONDS = 120
"""For the record alone, on top of ``timeout_seconds``, which all attempts and the intervals between
them keep to by themselves: the end by the state machine's own timeout cannot be caught."""


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
    states = _work(job, platform, work)
    if job.fan_out:
        states = fan_out.states(job, platform, states, work.first, _counters(work))
    return {
        "QueryLanguage": "JSONata",
        "StartAt": "Prepare",
        "TimeoutSeconds": job.timeout_seconds + MARGIN_SECONDS,
        "States": {
            "Prepare": _prepare(job, platform, work),
            "Admit": _admit(admission, platform, "Run" if job.fan_out else work.first),
            **states,
            "Record": _record(admission, platform),
            "RecordFailure": _record_failure(admission, platform),
            **not_admitted(admission, platform),
            "StoreInput": store(admission, platform, "input", run("payload"), "Admit"),
            "StoreOutput": store(admission, platform, "output", INPUT, "Record"),
            "Finish": finish(),
            **_ENDS,
        },
    }


_ENDS: State = {
    "Succeeded": {"Type": "Succeed"},
    "Queued": {"Type": "Succeed", "Output": {"status": RunStatus.QUEUED}},
    "Skipped": {"Type": "Succeed", "Output": {"status": RunStatus.SKIPPED}},
    "Duplicate": {"Type": "Succeed", "Output": {"status": "DUPLICATE"}},
    "Failed": {"Type": "Fail", "Error": outcome("error"), "Cause": outcome("cause")},
}


def _work(job: Job, platform: Platform, work: Work) -> dict[str, object]:
    """Return the states that do the job's own work, those of a run or of each of its items."""
    states: dict[str, object] = {
        **work.before,
        "Run": _run(job, work, "Record" if work.result_key is None else "ReadResult"),
        **work.after_failure,
        **failure_rules(job, work),
    }
    if work.result_key is not None:
        states["ReadResult"] = read_result(platform, work.result_key)
    return states


def _prepare(job: Job, platform: Platform, work: Work) -> State:
    return {
        "Type": "Pass",
        "Assign": {
            "run": prepare(job, fan_out.problem(job, work.problem), platform.max_chain_depth),
            "stored_input": "",
            "stored_output": "",
            "large": False,
            "release": True,
            **_counters(work),
        },
        "Next": "Admit",
    }


def _counters(work: Work) -> dict[str, object]:
    """Return the variables that each run, or each item of it, counts its attempts in."""
    counters = {"retries": 0, "attempts": 0, "refusals": 0, **usage.BEFORE}
    return {**counters, **spot.variables(work.spot)}


def _admit(admission: Admission, platform: Platform, following: str) -> State:
    pausable = admission.job.pause_on_failures is not None
    unfit = when(run("problem").equals(""), "large", "invalid")
    return {
        **transaction(platform, admission.admit()),
        "Retry": [never_retried(CANCELED, BAD_EXPRESSION), SERVICE_RETRY],
        "Catch": [
            caught(
                CANCELED,
                "NotAdmitted",
                Assign={"refusal": refusal("overlap", pausable=pausable)},
            ),
            caught(BAD_EXPRESSION, "NotAdmitted", Assign={"refusal": unfit}),
        ],
        "Output": fan_out.map_input(admission.job),
        "Next": following,
    }


def _run(job: Job, work: Work, following: str) -> State:
    output, text = variable("output"), variable("text")
    succeeded: Value = {"status": RunStatus.SUCCEEDED, "attempts": variable("attempts") + 1}
    failed = {"outcome": attempt_failure(job, work), **usage.ATTEMPT}
    return {
        "Type": "Task",
        "Resource": work.resource,
        "Arguments": work.arguments,
        "TimeoutSeconds": attempt_seconds(work.timeout_seconds, work.least_seconds),
        **({"HeartbeatSeconds": work.heartbeat_seconds} if work.heartbeat_seconds else {}),
        "Catch": [caught("States.ALL", next(iter(work.after_failure), _RULES), Assign=failed)],
        "Assign": {
            "outcome": merge(succeeded, work.details, *spot.details(work.spot)),
            "large": block(
                assign("output", work.output), assign("text", json_text(output)), is_large(text)
            ),
            **usage.ATTEMPT,
        },
        "Output": work.output,
        "Next": following,
    }


def _record(admission: Admission, platform: Platform) -> State:
    return {
        **transaction(platform, admission.record_success()),
        "Retry": [never_retried(BAD_EXPRESSION), COLLISION_RETRY, SERVICE_RETRY],
        "Catch": [
            caught(BAD_EXPRESSION, "StoreOutput", Output=INPUT),
            caught(CANCELED, "Finish", Output=INPUT),
        ],
        "Output": INPUT,
        "End": True,
    }


def _record_failure(admission: Admission, platform: Platform) -> State:
    return {
        **transaction(platform, admission.record_failure()),
        "Retry": [COLLISION_RETRY, SERVICE_RETRY],
        "Catch": [caught(CANCELED, "Finish")],
        "Next": "Failed",
    }
