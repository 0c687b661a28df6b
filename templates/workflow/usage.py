"""What a run's row says of its use: what each attempt has, and how long all of them took.

`provisioner.runs.usage` reads it when the run has ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from templates.workflow.dynamodb import string
from templates.workflow.expressions import ENTERED_MILLIS
from templates.workflow.jsonata import variable

if TYPE_CHECKING:
    from provisioner.jobs import Job
    from templates.workflow.jsonata import Expression, Value

_WORKED, _ATTEMPT = variable("worked"), variable("attempt_start")

_TIMED = ("lambda", "ecs", "ec2")
"""Types whose work begins with their state; what waits in a queue of Batch costs nothing so far."""

BEFORE: dict[str, Value] = {"worked": 0, "attempt_start": 0}
"""Variables of a run that has not begun to work."""

ATTEMPT: dict[str, Value] = {"attempt_start": ENTERED_MILLIS}
"""Variables of an attempt that has ended, as its own state assigns them."""

AGAIN: dict[str, Value] = {"worked": _WORKED + (ENTERED_MILLIS - _ATTEMPT)}
"""Variables of the state that follows an attempt and leads to another one."""


def worked_ms(ended: Expression) -> Expression:
    """Return how long all attempts took that ended up to then, in milliseconds."""
    return _WORKED + (ended - _ATTEMPT)


def size_of_attempt(job: Job) -> dict[str, Value]:
    """Return what each attempt of a job has, as a map of DynamoDB: only what its type has.

    Of several types of instances nobody knows beforehand which one a run gets: then none is named.
    """
    cpu = getattr(job, "cpu", None)
    numbers = {
        "vcpu": cpu / 1024 if cpu else None,
        "memory_mb": getattr(job, "memory_mb", None),
        "storage_mb": getattr(job, "ephemeral_storage_mb", None),
        "disk_gb": getattr(job, "disk_gb", None),
    }
    named = getattr(job, "instance_type", ())
    types = (named,) if isinstance(named, str) else tuple(named)
    flags = {
        "untimed": job.fan_out is not None or job.type not in _TIMED,
        "result": bool(getattr(job, "result", False)),
        "spot": getattr(job, "spot", "never") != "never",
    }
    return {
        "M": {
            "architecture": string(job.architecture),
            **{name: {"N": f"{value:g}"} for name, value in numbers.items() if value},
            **({"instance_type": string(types[0])} if len(types) == 1 else {}),
            **{name: {"BOOL": value} for name, value in flags.items() if value},
        }
    }
