"""The daily check through the real function: what it costs for so many jobs, all of them well.

``python -m bench.daily_check`` prints a table; started with a number of jobs, in a function's
environment, it measures itself and prints JSON on its last line.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections import Counter
from typing import Any

from bench import aws, cold_start, environment
from bench.measure import cpu_seconds
from bench.reconcile import Context
from provisioner.entrypoints import sweep, wiring

SIZES = (2_000, 10_000, 100_000)
CALLS = ("Scan", "DescribeStacks", "SendMessageBatch")
HEADER = "{:>8}  {:>10}  {:>12}  {:>10}  " + "  ".join(["{:>16}"] * len(CALLS))


def main() -> None:
    print(HEADER.format("jobs", "CPU in s", "ms a job", "peak MiB", *CALLS))
    with aws.running() as url:
        for size in SIZES:
            aws.fill(url, size)
            found = measured(url, size)
            print(
                HEADER.format(
                    f"{size:,}",
                    f"{found['cpu_seconds']:.1f}",
                    f"{found['cpu_seconds'] / size * 1000:.3f}",
                    f"{found['peak_mib']:.0f}",
                    *(f"{found['calls'][call]:,}" for call in CALLS),
                )
            )


def measured(url: str, size: int) -> dict[str, Any]:
    """Run the check in a process of its own: the peak of its memory is its own then."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.daily_check", str(size)],
        check=True,
        cwd=cold_start.ROOT,
        env=environment.for_process({"AWS_ENDPOINT_URL": url}),
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure() -> dict[str, Any]:
    calls: Counter[str] = Counter()

    def note(model: Any, **_: object) -> None:
        calls[model.name] += 1

    made = wiring.runtime().clients
    for own in (made.dynamodb, made.sqs, made.cloudformation_patient):
        own.meta.events.register_first("before-call", note)
    seconds = cpu_seconds(lambda: sweep.handler({"compare": True}, Context()))
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"cpu_seconds": seconds, "peak_mib": peak_kib / 1024, "calls": calls}


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure()))
    else:
        main()
