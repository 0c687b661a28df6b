"""What a run may have otherwise than its row, read from ``_run.overrides``.

The CLI checks what it sends; whoever starts an execution can send anything. So each member is held
to its form once more, as expressions that yield a value whatever they meet.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from provisioner.jobs import EcsJob
from provisioner.jobs.environment import CONTAINER_NAME, CONTAINER_RESERVED
from provisioner.jobs.sizes import FARGATE_MEMORY_MB

if TYPE_CHECKING:
    from provisioner.jobs import Job

RESULT_URI = "RESULT_URI"


def read(job: Job) -> str:
    """Return the statements that set `$overrides`, `$foreign` and `$odd`.

    The last two are members that the row does not allow, and the first that is not of its form;
    nothing when all is well.
    """
    members = _members(job)
    checks = [
        f'$exists($overrides.{name}) and $not({form}) ? ".{name}"' for name, form in members.items()
    ]
    odd = " : ".join(
        ['$exists($told.overrides) and $type($told.overrides) != "object" ? ""', *checks]
    )
    return f"""
        $overrides := $type($told.overrides) = "object" ? $present($told.overrides) : {{}};
        $foreign := $keys($overrides)[$not($ in {json.dumps(list(members))})];
        $odd := {odd};
    """


def _members(job: Job) -> dict[str, str]:
    """Return the members that a row allows, each with the test of its form."""
    if not isinstance(job, EcsJob):
        return {}
    allowed = {}
    if "command" in job.allow_overrides:
        allowed["command"] = _COMMAND
    if "environment" in job.allow_overrides:
        allowed["environment"] = _environment(job)
    if "size" in job.allow_overrides:
        allowed["cpu"] = allowed["memory_mb"] = _size(job)
    return allowed


_COMMAND = """
    $type($overrides.command) = "string" and $overrides.command != ""
        or $type($overrides.command) = "array" and $count($overrides.command) > 0
            and $count($filter($overrides.command, function($v) { $type($v) = "string" }))
                = $count($overrides.command)
"""


def _environment(job: EcsJob) -> str:
    taken = json.dumps(sorted({*CONTAINER_RESERVED, RESULT_URI, *job.secrets}))
    return f"""
        $type($overrides.environment) = "object"
            ? $not($exists($sift($overrides.environment, function($v, $k) {{
                $not($type($v) in ["string", "number", "boolean"]) or $k in {taken}
                    or $not($contains($k, /^{CONTAINER_NAME}$/))
            }})))
            : false
    """


def _size(job: EcsJob) -> str:
    """Return the test whether Fargate has such a task; either number may be the row's."""
    pairs = {str(cpu): memory for cpu, memory in FARGATE_MEMORY_MB.items()}
    cpu = f"($exists($overrides.cpu) ? $overrides.cpu : {job.cpu})"
    memory = f"($exists($overrides.memory_mb) ? $overrides.memory_mb : {job.memory_mb})"
    return f"""
        $type({cpu}) = "number" and {memory} in $lookup({json.dumps(pairs)}, $string({cpu}))
    """
