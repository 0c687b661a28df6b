"""What one run of a container may have otherwise than its row, where the row allows it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from provisioner.jobs import artifacts, sizes
from provisioner.jobs.environment import container_environment
from provisioner.jobs.errors import InvalidValueError, invalid
from provisioner.jobs.payload import MAX_CONTAINER_BYTES
from provisioner.jobs.types import ContainerJob, FargateJob
from provisioner.jobs.values import Check, keyed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from provisioner.jobs.types import Job


def run_overrides(
    job: Job, wanted: Mapping[str, object], payload: Mapping[str, object]
) -> dict[str, object]:
    """Check what a run asks for, of `command`, `environment`, `cpu` and `memory_mb`.

    Returns it as it travels in the execution's input. `payload` is the rest of its input:
    ECS limits both together.

    Raises
    ------
    InvalidValueError
        With everything that is wrong, each by its key.
    """
    if not wanted:
        return {}
    if not isinstance(job, ContainerJob):
        raise invalid(f'only containers have something to override; this job is "{job.type}"')
    found = keyed(dict(wanted), _checks(job), "what a run may override")
    if isinstance(job, FargateJob) and ("cpu" in found or "memory_mb" in found):
        sizes.fargate_pair(
            sizes.fargate_cpu(found.get("cpu", job.cpu)),
            sizes.fargate_memory_mb(found.get("memory_mb", job.memory_mb)),
        )
    texts = {name: found[name] for name in ("command", "environment") if name in found}
    merged = json.dumps({**job.payload, **payload}, separators=(",", ":"), ensure_ascii=False)
    size = len(json.dumps([merged, texts], separators=(",", ":"), ensure_ascii=False))
    if texts and size > MAX_CONTAINER_BYTES:
        raise invalid(
            f"have {size} characters together with the payload; the most is {MAX_CONTAINER_BYTES}"
        )
    return found


def _checks(job: ContainerJob) -> dict[str, Check[object]]:
    def environment(value: object) -> dict[str, str]:
        variables = container_environment(value)
        secrets = [
            (f".{name}", "is a secret of the row") for name in variables if name in job.secrets
        ]
        if secrets:
            raise InvalidValueError(*secrets)
        return variables

    checks: dict[str, Check[object]] = {
        "command": _allowed(job, "command", lambda value: list(artifacts.command(value))),
        "environment": _allowed(job, "environment", environment),
    }
    if isinstance(job, FargateJob):
        checks["cpu"] = _allowed(job, "size", sizes.fargate_cpu)
        checks["memory_mb"] = _allowed(job, "size", sizes.fargate_memory_mb)
    return checks


def _allowed(job: ContainerJob, part: str, check: Callable[[object], object]) -> Check[object]:
    def allowed(value: object) -> object:
        if part not in job.allow_overrides:
            raise invalid(f'is not for a run to say: the row\'s allow_overrides lacks "{part}"')
        return check(value)

    return allowed
