"""`deploy`: what decides whether a new deployment of a job stays."""

from __future__ import annotations

from dataclasses import dataclass

from provisioner.jobs.errors import InvalidValueError, invalid, shown
from provisioner.jobs.values import Check, flag, keyed, whole

MAX_CANARY_RUNS = 100


@dataclass(frozen=True, slots=True)
class Canary:
    """The first runs of a new deployment.

    Attributes
    ----------
    runs
        How many of them decide.
    rollback_on_failure
        Whether the first of them that fails rolls the job back.
    """

    runs: int = 3
    rollback_on_failure: bool = True


@dataclass(frozen=True, slots=True)
class Deploy:
    """How new deployments are judged; `canary` is None when none is."""

    canary: Canary | None = None


def deploy_options(value: object) -> Deploy:
    """Check what a row says of its deployments."""
    return Deploy(**keyed(value, _CHECKS, "deploy"))  # type: ignore[arg-type]  # checked one by one


def _canary(value: object) -> Canary | None:
    if isinstance(value, dict):
        return Canary(**keyed(value, _CANARY, "a canary"))  # type: ignore[arg-type]  # checked one by one
    try:
        return Canary() if flag(value) else None
    except InvalidValueError as error:
        keys = ", ".join(_CANARY)
        raise invalid(f"must be true, false or a map with {keys}, not {shown(value)}") from error


_CANARY: dict[str, Check[object]] = {
    "runs": whole(1, MAX_CANARY_RUNS),
    "rollback_on_failure": flag,
}
_CHECKS: dict[str, Check[object]] = {"canary": _canary}
