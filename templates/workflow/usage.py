"""What a run's row says of its use: what each attempt has, and how long all of them took.

`provisioner.runs.usage` reads it when the run has ended. How long an attempt took is known from the
times at which the workflow's states were entered; of a job on Batch, which waits in a queue first,
from what Batch says of it (`programs.BATCH_JOB`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.runs.usage import LEAST_BILLED_SECONDS
from templates.workflow.dynamodb import number, string
from templates.workflow.expressions import ENTERED_MILLIS, outcome, run
from templates.workflow.jsonata import call, cases, variable

if TYPE_CHECKING:
    from provisioner.jobs import Job
    from templates.workflow.jsonata import Expression, Value

_WORKED, _ATTEMPT = variable("worked"), variable("attempt_start")
_REPORTED = outcome("work_ms")
_UNKNOWN = "unknown"

BEFORE: dict[str, Value] = {"worked": 0, "attempt_start": 0}
"""Variables of a run, or an item of it, that has not begun to work."""

ATTEMPT: dict[str, Value] = {"attempt_start": ENTERED_MILLIS}
"""Variables of an attempt that has ended, as its own state assigns them."""

LONGEST_OF_ITEM = 999_999
"""In units: hours of a function, days of a container. What takes longer counts as that."""


def is_reported(job: Job) -> bool:
    """Tell whether the service says how long its work took, as a part of `outcome`."""
    return job.type == "batch"


def again(job: Job, refusals: tuple[str, ...]) -> dict[str, Value]:
    """Return the variables of the state that follows an attempt and leads to another one.

    `refusals` are the errors of attempts that have not begun.
    """
    if not is_reported(job):
        return {"worked": worked_ms(ENTERED_MILLIS)}
    known = (call("exists", _REPORTED), _REPORTED)
    nothing = (outcome("error").within(list(refusals)), _WORKED)
    return {"worked": cases(known, nothing, otherwise=_UNKNOWN)}


def worked_ms(ended: Expression) -> Expression:
    """Return how long all attempts took that ended up to then, in milliseconds."""
    return _WORKED + (ended - _ATTEMPT)


def billed_of_item(job: Job, ended: Expression) -> Expression:
    """Return for how long an item is billed, in units of `item_unit_ms`: one at least."""
    took = call("max", [0, _REPORTED]) if is_reported(job) else worked_ms(ended)
    units = call("ceil", took / item_unit_ms(job))
    return call("min", [LONGEST_OF_ITEM, call("max", [_least_units(job), units])])


def item_unit_ms(job: Job) -> int:
    """Return the unit of an item's time: it has six digits, so that those of all items fit."""
    return 10 if job.type == "lambda" else 1000


def _least_units(job: Job) -> int:
    """Return what is billed at least: Fargate and EC2 take a minute for a start."""
    return 1 if job.type == "lambda" else LEAST_BILLED_SECONDS


def size_of_attempt(job: Job) -> dict[str, Value]:
    """Return what each attempt of a job has, as a map of DynamoDB: only what its type has.

    Of several types of instances nobody knows beforehand which one a run gets.
    """
    cpu = getattr(job, "cpu", None)
    numbers = {
        "vcpu": cpu / 1024 if cpu else None,
        "memory_mb": getattr(job, "memory_mb", None),
        "storage_mb": getattr(job, "ephemeral_storage_mb", None),
        "disk_gb": getattr(job, "disk_gb", None),
        "array_size": getattr(job, "array_size", None),
        "max_concurrency": job.fan_out.max_concurrency if job.fan_out else None,
        "retries": job.retries if job.fan_out else None,
    }
    flags = {
        "result": bool(getattr(job, "result", False)),
        "spot": getattr(job, "spot", "never") != "never",
    }
    return {
        "M": {
            "architecture": string(job.architecture),
            **{name: {"N": f"{value:g}"} for name, value in numbers.items() if value},
            **_machine_of(job),
            **_count_of_items(job),
            **{name: {"BOOL": value} for name, value in flags.items() if value},
        }
    }


def _machine_of(job: Job) -> dict[str, Value]:
    types = [string(each) for each in getattr(job, "instance_type", ())]
    if len(types) == 1:
        return {"instance_type": types[0]}
    return {"instance_types": {"L": types}} if types else {}


def _count_of_items(job: Job) -> dict[str, Value]:
    """Return how many items a run has, which it says itself only if it finishes them."""
    if job.fan_out is None or job.fan_out.source:
        return {}
    return {"items": number(call("count", call("lookup", run("payload"), job.fan_out.items)))}
