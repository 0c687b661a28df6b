"""Which job starts next: by its queue's priority, then for the share that has least, then in order.

AWS looks at what shares have used of late as well; here only what they use now counts.
"""

from __future__ import annotations

import contextvars
import functools
import logging
import threading
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.batch import attempts
from provisioner.local.shim.batch.records import (
    LOCK,
    STARTED,
    Job,
    change,
    end,
    queue_of,
    resources,
    single_jobs,
)
from provisioner.local.shim.patching import private, wrap
from provisioner.local.shim.serving import when_serving

if TYPE_CHECKING:
    from collections.abc import Callable

_BATCH = "ministack.services.batch"
_WAITING = frozenset({"SUBMITTED", "RUNNABLE"})
_log = logging.getLogger("batch")


def install() -> None:
    """Go on with jobs that waited when the engine ended."""
    wrap(_BATCH, "_restore_state", _and_go_on)


def start_what_fits() -> None:
    """Start the jobs for which there is room, in their order. Those that are not are RUNNABLE."""
    with LOCK:
        there = single_jobs()
        used, shares = _usage(there)
        waiting = [job for job in there if job["status"] in _WAITING]
        while waiting:
            job = min(waiting, key=functools.partial(_rank, shares))
            waiting.remove(job)
            environment = _room(job, used)
            if environment:
                _start(job, environment)
                used[environment] = used.get(environment, 0) + _vcpus(job)
                shares[_share(job)] = shares.get(_share(job), 0) + _vcpus(job)
            elif job["status"] != "RUNNABLE":
                change(job, "RUNNABLE")


def in_order(queue: str) -> list[Job]:
    """Return the jobs that wait in a queue, in the order in which they would start now."""
    there = single_jobs()
    _, shares = _usage(there)
    mine = [job for job in there if job["status"] == "RUNNABLE" and _name(job) == _last(queue)]
    return sorted(mine, key=functools.partial(_rank, shares))


def _name(job: Job) -> str:
    return _last(job["jobQueue"])


def _last(arn: str) -> str:
    return arn.rpartition("/")[2]


def _usage(there: list[Job]) -> tuple[dict[str, float], dict[str, float]]:
    """Return the vCPUs in use, by compute environment and by share."""
    used, shares = dict[str, float](), dict[str, float]()
    for job in there:
        if job["status"] in STARTED:
            environment = job["_environment"]
            used[environment] = used.get(environment, 0) + _vcpus(job)
            shares[_share(job)] = shares.get(_share(job), 0) + _vcpus(job)
    return used, shares


def _rank(shares: dict[str, float], job: Job) -> tuple[int, float, int]:
    return -int(queue_of(job)["priority"]), shares.get(_share(job), 0), job["createdAt"]


def _share(job: Job) -> str:
    return f"{job['jobQueue']}/{job['shareIdentifier']}"


def _vcpus(job: Job) -> float:
    return float(resources(job)["VCPU"])


def _room(job: Job, used: dict[str, float]) -> str | None:
    """Return the first environment of the job's queue that has room, None when none has."""
    for one in sorted(queue_of(job)["computeEnvironmentOrder"], key=lambda one: one["order"]):
        name = one["computeEnvironment"].rpartition("/")[2]
        limits = private(_BATCH, "_compute_envs")[name]["computeResources"]
        if used.get(name, 0) + _vcpus(job) <= float(limits["maxvCpus"]):
            return str(name)
    return None


def _start(job: Job, environment: str) -> None:
    job["_environment"] = environment
    change(job, "STARTING")
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(_attempt, job), daemon=True).start()


def _attempt(job: Job) -> None:
    try:
        attempts.run(job)
    except Exception as error:  # noqa: BLE001 - whatever it is, the job ends with it
        _log.exception("an attempt of %s could not be made", job["jobId"])
        end(job, "FAILED", f"{attempts.NOT_STARTED}: {error}")
    start_what_fits()


def _and_go_on(restore: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(restore)
    def restoring(data: object) -> None:
        restore(data)
        for account, region, _ in list(private(_BATCH, "_jobs")._data):  # noqa: SLF001
            when_serving(functools.partial(_go_on, account, region))

    return restoring


def _go_on(account: str, region: str) -> None:
    """Start again what ran: its containers went with the engine that they were started by."""
    with private("ministack.core.responses", "request_scope")(account, region):
        for job in single_jobs():
            if job["status"] in STARTED:
                job["status"] = "RUNNABLE"
        start_what_fits()
