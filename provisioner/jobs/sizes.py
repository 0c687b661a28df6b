"""Memory, CPU and disk: what Lambda and Fargate can be asked for."""

from __future__ import annotations

import json
import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from provisioner.jobs.errors import invalid, shown
from provisioner.jobs.values import number_in, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

lambda_memory_mb = whole(128, 10_240, "MB")
"""Lambda quotas, function memory allocation; more needs Lambda Managed Instances."""

lambda_storage_mb = whole(512, 10_240, "MB")
"""Lambda quotas, /tmp directory storage."""

FARGATE_MEMORY_MB: Mapping[int, tuple[int, ...]] = MappingProxyType(
    {
        256: (512, 1024, 2048),
        512: tuple(range(1024, 4096 + 1, 1024)),
        1024: tuple(range(2048, 8192 + 1, 1024)),
        2048: tuple(range(4096, 16384 + 1, 1024)),
        4096: tuple(range(8192, 30720 + 1, 1024)),
        8192: tuple(range(16384, 61440 + 1, 4096)),
        16384: tuple(range(32768, 122880 + 1, 8192)),
        32768: (61440, 122880, 249856),
    }
)
"""Legal memory of each Fargate CPU size, in CPU units (ECS Developer Guide, Task size)."""

MAX_TASK_DEFINITION_BYTES = 60_000
"""Of the 64 KB that ECS allows a task definition; the rest of it is ours."""

MAX_JOB_DEFINITION_BYTES = 20_000
"""Of the 24 KiB that Batch allows a job definition (AWS Batch quotas); the rest of it is ours."""

_CPU = re.compile(r"([0-9]{0,6}(?:\.[0-9]{1,6})?)(?:\s*(vcpus?))?", re.IGNORECASE)
_LARGEST_VCPU = max(FARGATE_MEMORY_MB) // 1024
_whole_memory = whole(1, 1_000_000, "MB")
_whole_storage = whole(1, 1_000_000, "MB")


def fargate_cpu(value: object) -> int:
    """Return CPU units for a size given in units or in vCPUs.

    ``512``, ``0.5``, ``".5 vCPU"`` are the same size: a number up to 32, or one with the unit
    spelled out, is in vCPUs, since the smallest task has 256 units.
    """
    text = str(value) if number_in(value) is not None else value
    found = _CPU.fullmatch(text.strip()) if isinstance(text, str) else None
    if found and found[1]:
        number = float(found[1])
        units = number * 1024 if found[2] or number <= _LARGEST_VCPU else number
        if units in FARGATE_MEMORY_MB:
            return int(units)
    raise invalid(
        f"must be one of {_listed(tuple(FARGATE_MEMORY_MB))} CPU units (1024 are one vCPU), "
        f"not {shown(value)}"
    )


def fargate_memory_mb(value: object) -> int:
    """Check that some Fargate size has this memory."""
    memory_mb = _whole_memory(value)
    if not any(memory_mb in sizes for sizes in FARGATE_MEMORY_MB.values()):
        sizes = sorted({size for legal in FARGATE_MEMORY_MB.values() for size in legal})
        nearest = min(sizes, key=lambda size: abs(size - memory_mb))
        raise invalid(f"is not a Fargate size: {memory_mb} MB; the nearest is {nearest}")
    return memory_mb


def fargate_pair(cpu: int, memory_mb: int) -> None:
    """Check that Fargate offers this memory with this CPU; both exist by themselves."""
    legal = FARGATE_MEMORY_MB[cpu]
    if memory_mb not in legal:
        with_cpu = [units for units, sizes in FARGATE_MEMORY_MB.items() if memory_mb in sizes]
        raise invalid(
            f"Fargate has no task of {cpu} CPU units and {memory_mb} MB: with cpu {cpu}, "
            f"memory_mb may be {_listed(legal)}; with memory_mb {memory_mb}, cpu may be "
            f"{_listed(tuple(with_cpu))}"
        )


def fargate_storage_mb(value: object) -> int:
    """Check a Fargate task's disk: 21 to 200 GiB (AWS::ECS::TaskDefinition EphemeralStorage)."""
    storage_mb = _whole_storage(value)
    if storage_mb == 20 * 1024:
        raise invalid("must be left out for Fargate's usual 20 GiB; more is 21504 to 204800 (MB)")
    if not 21 * 1024 <= storage_mb <= 200 * 1024:
        raise invalid(f"must be from 21504 to 204800 (MB; 21 to 200 GiB), not {storage_mb}")
    if storage_mb % 1024:
        lower = storage_mb // 1024 * 1024
        raise invalid(
            f"must be whole GiB, a multiple of 1024: {lower} or {lower + 1024}, not {storage_mb}"
        )
    return storage_mb


def task_definition(
    command: tuple[str, ...], environment: Mapping[str, str], secrets: Mapping[str, str]
) -> None:
    """Check that a container's own texts fit into its task definition, as JSON in ASCII."""
    _within((command, environment, secrets), MAX_TASK_DEFINITION_BYTES, "ECS")


def job_definition(
    command: tuple[str, ...], environment: Mapping[str, str], secrets: Mapping[str, str]
) -> None:
    """Check that a container's own texts fit into its job definition, as JSON in ASCII."""
    _within((command, environment, secrets), MAX_JOB_DEFINITION_BYTES, "Batch")


def _within(
    texts: tuple[tuple[str, ...], Mapping[str, str], Mapping[str, str]], limit: int, service: str
) -> None:
    command, environment, secrets = texts
    definition = {
        "command": command,
        "environment": [{"name": name, "value": text} for name, text in environment.items()],
        "secrets": [{"name": name, "valueFrom": arn} for name, arn in secrets.items()],
    }
    size = len(json.dumps(definition, separators=(",", ":")))
    if size > limit:
        raise invalid(
            f"makes {size} bytes together with the other texts of the container (command, "
            f"environment, secrets); {service} takes {limit}"
        )


def _listed(sizes: tuple[int, ...]) -> str:
    if len(sizes) < 5 or len(sizes) == len(FARGATE_MEMORY_MB):
        return ", ".join(map(str, sizes))
    return f"{sizes[0]} to {sizes[-1]} in steps of {sizes[1] - sizes[0]}"
