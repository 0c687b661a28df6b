"""Every list, page and search of the API and the console with many jobs and runs on the engine.

``python -m bench.lists`` brings an engine up, fills its tables (`bench.seed`), prints a table and
takes the engine down; with ``--here`` it asks the one that the environment names. A line is above
the aim when its 95th percentile is, or its requests to DynamoDB are; `others` are requests to other
services. Nothing is kept from one round to the next, as if each were the first view of a process.
`CPU ms` is this process's own time; `ratio` compares the median with one query of as many items by
the SDK alone, made in turns.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bench import seed
from bench.engine import engine
from bench.faces import Faces
from provisioner.aws.stack_items import BY_NAME
from provisioner.runs.keys import BY_TIME
from tests.support.engine import EngineUnderTest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROUNDS = 40
AIM_MS, AIM_READS = 300, 3
ROW = "{:<46} {:>9} {:>7} {:>6} {:>6} {:>6} {:>6}  {}"


@dataclass(frozen=True)
class Asked:
    """What is measured: an address, and the raw query of as many items that it is compared with."""

    name: str
    address: str
    raw: Callable[[], object]


def queries(faces: Faces) -> dict[str, Callable[[], object]]:
    """Return a query with the SDK alone for each kind of list."""
    client, settings = faces.runtime.clients.dynamodb, faces.runtime.settings
    job = {"S": f"{seed.OWNERS[0]}-job-0000"}

    def query(table: str, key: str, value: dict[str, str], **more: Any) -> Callable[[], object]:
        return lambda: client.query(
            TableName=table,
            KeyConditionExpression=f"{key} = :value",
            ExpressionAttributeValues={":value": value},
            ScanIndexForward=False,
            **({"Limit": 50} | more),
        )

    jobs = {"table": settings.stacks_table, "key": "listed", "value": {"S": "jobs"}}
    runs = {"table": settings.platform.triggers_table, "key": "run_shard", "value": {"N": "0"}}
    return {
        "jobs": query(**jobs, IndexName=BY_NAME),
        "100 jobs": query(**jobs, IndexName=BY_NAME, Limit=100),
        "runs": query(**runs, IndexName=BY_TIME),
        "of a job": query(settings.platform.triggers_table, "job_name", job),
        "an item": lambda: client.get_item(TableName=settings.jobs_table, Key={"job_name": job}),
    }


def addresses(faces: Faces) -> Iterator[tuple[str, str, str]]:
    """Yield what is measured, its address, and the query that it is compared with."""
    yield from of_api(faces)
    yield from of_console(faces)


def of_api(faces: Faces) -> Iterator[tuple[str, str, str]]:
    """Yield the lists of the API."""
    jobs, runs = faces("/v1/jobs?limit=50").body, faces("/v1/runs?limit=50").body
    job, run = _job_and_run(faces)
    run_path = f"/v1/jobs/{job}/runs/{run.partition('#')[2]}"
    day = quote((datetime.now(UTC) - timedelta(days=1)).isoformat())
    yield "API: jobs", "/v1/jobs?limit=50", "jobs"
    yield "API: jobs, 100 a page", "/v1/jobs?limit=100", "100 jobs"
    yield "API: jobs, the next page", f"/v1/jobs?limit=50&cursor={quote(jobs['next'])}", "jobs"
    yield "API: jobs by prefix", "/v1/jobs?limit=50&prefix=web-job-00", "jobs"
    yield "API: jobs by status", "/v1/jobs?limit=50&status=FAILED", "jobs"
    yield "API: jobs by type", "/v1/jobs?limit=50&type=lambda", "jobs"
    yield "API: jobs by owner", "/v1/jobs?limit=50&owner=web", "jobs"
    yield "API: jobs by tag", f"/v1/jobs?limit=50&tag={quote('tier=2')}", "jobs"
    yield "API: jobs by schedule", "/v1/jobs?limit=50&schedule=paused", "jobs"
    yield "API: a job", f"/v1/jobs/{job}", "an item"
    yield "API: a row", f"/v1/rows/{job}", "an item"
    yield "API: a schedule", f"/v1/jobs/{job}/schedule", "of a job"
    yield "API: versions of a row", f"/v1/jobs/{job}/versions", "of a job"
    yield "API: a version", f"/v1/jobs/{job}/versions/3", "an item"
    yield "API: deployments", f"/v1/jobs/{job}/deployments", "an item"
    yield "API: builds", f"/v1/jobs/{job}/builds", "an item"
    yield "API: runs", "/v1/runs?limit=50", "runs"
    yield "API: runs, the next page", f"/v1/runs?limit=50&cursor={quote(runs['next'])}", "runs"
    yield "API: runs of a day that failed", f"/v1/runs?limit=50&status=FAILED&since={day}", "runs"
    yield "API: runs by who started them", f"/v1/runs?limit=50&started_by=ada&since={day}", "runs"
    yield "API: runs by tag", f"/v1/runs?limit=50&tag={quote('tier=2')}", "runs"
    yield "API: runs of a job", f"/v1/jobs/{job}/runs?limit=50", "of a job"
    yield "API: a run", run_path, "an item"
    yield "API: a log", f"{run_path}/log", "an item"
    yield "API: bulk actions", "/v1/bulk", "an item"
    yield "API: audit", "/v1/audit?limit=50", "of a job"
    yield "API: audit of a job", f"/v1/jobs/{job}/audit?limit=50", "of a job"
    yield "API: dead-letter messages", "/v1/dead-letters", "an item"


def of_console(faces: Faces) -> Iterator[tuple[str, str, str]]:
    """Yield the pages of the console."""
    job, run = _job_and_run(faces)
    run_page = f"/jobs/{job}/runs/{run.partition('#')[2]}"
    at = f"?at={quote(run.partition('#')[0])}"
    yesterday = datetime.now(UTC) - timedelta(days=1)
    day, hour_later = (
        quote(f"{each:%Y-%m-%dT%H:%MZ}") for each in (yesterday, yesterday + timedelta(hours=1))
    )
    yield "Console: overview", "/", "runs"
    yield "Console: overview, how the jobs are", "/overview/jobs", "jobs"
    yield "Console: jobs", "/jobs", "jobs"
    yield "Console: jobs by prefix", "/jobs?prefix=web-job-00", "jobs"
    yield "Console: jobs by status", "/jobs?status=FAILED", "jobs"
    yield "Console: jobs by type", "/jobs?type=lambda", "jobs"
    yield "Console: jobs by schedule", "/jobs?schedule=paused", "jobs"
    yield "Console: jobs in order of status", "/jobs?sort=status", "jobs"
    yield "Console: jobs in order of next run", "/jobs?sort=next%20run", "jobs"
    yield "Console: jobs in order of last run", "/jobs?sort=last%20run", "jobs"
    yield "Console: jobs that are late", "/jobs?late=1", "jobs"
    yield "Console: names for the palette", "/palette?q=web-job-00", "jobs"
    yield "Console: a job", f"/jobs/{job}", "an item"
    yield "Console: a job, cost and dependencies", f"/jobs/{job}/more", "an item"
    yield "Console: versions of a row", f"/jobs/{job}/versions", "of a job"
    yield "Console: a version", f"/jobs/{job}/versions/3", "an item"
    yield "Console: runs", "/runs", "runs"
    yield "Console: runs that failed", "/runs?status=FAILED", "runs"
    yield "Console: runs of an hour", f"/runs?since={day}&until={hour_later}", "runs"
    yield "Console: runs by who started them", "/runs?started_by=ada", "runs"
    yield "Console: runs of a job", f"/runs?job={job}", "of a job"
    yield "Console: a run", f"{run_page}{at}", "an item"
    yield "Console: a log", f"{run_page}/log{at}", "an item"
    yield "Console: failures of 24 hours", "/failures", "runs"
    yield (
        "Console: runs again, many at once",
        "/bulk?action=run_again&status=FAILED&ended=1",
        "runs",
    )
    yield "Console: bulk actions", "/bulk-actions", "an item"
    yield "Console: audit", "/audit", "of a job"
    yield "Console: dead-letter messages", "/dead-letters", "an item"


def _job_and_run(faces: Faces) -> tuple[str, str]:
    job: str = faces("/v1/jobs?limit=1").body["jobs"][0]["job_name"]
    return job, faces(f"/v1/jobs/{job}/runs?limit=1").body["runs"][0]["trigger_id"]


def show(faces: Faces, rounds: int, only: str) -> bool:
    """Print every list with a text in its name; tell whether all are within the aim."""
    print(ROW.format("", "median ms", "95th ms", "CPU ms", "reads", "others", "ratio", ""))
    raw, good = queries(faces), True
    for name, address, kind in [each for each in addresses(faces) if only in each[0]]:
        within = _show(faces, Asked(name, address, raw[kind]), rounds)
        good = good and within
    return good


def _show(faces: Faces, asked: Asked, rounds: int) -> bool:
    """Ask for an address and make its raw query in turns; print what came of it."""
    looks, bare = [], []
    for _ in range(rounds + 1):  # the first one makes clients and connections
        faces.forget()
        looks.append(faces(asked.address))
        bare.append(_took_ms(asked.raw))
    assert all(look.status == 200 for look in looks), (asked.address, looks[0])
    took, first = [look.took_ms for look in looks[1:]], looks[0]
    late, ratio = quantiles(took, n=20)[-1], median(took) / median(bare[1:])
    within = late <= AIM_MS and first.reads <= AIM_READS
    said = "" if within else "above the aim"
    cpu = median(look.cpu_ms for look in looks[1:])
    times = f"{median(took):.0f}", f"{late:.0f}", f"{cpu:.0f}"
    print(
        ROW.format(asked.name, *times, first.reads, first.others, f"{ratio:.1f}", said), flush=True
    )
    return within


def _took_ms(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=seed.JOBS)
    parser.add_argument("--runs", type=int, default=seed.RUNS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", default="", help="lists with this text in their names")
    parser.add_argument("--here", action="store_true", help="as the tables are, of this engine")
    options = parser.parse_args()
    if options.here:
        faces = Faces(EngineUnderTest(dict(os.environ)))
        raise SystemExit(0 if show(faces, options.rounds, options.only) else 1)
    with engine() as under_test:
        os.environ |= under_test.environment
        began = time.monotonic()
        seed.seed(seed.here(), under_test, options.jobs, options.runs)
        print(
            f"{options.jobs} jobs and {options.runs} runs, written in "
            f"{time.monotonic() - began:.0f} s; aim: {AIM_MS} ms, {AIM_READS} reads"
        )
        good = show(Faces(under_test), options.rounds, options.only)
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
