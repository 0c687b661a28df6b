"""Every list, page and search with many jobs and runs on the embedded engine, and what it reads.

``python -m bench.lists`` brings an engine up, fills its tables (`bench.seed`), prints a table and
takes the engine down. A line is above the aim when its 95th percentile is, or its requests are.
"""

from __future__ import annotations

import argparse
import os
import time
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

from bench import seed
from bench.engine import engine
from provisioner.runs.model import RunStatus
from provisioner.service import all_runs, jobs, run_detail, runs
from provisioner.stacks.model import JobStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from provisioner.service.context import Service

PAGE = 50
ROUNDS = 40
AIM_MS, AIM_REQUESTS = 300, 3
ROW = "{:<34} {:>9} {:>9} {:>9}  {}"


def lists(service: Service) -> dict[str, Callable[[], Any]]:
    """Return what is measured by its name."""
    first = jobs.page(service, PAGE)
    newest = all_runs.page(service, PAGE)
    name = first.jobs[0].job_name
    key = next(run["trigger_id"] for run in service.triggers.latest(name, 1))
    since = service.clock() - seed.timedelta(days=1)
    return {
        "jobs": lambda: jobs.page(service, PAGE),
        "jobs, 100 a page": lambda: jobs.page(service, 100),
        "jobs, the next page": lambda: jobs.page(service, PAGE, cursor=first.cursor),
        "jobs by prefix": lambda: jobs.page(service, PAGE, prefix="web-job-00"),
        "jobs by status": lambda: jobs.page(service, PAGE, status=JobStatus.FAILED),
        "jobs by type": lambda: jobs.page(service, PAGE, type="lambda"),
        "jobs by owner": lambda: jobs.page(service, PAGE, owner="web"),
        "jobs by tag": lambda: jobs.page(service, PAGE, tag="tier=2"),
        "runs of all jobs": lambda: all_runs.page(service, PAGE),
        "runs of all jobs, the next page": lambda: all_runs.page(
            service, PAGE, cursor=newest.cursor
        ),
        "runs of a day that failed": lambda: all_runs.page(
            service, PAGE, since=since, status=RunStatus.FAILED
        ),
        "runs of a job": lambda: runs.latest(service, name, PAGE),
        "a run": lambda: run_detail.detail(service, name, key),
    }


def measured(service: Service, look: Callable[[], Any], rounds: int) -> tuple[list[float], int]:
    """Return how many ms each look took, and the most requests of one."""
    asked: list[str] = []
    took: list[float] = []
    most = 0
    events = service.clients.dynamodb.meta.events
    events.register("before-call.*", lambda model, **_: asked.append(model.name), unique_id="asked")
    for _ in range(rounds):
        asked.clear()
        began = time.perf_counter()
        look()
        took.append((time.perf_counter() - began) * 1000)
        most = max(most, len(asked))
    events.unregister("before-call.*", unique_id="asked")
    return took, most


def show(service: Service, rounds: int) -> bool:
    """Print every list; tell whether all are within the aim."""
    print(ROW.format("list", "median ms", "95th ms", "requests", ""))
    good = True
    for name, look in lists(service).items():
        look()
        took, requests = measured(service, look, rounds)
        late = quantiles(took, n=20)[-1]
        within = late <= AIM_MS and requests <= AIM_REQUESTS
        good = good and within
        said = "" if within else "above the aim"
        print(ROW.format(name, f"{median(took):.0f}", f"{late:.0f}", requests, said), flush=True)
    return good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=seed.JOBS)
    parser.add_argument("--runs", type=int, default=seed.RUNS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    with engine() as under_test:
        os.environ |= under_test.environment
        service = seed.here()
        began = time.monotonic()
        seed.seed(service, under_test, options.jobs, options.runs)
        print(
            f"{options.jobs} jobs and {options.runs} runs, written in "
            f"{time.monotonic() - began:.0f} s; aim: {AIM_MS} ms, {AIM_REQUESTS} requests"
        )
        good = show(service, options.rounds)
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
