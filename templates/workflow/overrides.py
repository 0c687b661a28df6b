"""What a run may have otherwise than its row, read from ``_run.overrides``.

The CLI checks what it sends; whoever starts an execution can send anything. So each member is held
to its form once more, as expressions that yield a value whatever they meet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.jobs import ContainerJob, FargateJob
from provisioner.jobs.environment import CONTAINER_NAME, CONTAINER_RESERVED
from provisioner.jobs.sizes import FARGATE_MEMORY_MB
from templates.workflow import programs
from templates.workflow.jsonata import (
    ELEMENT,
    Expression,
    assign,
    both,
    call,
    either,
    function,
    negated,
    regex,
    variable,
    when,
)

if TYPE_CHECKING:
    from provisioner.jobs import Job
    from templates.workflow.jsonata import Value

RESULT_URI = "RESULT_URI"

_ASKED = variable("options.overrides")


def checks(job: Job) -> tuple[Expression, Expression]:
    """Return the statements that set `$foreign` and `$odd`.

    They are members that the row does not allow, and the first that is not of its form; nothing
    when all is well.
    """
    members = _members(job)
    allowed: list[Value] = list(members)
    foreign = call("keys", variable("overrides")).where(negated(ELEMENT.within(allowed)))
    return assign("foreign", foreign), assign("odd", _odd(members))


def _odd(members: dict[str, Expression]) -> Expression:
    tests: list[tuple[Expression, str]] = [
        (both(call("exists", _ASKED), call("type", _ASKED).differs("object")), ""),
        *(
            (both(call("exists", _override(name)), negated(is_valid)), f".{name}")
            for name, is_valid in members.items()
        ),
    ]
    *others, (condition, last) = tests
    result = when(condition, last)
    for condition, name in reversed(others):
        result = when(condition, name, result)
    return result


def _override(name: str) -> Expression:
    return variable(f"overrides.{name}")


def _members(job: Job) -> dict[str, Expression]:
    """Return the members that a row allows, each with the test of its form."""
    if not isinstance(job, ContainerJob):
        return {}
    allowed = {}
    if "command" in job.allow_overrides:
        allowed["command"] = programs.COMMAND_IS_VALID
    if "environment" in job.allow_overrides:
        allowed["environment"] = _environment_is_valid(job)
    if isinstance(job, FargateJob) and "size" in job.allow_overrides:
        allowed["cpu"] = allowed["memory_mb"] = _size_is_valid(job)
    return allowed


def _environment_is_valid(job: ContainerJob) -> Expression:
    taken: list[Value] = [*sorted({*CONTAINER_RESERVED, RESULT_URI, *job.secrets})]
    environment, name, value = _override("environment"), variable("k"), variable("v")
    is_wrong = either(
        negated(call("type", value).within(["string", "number", "boolean"])),
        name.within(taken),
        negated(call("contains", name, regex(f"^{CONTAINER_NAME}$"))),
    )
    wrong = call("sift", environment, function(["v", "k"], is_wrong))
    is_object = call("type", environment).equals("object")
    return when(is_object, negated(call("exists", wrong)), False)  # noqa: FBT003  (JSONata's)


def _size_is_valid(job: FargateJob) -> Expression:
    """Return the test whether Fargate has such a task; either number may be the row's."""
    pairs: Value = {str(cpu): list(memory) for cpu, memory in FARGATE_MEMORY_MB.items()}
    cpu = _override_or("cpu", job.cpu)
    sizes = call("lookup", pairs, call("string", cpu))
    return both(
        call("type", cpu).equals("number"), _override_or("memory_mb", job.memory_mb).within(sizes)
    )


def _override_or(name: str, own: int) -> Expression:
    override = _override(name)
    return when(call("exists", override), override, own)
