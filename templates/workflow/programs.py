"""Those parts of the workflow that are programs: JSONata as text, for want of a better language.

Each is a constant: what differs from job to job stands around it, as values (`jsonata.block`).
Every one is total, since a Pass state and an ``Assign`` of a ``Catch`` have nobody to catch what
they raise.
"""

from __future__ import annotations

from templates.workflow.jsonata import statements

INSUFFICIENT_CAPACITY = "InsufficientCapacity"
SPOT_INTERRUPTION = "SpotInterruption"

ROLE_NOT_READY = "RoleNotReady"
"""A role that is new is not known everywhere for some seconds (IAM User Guide, eventual
consistency). Stacks in express mode are complete before it is."""

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

DETAILS = statements("""
    $details := $sift($outcome, function($v, $k) { $k in $detail_names });
    $detail_sets := $join($map($keys($details), function($k) { ", " & $k & " = :" & $k }));
    $detail_values := $merge($each($details, function($v, $k) {
        {":" & $k: $type($v) = "number" ? {"N": $string($v)} : {"S": $v}}
    }));
""")
"""What `$outcome` says of the attributes in `$detail_names`, as DynamoDB updates them."""

FAILURE = statements("""
    $fault := $states.errorOutput.Error;
    $cause := $type($states.errorOutput.Cause) = "string" ? $states.errorOutput.Cause : "";
    $timed_out := $fault in ["States.Timeout", "States.HeartbeatTimeout", "Sandbox.Timedout"];
    $ours := $fault = "States.QueryEvaluationError" and $contains($cause, "D3137: ");
    $said := $ours ? $split($cause, "D3137: ")[-1] : "";
    $fault := $ours ? $substringBefore($said, ": ") : $fault;
    $cause := $ours ? $substringAfter($said, ": ") : $cause;
    $details := {};
""")
"""What a Catch gets to know of an attempt: `$fault`, `$cause`, `$timed_out`.

`$ours` is whether an expression of the workflow raised it by ``$error``, whose message is
``<name>: <cause>``: JSONata puts its code for that, D3137, before it. `$details` is what `outcome`
says of the attempt besides (`provisioner.runs.keys.DETAILS`).
"""

LAMBDA_FAILURE = statements(r"""
    $fault := $fault in ["Lambda.AccessDeniedException", "Lambda.InvalidParameterValueException"]
        and $contains($cause, "cannot be assumed by Lambda") ? "RoleNotReady" : $fault;
    $message := $match($cause,
        /"errorMessage"\s*:\s*"([^"\x5c\x00-\x1f]*(?:\x5c(?:["\x5c\x2fbfnrt]|u[0-9a-fA-F]{4})[^"\x5c\x00-\x1f]*)*)"/
    )[0].groups[0];
    $timed_out := $timed_out
        or $fault = "Lambda.Unknown" and $contains($cause, "Task timed out after ");
    $details := {"request_id": $match($cause,
        /(?:"requestId"\s*:\s*"|RequestId: |Z )([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/
    )[0].groups[0]};
    $cause := $exists($message) ? $parse("\"" & $message & "\"") : $cause;
""")
"""Lambda's report of an error, after `FAILURE`: its message alone, out of JSON that may be cut.

Which invocation it was stands there for runtimes that say so, and when it timed out or its process
ended.
"""

TOOK = statements("""
    $took := function($from, $to) {
        $type($from) = "number" and $type($to) = "number" ? $max([0, $to - $from])
    }
""")
"""The milliseconds between two times, nothing unless both are known."""

STOPPED_TASK = statements(f"""
    $job := $task.Containers[Name = "job"];
    $reasons := [
        $exists($job.ExitCode) ? "Exit code " & $string($job.ExitCode),
        $job.Reason,
        $task.StoppedReason
    ][$type($) = "string" and $ != ""];
    $code := $task.StopCode[$type($) = "string" and $ != "" and $ != "EssentialContainerExited"];
    $stopped := $code in ["SpotInterruption", "TerminationNotice"] ? "SpotInterruption"
        : $code = "UserInitiated" ? "Stopped" : $code;
    {TOOK.text};
    $details := {{
        "exit_code": $job.ExitCode,
        "log_stream": $exists($task.TaskArn) ? "job/job/" & $split($task.TaskArn, "/")[-1],
        "queued_ms": $took($task.CreatedAt, $task.PullStartedAt),
        "pull_ms": $took($task.PullStartedAt, $task.PullStoppedAt),
        "start_ms": $took($task.PullStoppedAt, $task.StartedAt),
        "run_ms": $took($task.StartedAt, $task.StoppedAt)
    }};
""")
"""What ECS's description of a stopped `$task` says: `$reasons` in its words, and `$details`.

`$stopped` is the name of what stopped it, nothing when its container ended by itself: a container
that ends tidily when it is told to has the exit code 0. Times are epoch milliseconds.
"""

CONTAINER_FAILURE = statements(f"""
    $whole := $substring($cause, 0, 1) = "{{" and $substring($cause, -1) = "}}";
    $task := $fault = "States.TaskFailed" and $whole ? $parse($cause) : {{}};
    {STOPPED_TASK.text};
    $cause := $exists($reasons) ? $join($reasons, ". ") : $cause;
    $starting := $fault in ["AmazonECS.Unknown", "ECS.AmazonECSException",
        "ECS.InvalidParameterException"] or $stopped = "TaskFailedToStart";
    $fault := $starting and $contains($cause, /[Cc]apacity (is unavailable|provider)/)
        ? "{INSUFFICIENT_CAPACITY}"
        : $exists($stopped) ? $stopped
        : $exists($job.ExitCode) ? "ContainerFailed" : $fault;
    $fault := $fault in ["TaskFailedToStart", "ECS.ClientException", "AmazonECS.Unknown"]
        and $contains($cause, "unable to assume the role") ? "{ROLE_NOT_READY}" : $fault;
""")
"""ECS's description of a stopped task, after `FAILURE`: its container's end in one sentence.

RunTask reports missing capacity within a successful response, from which Step Functions makes
AmazonECS.Unknown (Step Functions, connect-ecs). A new cluster has no capacity providers until the
sweep has associated it with them. "ECS was unable to assume the role" is what ECS says of a role
that is new.
"""

BATCH_JOB = statements(rf"""
    $reason := $string($batch.StatusReason);
    $interrupted := $contains($reason, "Your Spot Task was interrupted") = true;
    {TOOK.text};
    $is_array := $exists($batch.ArrayProperties);
    $timed := $exists($batch.JobId) and $not($is_array) and $type($worked) = "number";
    $ran := $batch.Attempts.($took(StartedAt, StoppedAt));
    $details := {{
        "exit_code": $job.ExitCode,
        "log_stream": $batch.Container.LogStreamName,
        "queued_ms": $took($batch.CreatedAt, $batch.StartedAt),
        "run_ms": $took($batch.StartedAt, $batch.StoppedAt),
        "work_ms": $timed ? $worked + $sum([0, $ran]),
        "batch_job_id": $is_array ? $batch.JobId
    }};
""")
"""What Batch's description of a `$batch` job that has ended says: `$interrupted`, by Spot, and
`$details`. `$job` holds its exit code. Times are epoch milliseconds.

Batch may have begun an attempt of ours several times (`templates.batch_job.START_ATTEMPTS`). Of an
array it says nothing of the children's times; they can be asked for by the array's id.
"""

BATCH_FAILURE = statements(rf"""
    $whole := $substring($cause, 0, 1) = "{{" and $substring($cause, -1) = "}}";
    $batch := $fault = "States.TaskFailed" and $whole ? $parse($cause) : {{}};
    $cut := $fault = "States.TaskFailed" and $not($whole)
        ? $match($cause, /[^\x5c]"ExitCode"\s*:\s*(\d+)/)[0].groups[0];
    $job := {{"ExitCode": $exists($cut) ? $number($cut) : $batch.Container.ExitCode}};
    {BATCH_JOB.text};
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
    $lacking := $contains($string($batch.StatusReason), "CAPACITY:");
    $timed_out := $timed_out or $late;
    $fault := $late ? "States.Timeout"
        : $batch.IsTerminated = true ? "Stopped"
        : $interrupted ? "{SPOT_INTERRUPTION}"
        : $limited = true ? ($lacking ? "{INSUFFICIENT_CAPACITY}" : "JobStateTimeLimit")
        : $exists($job.ExitCode) ? "ContainerFailed"
        : $exists($children) ? "ArrayFailed"
        : $batch.Status = "FAILED" ? "TaskFailedToStart" : $fault;
    $cause := $exists($reasons) ? $join($reasons, ". ") : $cause;
    $fault := $fault = "TaskFailedToStart" and $contains($cause, "unable to assume the role")
        ? "{ROLE_NOT_READY}" : $fault;
""")
"""Batch's description of a job that failed, after `FAILURE`: its end in one sentence.

The description holds all variables of the job, so it may be cut; then the exit code alone is read.
Only a quotation mark that no backslash escapes belongs to the description itself.
"""

MACHINE_FAILURE = statements(r"""
    $launching := $fault = "Ec2.Ec2Exception";
    $code := $fault = "ContainerFailed"
        ? $match($cause, /^Exit code ([0-9]{1,3}) on /)[0].groups[0];
    $details := {"exit_code": $exists($code) ? $number($code)};
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
    $named := $substring($fault, 0, 200);
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
    $times := $results[$type($) = "number" ? $ < 0 : false];
    $succeeded := $count($times);
    $failed := $sort([
        $results[$type($) = "number" ? $ >= 0 : false],
        $results[$type($) = "object" and $type($.Input) = "string"].($parse(Input).index)
    ]);
""")
"""The results of a fan-out's children: how many have `$succeeded`, and the indexes that `$failed`.

A child whose item succeeded returns how long that is billed, as a negative number (`$times`); one
whose item failed returns the item's index. A child that could not even say its index (it ended in a
way that nothing catches) is its own description, whose input holds the index (Step Functions,
ResultWriter, transformation NONE).
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
