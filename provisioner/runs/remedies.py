"""What to do about a run that has failed, where its error tells. Pure.

docs/concepts/runs.md has the same table.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Remedy(NamedTuple):
    """What a person can do about a run.

    Attributes
    ----------
    errors
        The errors of runs that it is for.
    in_cause
        Names and words in the cause of any run that it is for as well.
    """

    errors: tuple[str, ...]
    in_cause: tuple[str, ...]
    said: str


REMEDIES = (
    Remedy(
        (),
        ("explicit deny in a permissions boundary",),
        "Jobs may not reach what it calls: ask the platform team to open that to jobs.",
    ),
    Remedy(
        ("AccessDenied", "AccessDeniedException"),
        ("AccessDenied", "AccessDeniedException", "is not authorized to perform"),
        'The job\'s role lacks a permission, which the cause names: add it to "permissions".',
    ),
    Remedy(
        ("OutOfMemoryError",),
        ("OutOfMemoryError", "Exit code 137", "signal: killed"),
        'It needed more memory than it has: raise "memory_mb", or let it hold less at once.',
    ),
    Remedy(
        ("CannotPullContainerError",),
        ("CannotPullContainerError",),
        'Check that "image" exists, also for "architecture", and that its registry is reachable.',
    ),
    Remedy(
        ("CannotStartContainerError",),
        ("CannotStartContainerError",),
        'Check "command" and the image\'s entry point: the cause says what is wrong.',
    ),
    Remedy(
        ("ResourceInitializationError",),
        ("ResourceInitializationError",),
        "Check that the row's \"secrets\" exist, and that the job's subnets reach them.",
    ),
    Remedy(
        ("Runtime.ImportModuleError", "Runtime.HandlerNotFound", "Runtime.InvalidEntrypoint"),
        ("Runtime.ImportModuleError", "Runtime.HandlerNotFound", "Runtime.InvalidEntrypoint"),
        'Check "handler", and that the code has its modules, for "runtime" and "architecture".',
    ),
    Remedy(
        ("Sandbox.Timedout", "States.Timeout"),
        (),
        'Its log says what took long. If the work needs the time, raise "timeout_seconds".',
    ),
    Remedy(
        ("InsufficientCapacity",),
        (),
        "AWS had no capacity: run it later, or allow it other subnets, sizes, or on demand.",
    ),
    Remedy(
        ("SpotInterruption",),
        (),
        'Run it again. With "retries" it starts again by itself, with "spot: prefer" on demand.',
    ),
    Remedy(
        ("RoleNotReady", "InstanceProfileNotReady", "RequestLimitExceeded", "Busy"),
        (),
        "This passes by itself: run it again.",
    ),
    Remedy(
        ("MachineLost",),
        (),
        'Check that nobody ended the machine, that its "ami" boots, and the key of its disk.',
    ),
    Remedy(
        ("LaunchFailed",),
        (),
        "EC2 refused the machine: change what the cause names in the row, or raise the quota.",
    ),
    Remedy(
        ("JobStateTimeLimit",),
        (),
        'It asks for more than there can be: lower "cpu", "memory_mb" or "gpus".',
    ),
    Remedy(
        ("InvalidInput",),
        (),
        "Run it with another payload: the cause says what is wrong with this one.",
    ),
    Remedy(("InputLost",), (), "Its input was not kept: run the job with the input again."),
    Remedy(
        ("FanOutFailed",),
        (),
        'See the items that failed. If some may, raise "tolerated_failure_percent" of "fan_out".',
    ),
    Remedy(
        ("States.ItemReaderFailed",),
        (),
        'Check that the source of its items exists, and has the form that "fan_out" expects.',
    ),
    Remedy(
        ("States.DataLimitExceeded",),
        (),
        "Return less than 256 KiB: write the result to S3, and return where it is.",
    ),
    Remedy(
        ("Overlap",),
        (),
        'Another run had not ended. Let runs wait, or run beside each other, by "overlap".',
    ),
    Remedy(("Missed",), (), "Start the run of this scheduled time by a backfill."),
    Remedy(("Paused",), (), "Fix what made the runs before fail, then resume the schedule."),
)


def what_to_do(error: object, cause: object) -> str | None:
    """Return what to do about a run, None where its `error` and `cause` do not tell."""
    text = cause if isinstance(cause, str) else ""
    for remedy in REMEDIES:
        if error in remedy.errors or any(_has(text, each) for each in remedy.in_cause):
            return remedy.said
    return None


def _has(cause: str, words: str) -> bool:
    return re.search(rf"(?<![\w.]){re.escape(words)}\b", cause) is not None
