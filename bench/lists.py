"""Every list, page and search of the API and the console with many jobs and runs on the engine.

``python -m bench.lists`` brings an engine up, fills its tables (`bench.seed`), prints a table and
takes the engine down; with ``--here`` it asks the one that the environment names. A line is above
the aim when its 95th percentile is, or its reads are.
"""

from __future__ import annotations

import argparse
import os
import time
from datetime import UTC, datetime, timedelta
from statistics import median, quantiles
from typing import TYPE_CHECKING
from urllib.parse import quote

from bench import seed
from bench.engine import engine
from bench.faces import Faces
from tests.support.engine import EngineUnderTest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 40
AIM_MS, AIM_READS = 300, 3
ROW = "{:<46} {:>9} {:>9} {:>6}  {}"


def addresses(faces: Faces) -> Iterator[tuple[str, str]]:
    """Yield what is measured, and its address."""
    jobs = faces("/v1/jobs?limit=50").body
    runs = faces("/v1/runs?limit=50").body
    job = jobs["jobs"][0]["job_name"]
    of_job = faces(f"/v1/jobs/{job}/runs?limit=50").body["runs"]
    run = of_job[0]["run"]
    day = quote((datetime.now(UTC) - timedelta(days=1)).isoformat())
    yield "API: jobs", "/v1/jobs?limit=50"
    yield "API: jobs, 100 a page", "/v1/jobs?limit=100"
    yield "API: jobs, the next page", f"/v1/jobs?limit=50&cursor={quote(jobs['next'])}"
    yield "API: jobs by prefix", "/v1/jobs?limit=50&prefix=web-job-00"
    yield "API: jobs by status", "/v1/jobs?limit=50&status=FAILED"
    yield "API: jobs by type", "/v1/jobs?limit=50&type=lambda"
    yield "API: jobs by owner", "/v1/jobs?limit=50&owner=web"
    yield "API: jobs by tag", f"/v1/jobs?limit=50&tag={quote('tier=2')}"
    yield "API: a job", f"/v1/jobs/{job}"
    yield "API: runs", "/v1/runs?limit=50"
    yield "API: runs, the next page", f"/v1/runs?limit=50&cursor={quote(runs['next'])}"
    yield "API: runs of a day that failed", f"/v1/runs?limit=50&status=FAILED&since={day}"
    yield "API: runs of a job", f"/v1/jobs/{job}/runs?limit=50"
    yield "API: a run", f"/v1/jobs/{job}/runs/{run}"
    yield "API: audit", "/v1/audit?limit=50"
    yield "Console: overview", "/"
    yield "Console: jobs", "/jobs"
    yield "Console: jobs by prefix", "/jobs?prefix=web-job-00"
    yield "Console: jobs by status", "/jobs?status=FAILED"
    yield "Console: jobs by type", "/jobs?type=lambda"
    yield "Console: jobs that are late", "/jobs?late=1"
    yield "Console: names for the palette", "/palette?q=web-job-00"
    yield "Console: a job", f"/jobs/{job}"
    yield "Console: runs", "/runs"
    yield "Console: runs that failed", "/runs?status=FAILED"
    yield "Console: runs of a job", f"/runs?job={job}"
    yield "Console: a run", f"/jobs/{job}/runs/{run}"
    yield "Console: failures of 24 hours", "/failures"
    yield "Console: audit", "/audit"


def show(faces: Faces, rounds: int) -> bool:
    """Print every list; tell whether all are within the aim."""
    print(ROW.format("", "median ms", "95th ms", "reads", ""))
    good = True
    for name, address in list(addresses(faces)):
        faces(address)
        looks = [faces(address) for _ in range(rounds)]
        assert all(look.status == 200 for look in looks), (address, looks[0])
        took, reads = [look.took_ms for look in looks], max(look.reads for look in looks)
        late = quantiles(took, n=20)[-1]
        within = late <= AIM_MS and reads <= AIM_READS
        good = good and within
        said = "" if within else "above the aim"
        print(ROW.format(name, f"{median(took):.0f}", f"{late:.0f}", reads, said), flush=True)
    return good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=seed.JOBS)
    parser.add_argument("--runs", type=int, default=seed.RUNS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--here", action="store_true", help="as the tables are, of this engine")
    options = parser.parse_args()
    if options.here:
        raise SystemExit(0 if show(Faces(EngineUnderTest(dict(os.environ))), options.rounds) else 1)
    with engine() as under_test:
        os.environ |= under_test.environment
        began = time.monotonic()
        seed.seed(seed.here(), under_test, options.jobs, options.runs)
        print(
            f"{options.jobs} jobs and {options.runs} runs, written in "
            f"{time.monotonic() - began:.0f} s; aim: {AIM_MS} ms, {AIM_READS} reads"
        )
        good = show(Faces(under_test), options.rounds)
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
