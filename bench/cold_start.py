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
from provisioner.entrypoints import wiring
wiring.runtime().clients.dynamodb
"""
_FIRST_ANSWER = """
from types import SimpleNamespace
from provisioner.entrypoints import wiring
from provisioner.entrypoints.{face} import handler
wiring.runtime().clients.dynamodb
http = {{"method": "GET", "path": "{path}", "sourceIp": "127.0.0.1"}}
by = {{"iam": {{"userArn": "arn:aws:iam::123456789012:user/ada"}}}}
event = {{
    "routeKey": "GET {path}", "rawPath": "{path}", "rawQueryString": "",
    "headers": {{"host": "localhost"}},
    "requestContext": {{"http": http, "requestId": "1", "stage": "$default", "authorizer": by}},
}}
names = ("function_name", "memory_limit_in_mb", "invoked_function_arn", "aws_request_id")
answer = handler(event, SimpleNamespace(**dict.fromkeys(names, "{face}")))
assert answer["statusCode"] == 200, answer
"""
FIRST_ANSWER = _FIRST_ANSWER.format(face="api", path="/v1/problems")
FIRST_PAGE = _FIRST_ANSWER.format(face="console", path="/new")
NAIVE = "from bench.naive import handler"
NAIVE_LEAN = "from bench.naive_lean import handler"

LIBRARIES = "from bench.libraries import dynamodb"

AIM = 1.5
"""Of the libraries alone. They are more than half of the naive function, so no aim against that one
below their own share can be met."""

STARTS = 2
"""A run's starts, of which the faster counts: what disturbs a process only ever adds to it."""


def compare() -> list[Comparison]:
    ours, libraries, api, console, naive, outside, lean = in_turns(
        lambda: start(FIRST_CLIENT),
        lambda: start(LIBRARIES),
        lambda: start(FIRST_ANSWER),
        lambda: start(FIRST_PAGE),
        lambda: start(NAIVE),
        lambda: start(NAIVE, environment.OUTSIDE_LAMBDA),
        lambda: start(NAIVE_LEAN),
    )
    return [
        _comparison("the libraries alone", ours, libraries, aim=AIM),
        _comparison("naive, all imports", ours, naive),
        _comparison("the same outside Lambda", ours, outside),
        _comparison("naive, lean", ours, lean),
        _comparison("naive, all imports", libraries, naive, name="the libraries alone"),
        _comparison("naive, all imports", api, naive, name="cold start of the API, first answer"),
        _comparison(
            "naive, all imports", console, naive, name="cold start of the console, first page"
        ),
    ]


def _comparison(
    against: str,
    ours: tuple[float, ...],
    theirs: tuple[float, ...],
    aim: float | None = None,
    name: str = "cold start, first client ready",
) -> Comparison:
    return Comparison(name, against, ours, theirs, aim=aim, counts={"starts": STARTS})


def start(program: str, changes: dict[str, str] | None = None) -> float:
    """Return the CPU seconds of a fresh interpreter that runs `program` and ends at once."""
    return min(_start(program, environment.for_process(changes)) for _ in range(STARTS))


def _start(program: str, environ: dict[str, str]) -> float:
    before = _children_seconds()
    subprocess.run(
        [sys.executable, "-c", f"{program}\nimport os; os._exit(0)"],
        check=True,
        cwd=ROOT,
        env=environ,
    )
    return _children_seconds() - before


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
