"""From a fresh interpreter to a handler that has its client: what a cold start computes.

Each start is a process of its own. Its CPU time counts, which for imports on an idle machine is
the time that passes; Lambda's own part (fetching the package, starting the sandbox) is the same for
all of them and not in it.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

from bench import environment
from bench.measure import Comparison, in_turns

ROOT = Path(__file__).parent.parent

FIRST_CLIENT = """
from provisioner.entrypoints.job_stream import handler
from provisioner.aws.clients import client
client("dynamodb")
"""
NAIVE = "from bench.naive import handler"
NAIVE_LEAN = "from bench.naive_lean import handler"

STARTS = 2
"""A run's starts, of which the faster counts: what disturbs a process only ever adds to it."""


def compare() -> list[Comparison]:
    ours, naive, lean = in_turns(
        *(
            lambda program=program: min(start(program) for _ in range(STARTS))
            for program in (FIRST_CLIENT, NAIVE, NAIVE_LEAN)
        )
    )
    name = "cold start, first client ready"
    counts = {"starts": STARTS}
    return [
        Comparison(name, "naive, all imports", ours, naive, aim=0.45, counts=counts),
        Comparison(name, "naive, lean", ours, lean, counts=counts),
    ]


def start(program: str) -> float:
    """Return the CPU seconds of a fresh interpreter that runs `program` and ends at once."""
    before = _children_seconds()
    subprocess.run(
        [sys.executable, "-c", f"{program}\nimport os; os._exit(0)"],
        check=True,
        cwd=ROOT,
        env=environment.for_process(),
    )
    return _children_seconds() - before


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
