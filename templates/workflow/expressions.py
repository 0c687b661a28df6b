"""The JSONata texts of the workflow.

A row's own text never stands in an expression as code: its payload is one string literal that is
parsed when the run starts (`payload_literal`). Everything that `PREPARE` computes is total: it
yields a value for any input, since a Pass state has no Catch.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from provisioner.jobs import OVERLAPS
from templates.workflow import overrides

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.jobs import Job

LARGE_BYTES = 100_000
"""Above it an input or output goes to S3: the row, with both, stays far below DynamoDB's 400 KB."""

CONTAINER_PAYLOAD_CHARACTERS = 7_168
"""Of the 8,192 that ECS RunTask allows for overrides (API_RunTask, overrides)."""

CAUSE_CHARACTERS = 4_000
BY_CHARACTERS = 200

NAME = "$states.context.Execution.Name"
STARTED_BY = f'$replace({NAME}, /[^A-Za-z0-9_-]/, "-")'
ENTERED_MILLIS = "$toMillis($states.context.State.EnteredTime)"
ENTERED_SECONDS = f"$floor({ENTERED_MILLIS} / 1000)"


def jsonata(expression: str) -> str:
    """Mark a text as an expression, in Step Functions' way."""
    return f"{{% {expression} %}}"


def squeezed(expression: str) -> str:
    """Return an expression written over several lines as one, without the indentation."""
    return " ".join(expression.split())


def payload_literal(payload: Mapping[str, object]) -> str:
    r"""Return the expression that yields a row's payload.

    One quoted literal of ASCII, in which no character pair is left that CloudFormation
    (``${``, ``{{``) or Step Functions (``{%``, ``%}``) could take for its own.
    """
    text = json.dumps(payload, separators=(",", ":"), sort_keys=True)
    text = text.replace("\\", "\\\\").replace("'", "\\u0027")
    text = text.replace("$", "\\u0024").replace("%", "\\u0025").replace("{{", "{\\u007b")
    return f"$parse('{text}')"


def is_large(text: str) -> str:
    """Return the test whether a text has too many bytes, counting 4 for what is not ASCII."""
    return f'$length({text}) + 3 * $length($replace({text}, /[ -~]+/, "")) > {LARGE_BYTES}'


def json_text(value: str) -> str:
    """Return the JSON text of a value: ``$string`` alone leaves out the quotes of a text."""
    listed = f"$string([{value}])"
    quoted = f"$substring({listed}, 1, $length({listed}) - 2)"
    return f'($type({value}) = "string" ? {quoted} : $string({value}))'


def given(job: Job) -> str:
    """Return what a job's code gets: the payload, and how many runs led to one that may go on.

    So a job that passes on what it was given passes on the count.
    """
    if not job.submits:
        return "$run.payload"
    return '$merge([$run.payload, {"_run": {"depth": $run.depth}}])'


def prepare(job: Job, problem: str, max_depth: int) -> str:
    """Return `run`: what all later states need to know of the run.

    The execution's input without ``_run`` is merged over the row's payload, key by key at the top
    level only; that of a run that has `waited` was merged before. A scheduled time that is none (or
    was not filled in) is replaced by the start.
    """
    policies = json.dumps(list(OVERLAPS))
    head = squeezed(r"""
        $input := $states.context.Execution.Input;
        $given := $type($input) = "object" ? $input : {};
        $present := function($map) {
            $merge([{}, $sift($map, function($v) { $type($v) != "null" })])
        };
        $told := $type($given._run) = "object" ? $present($given._run) : {};
        $sources := ["schedule", "manual", "api", "queue", "dependency", "backfill"];
        $source := $told.source in $sources ? $told.source : "api";
        $start := $toMillis($states.context.Execution.StartTime);
        $started_at := $fromMillis($start);
        $timely := $type($told.scheduled_for) = "string" and $contains($told.scheduled_for,
            /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?Z$/);
        $ticked := $timely and $type($told.schedule) = "string"
            and $contains($told.schedule, /^[A-Za-z0-9_.-]{1,64}$/);
        $depth := $type($told.depth) = "number" and $told.depth > 0 ? $floor($told.depth) : 0;
        $waited := $type($told.waited) = "string" and $contains($told.waited,
            /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,12}Z#.{1,80}$/);
    """)
    merged = (
        f"$payload := $merge([$waited ? {{}} : {payload_literal(job.payload)}, "
        '$sift($given, function($v, $k) { $k != "_run" })]);'
    )
    tail = squeezed(f"""
        $text := $string($payload);
        $id := $waited ? $told.waited : $started_at & "#" & {NAME};
        {{
            "id": $id,
            "key": {_key("$id")},
            "waited": $waited,
            "overlap": $told.overlap in {policies} ? $told.overlap : {json.dumps(job.overlap)},
            "by": $type($told.by) = "string" ? $substring($told.by, 0, {BY_CHARACTERS}) : "",
            "started_at": $started_at,
            "start": $start,
            "deadline": $start + {job.timeout_seconds * 1000},
            "source": $source,
            "depth": $depth,
            "scheduled_for": $timely ? $told.scheduled_for
                : $source = "schedule" ? $started_at : "",
            "tick": $ticked and $not($waited)
                ? "#tick#" & $told.schedule & "#" & $told.scheduled_for : "",
            "expires_at": $string($floor($start / 1000)
                + {job.timeout_seconds + job.run_retention_days * 86_400}),
            "payload": $payload,
            "overrides": $overrides,
            "large": {is_large("$text")},
            "problem": $type($input) != "object" ? "The input of a run must be a JSON object"
                : $exists($told.overlap) and $not($told.overlap in {policies})
                    ? "_run.overlap must be one of {", ".join(OVERLAPS)}"
                : $exists($foreign) ? "The row does not allow a run to override "
                    & $join($foreign, ", ")
                : $exists($odd) ? "_run.overrides" & $odd & " is not of the form that "
                    & "docs/concepts/runs.md describes"
                : $depth > {max_depth} ? "Runs led to runs more than {max_depth} times in a row: "
                    & "the chain ends here (parameter MaxChainDepth of the bootstrap)"
                : {problem}
        }}
    """)
    return jsonata(f"( {head} {squeezed(overrides.read(job))} {merged} {tail} )")


def _key(trigger_id: str) -> str:
    """Return a run's part of the keys of objects in S3, whose addresses are then safe URIs.

    The name of an execution may hold more than a URI: such a one is hashed.
    """
    name = f'$substringAfter({trigger_id}, "#")'
    began = f'$replace($substringBefore({trigger_id}, "#"), ":", "-")'
    safe = f"$contains({name}, /^[A-Za-z0-9_.-]+$/)"
    return f'{began} & "-" & ({safe} ? {name} : $hash({name}, "SHA-256"))'


def attempt_seconds(limit: int) -> str:
    """Return how long an attempt may take: `limit`, or what is left of the run's own time.

    Every attempt is a state of its own, entered afresh. One that begins too late does nothing.
    """
    left = f"$ceil(($run.deadline - {ENTERED_MILLIS}) / 1000)"
    return jsonata(
        f'( $left := {left}; $left > 0 ? $min([$left, {limit}]) : $error("no time is left") )'
    )


NO_PROBLEM = '""'
CONTAINER_PROBLEM = squeezed(f"""
    $length($string([$text, $overrides.command, $overrides.environment]))
            > {CONTAINER_PAYLOAD_CHARACTERS}
        ? "The input of a container is limited to {CONTAINER_PAYLOAD_CHARACTERS} characters, "
            & "as ECS counts them: put it into S3 and give its address"
        : ""
""")

LAMBDA_FAILURE = squeezed(r"""
    $message := $match($cause,
        /"errorMessage"\s*:\s*"([^"\x5c\x00-\x1f]*(?:\x5c(?:["\x5c\x2fbfnrt]|u[0-9a-fA-F]{4})[^"\x5c\x00-\x1f]*)*)"/
    )[0].groups[0];
    $timed_out := $timed_out
        or $fault = "Lambda.Unknown" and $contains($cause, "Task timed out after ");
    $cause := $exists($message) ? $parse("\"" & $message & "\"") : $cause;
""")

CONTAINER_FAILURE = squeezed("""
    $whole := $substring($cause, 0, 1) = "{" and $substring($cause, -1) = "}";
    $task := $fault = "States.TaskFailed" and $whole ? $parse($cause) : {};
    $job := $task.Containers[Name = "job"];
    $reasons := [
        $exists($job.ExitCode) ? "Exit code " & $string($job.ExitCode),
        $job.Reason,
        $task.StoppedReason
    ][$type($) = "string"];
    $fault := $exists($job.ExitCode) ? "ContainerFailed"
        : $exists($task.StopCode) ? $task.StopCode : $fault;
    $cause := $exists($reasons) ? $join($reasons, ". ") : $cause;
""")


def failure(details: str) -> str:
    """Return `outcome` of a run whose last attempt failed, as a Catch of `Run` assigns it.

    `details` turns the service's own report, which ``Cause`` holds as JSON, into a sentence.
    `names` are what rules may call the end: the error, for containers also ECS's stop code and the
    names in its reasons, as ``OutOfMemoryError`` in "OutOfMemoryError: Container killed …".
    A message of ours, raised by ``$error``, follows JSONata's code for it, D3137.
    """
    head = squeezed("""
        $fault := $states.errorOutput.Error;
        $cause := $type($states.errorOutput.Cause) = "string" ? $states.errorOutput.Cause : "";
        $timed_out := $fault in ["States.Timeout", "States.HeartbeatTimeout", "Sandbox.Timedout"];
        $ours := $fault = "States.QueryEvaluationError" and $contains($cause, "D3137: ");
    """)
    tail = squeezed(f"""
        $cause := $ours ? $split($cause, "D3137: ")[-1] : $cause;
        $named := $substring($ours ? "ContainerFailed" : $fault, 0, 200);
        $telling := $filter($reasons, function($reason) {{ $contains($reason, /^[A-Za-z]+: /) }});
        $merge([{{
            "status": $timed_out ? "TIMED_OUT" : "FAILED",
            "error": $named,
            "names": [$named, $task.StopCode[$type($) = "string"],
                $map($telling, function($reason) {{ $substringBefore($reason, ":") }})],
            "cause": $substring($cause, 0, {CAUSE_CHARACTERS}),
            "attempts": $tried + 1
        }}, $exists($job.ExitCode) ? {{"exit_code": $job.ExitCode}} : {{}}])
    """)
    return jsonata(f"( {head} {details} {tail} )")
