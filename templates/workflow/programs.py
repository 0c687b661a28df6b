"""Those parts of the workflow that are programs: JSONata as text, for want of a better language.

Each is a constant: what differs from job to job stands around it, as values (`jsonata.block`).
Every one is total, since a Pass state and an ``Assign`` of a ``Catch`` have nobody to catch what
they raise.
"""

from __future__ import annotations

from templates.workflow.jsonata import statements

OPTIONS = statements(r"""
    $input := $states.context.Execution.Input;
    $given := $type($input) = "object" ? $input : {};
    $present := function($map) {
        $merge([{}, $sift($map, function($v) { $type($v) != "null" })])
    };
    $options := $type($given._run) = "object" ? $present($given._run) : {};
    $overrides := $type($options.overrides) = "object" ? $present($options.overrides) : {};
    $depth := $type($options.depth) = "number" and $options.depth > 0
        ? $floor($options.depth) : 0;
    $start := $toMillis($states.context.Execution.StartTime);
    $started_at := $fromMillis($start);
""")
"""What an execution's input says: `$given` and, of its ``_run``, the run's `$options`.

Members that are null count as absent, and what is not an object as an empty one.
"""

COMMAND_IS_VALID = statements("""
    $type($overrides.command) = "string" and $overrides.command != ""
        or $type($overrides.command) = "array" and $count($overrides.command) > 0
            and $count($filter($overrides.command, function($v) { $type($v) = "string" }))
                = $count($overrides.command)
""")
"""Whether `$overrides.command` is a text, or a list of texts, and not empty."""

FAILURE = statements("""
    $fault := $states.errorOutput.Error;
    $cause := $type($states.errorOutput.Cause) = "string" ? $states.errorOutput.Cause : "";
    $timed_out := $fault in ["States.Timeout", "States.HeartbeatTimeout", "Sandbox.Timedout"];
    $ours := $fault = "States.QueryEvaluationError" and $contains($cause, "D3137: ");
""")
"""What a Catch gets to know of an attempt: `$fault`, `$cause`, `$timed_out`.

`$ours` is whether an expression of the workflow raised it by ``$error``: JSONata puts its code for
that, D3137, before the message.
"""

LAMBDA_FAILURE = statements(r"""
    $message := $match($cause,
        /"errorMessage"\s*:\s*"([^"\x5c\x00-\x1f]*(?:\x5c(?:["\x5c\x2fbfnrt]|u[0-9a-fA-F]{4})[^"\x5c\x00-\x1f]*)*)"/
    )[0].groups[0];
    $timed_out := $timed_out
        or $fault = "Lambda.Unknown" and $contains($cause, "Task timed out after ");
    $cause := $exists($message) ? $parse("\"" & $message & "\"") : $cause;
""")
"""Lambda's report of an error, after `FAILURE`: its message alone, out of JSON that may be cut."""

CONTAINER_FAILURE = statements("""
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
"""ECS's description of a stopped task, after `FAILURE`: its container's end in one sentence."""

BATCH_FAILURE = statements(r"""
    $whole := $substring($cause, 0, 1) = "{" and $substring($cause, -1) = "}";
    $batch := $fault = "States.TaskFailed" and $whole ? $parse($cause) : {};
    $cut := $fault = "States.TaskFailed" and $not($whole)
        ? $match($cause, /[^\x5c]"ExitCode"\s*:\s*(\d+)/)[0].groups[0];
    $job := {"ExitCode": $exists($cut) ? $number($cut) : $batch.Container.ExitCode};
    $children := $batch.ArrayProperties;
    $unsuccessful := $children.StatusSummary.FAILED;
    $reasons := [
        $exists($job.ExitCode) ? "Exit code " & $string($job.ExitCode),
        $exists($unsuccessful)
            ? $string($unsuccessful) & " of " & $string($children.Size) & " children failed",
        $batch.Container.Reason,
        $batch.StatusReason
    ][$type($) = "string"];
    $late := $batch.StatusReason = "Job attempt duration exceeded timeout";
    $limited := $contains($string($batch.StatusReason), "JobStateTimeLimit");
    $timed_out := $timed_out or $late;
    $fault := $late ? "States.Timeout"
        : $batch.IsTerminated = true ? "Stopped"
        : $limited = true ? "JobStateTimeLimit"
        : $exists($job.ExitCode) ? "ContainerFailed"
        : $exists($children) ? "ArrayFailed"
        : $batch.Status = "FAILED" ? "TaskFailedToStart" : $fault;
    $cause := $exists($reasons) ? $join($reasons, ". ") : $cause;
""")
"""Batch's description of a job that failed, after `FAILURE`: its end in one sentence.

The description holds all variables of the job, so it may be cut; then the exit code alone is read.
Only a quotation mark that no backslash escapes belongs to the description itself.
"""

MACHINE_FAILURE = statements(r"""
    $launching := $fault = "Ec2.Ec2Exception";
    $code := $fault = "ContainerFailed"
        ? $match($cause, /^Exit code ([0-9]{1,3}) on /)[0].groups[0];
    $job := $exists($code) ? {"ExitCode": $number($code)} : {};
    $timed_out := $fault = "States.Timeout" or $ours;
    $lost := $fault = "States.HeartbeatTimeout";
    $fault := $ours ? "States.Timeout" : $lost ? "MachineLost"
        : $not($launching) ? $fault
        : $contains($cause, /[Cc]apacity|requested Availability Zone|[Ss]pot ?[Ii]nstance ?[Cc]/)
            ? "InsufficientCapacity"
        : $contains($cause, /[Rr]equest ?[Ll]imit ?[Ee]xceeded/) ? "RequestLimitExceeded"
        : $contains($cause, /Invalid IAM Instance Profile/) ? "InstanceProfileNotReady"
        : "LaunchFailed";
    $cause := $lost ? "The machine gave no sign of life"
        : $ours ? "The run has too little time left for a machine" : $cause;
    $ours := false;
""")
"""What a machine reported, or why there was none, after `FAILURE`.

EC2's errors all have one name in Step Functions; which it was stands in their text
(EC2 API Reference, error codes).
"""

OVERRIDDEN_VARIABLES = statements("""
    $overridden := $merge($each($run.overrides.environment, function($value, $name) {
        {$name: $string($value)}
    }));
""")
"""The variables of a run's `environment`, as texts; nothing when it has none."""

NAMES_OF_FAILURE = statements("""
    $cause := $ours ? $split($cause, "D3137: ")[-1] : $cause;
    $named := $substring($ours ? "ContainerFailed" : $fault, 0, 200);
    $telling := $filter($reasons, function($reason) { $contains($reason, /^[A-Za-z]+: /) });
    $names := [$named, $task.StopCode[$type($) = "string"],
        $map($telling, function($reason) { $substringBefore($reason, ":") })];
""")
"""What rules may call a failure: the error, for containers also ECS's stop code and the names in
its reasons, as ``OutOfMemoryError`` in "OutOfMemoryError: Container killed …"."""

FAILED_CONDITIONS = statements(r"""
    $found := $match($states.errorOutput.Cause, /\[([A-Za-z, ]+)\]/)[0].groups[0];
    $failed := ($exists($found) ? $split($found, ", ") : []).($ = "ConditionalCheckFailed");
""")
"""Which items of a canceled transaction refused it: `$failed`, one truth an item.

DynamoDB lists one code an item, in their order: ``[ConditionalCheckFailed, None]``.
"""

OVERRIDES = statements("""
    $asked := $run.overrides;
    $environment := $each($asked.environment, function($value, $name) {
        {"Name": $name, "Value": $string($value)}
    });
""")
"""What a run asks to be otherwise, after which its container's own variables come."""

ITEM_RESULTS = statements("""
    $results := $states.result;
    $succeeded := $count($results[$ = $success]);
    $failed := $sort([
        $results[$type($) = "number" and $ != $success],
        $results[$type($) = "object" and $type($.Input) = "string"].($parse(Input).index)
    ]);
""")
"""The results of a fan-out's children: how many have `$succeeded`, and the indexes that `$failed`.

A child that could not even say its index (it ended in a way that nothing catches) is its own
description, whose input holds the index (Step Functions, ResultWriter, transformation NONE).
"""

RANGES = statements("""
    $written := function($done) {
        $done.from < 0 ? "" : $done.text & ($done.text = "" ? "" : ",") & $string($done.from)
            & ($done.to > $done.from ? "-" & $string($done.to) : "")
    };
    $written($reduce($failed, function($done, $index) {
        $index = $done.to + 1
            ? {"text": $done.text, "from": $done.from, "to": $index}
            : {"text": $written($done), "from": $index, "to": $index}
    }, {"text": "", "from": -1, "to": -2}))
""")
"""`$failed`, a sorted list of indexes, as the text ``1,3-5,7``."""
