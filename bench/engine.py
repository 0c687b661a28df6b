"""The same burst on the embedded engine: rows, beside the loop of CreateStack that a script makes.

Both reach CloudFormation through a proxy with its quotas, for the engine has none of its own; its
stacks come up within milliseconds. ``python -m bench.engine`` brings an engine up, prints a table
and takes the engine down; it takes about five minutes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError, WaiterError

import templates
from bench.burst import ALLOWED_PER_SECOND, Bucket
from provisioner import jobs
from provisioner.settings import Platform, Settings
from tests.support.engine import EngineUnderTest
from tests.support.proxy import Answer, Call, FaultProxy, Plan, Send, throttled
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

CHECKOUT = Path(__file__).parent.parent
STATE = CHECKOUT / ".provisioner" / "bench"
ROWS = 200
OPERATIONS = {"CreateStack": "create", "DescribeStacks": "describe"}
ROW = "{:<42} {:>9} {:>6} {:>13} {:>13}"


class Quotas:
    """Lets through what CloudFormation takes, and throttles the rest."""

    def __init__(self) -> None:
        self._buckets = {name: Bucket(rate) for name, rate in ALLOWED_PER_SECOND.items()}
        self._lock = threading.Lock()
        self.calls: Counter[str] = Counter()
        self.throttled: Counter[str] = Counter()

    def __call__(self, call: Call, send: Send) -> Answer:
        kind = OPERATIONS[call.operation]
        with self._lock:
            self.calls[kind] += 1
            is_taken = self._buckets[kind].take(time.monotonic())
            self.throttled[kind] += not is_taken
        return send(call) if is_taken else throttled(call, send)


@contextmanager
def engine(*, examples: bool = False) -> Iterator[EngineUnderTest]:
    local = (sys.executable, "-m", "provisioner.local")
    environ = {**os.environ, "PROVISIONER_LOCAL_STATE": str(STATE)}
    up = [*local, "up", "--fresh", *([] if examples else ["--no-examples"])]
    subprocess.run(up, env=environ, cwd=CHECKOUT, check=True)
    try:
        exports = subprocess.run(
            [*local, "env"], env=environ, cwd=CHECKOUT, check=True, capture_output=True, text=True
        ).stdout.replace("export ", "")
        pairs = (line.split("=", 1) for line in exports.splitlines() if "=" in line)
        yield EngineUnderTest({name: value.strip("'\"") for name, value in pairs})
    finally:
        subprocess.run([*local, "down"], env=environ, cwd=CHECKOUT, check=True)


@contextmanager
def behind_quotas(url: str) -> Iterator[tuple[str, Quotas]]:
    """Put a proxy before CloudFormation; give its URL and what it counts."""
    quotas = Quotas()
    plan = Plan().add(quotas, *OPERATIONS)
    with FaultProxy(url).running() as proxy:
        proxy.plans = defaultdict(lambda: plan)
        yield proxy.url, quotas


def by_rows(under_test: EngineUnderTest, url: str) -> int:
    """Write the rows and wait for READY; return how many jobs have failed."""
    names = [f"row-{number}" for number in range(ROWS)]
    for function in under_test.reconciling_functions():
        under_test.set_variable(function, "AWS_ENDPOINT_URL_CLOUDFORMATION", url)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: under_test.put(under_test.lambda_row(name)), names))

    def settled() -> list[str] | None:
        statuses = [under_test.record(name).get("status") for name in names]
        ended = all(status in {"READY", "FAILED"} for status in statuses)
        return statuses if ended else None

    return wait_until(settled, "all rows", timeout_seconds=600).count("FAILED")


def by_script(under_test: EngineUnderTest, url: str, threads: int) -> int:
    """Create the stacks one after another and wait for each; return how many were not made."""
    client = boto3.client("cloudformation", endpoint_url=url, **credentials(under_test))
    requests = [request_of(under_test, f"script-{threads}-{number}") for number in range(ROWS)]

    def made(request: dict[str, Any]) -> bool:
        try:
            client.create_stack(**request)
        except ClientError:
            return False
        return True

    with ThreadPoolExecutor(threads) as pool:
        created = list(pool.map(made, requests))

    def complete(request: dict[str, Any]) -> bool:
        try:
            waiter = client.get_waiter("stack_create_complete")
            waiter.wait(StackName=request["StackName"], WaiterConfig={"Delay": 5})
        except (ClientError, WaiterError):
            return False
        return True

    waited = [r for r, is_made in zip(requests, created, strict=True) if is_made]
    with ThreadPoolExecutor(threads) as pool:
        ended = list(pool.map(complete, waited))
    return ROWS - ended.count(True)


def credentials(under_test: EngineUnderTest) -> Mapping[str, str]:
    environment = under_test.environment
    return {
        "aws_access_key_id": environment["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"],
        "region_name": environment["AWS_REGION"],
    }


def request_of(under_test: EngineUnderTest, name: str) -> dict[str, Any]:
    """Return CreateStack's request for a job, as the provisioner makes it."""
    job = jobs.parse(under_test.lambda_row(name))
    assert not isinstance(job, jobs.InvalidRow), job.errors
    template = templates.to_json(templates.build(job, platform(under_test)))
    return {
        "StackName": f"jobs-{name}",
        "TemplateBody": template,
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        "Parameters": [
            {"ParameterKey": "SpecDigest", "ParameterValue": jobs.spec_digest(job)},
            {"ParameterKey": "DeletionPolicy", "ParameterValue": "delete"},
        ],
    }


def platform(under_test: EngineUnderTest) -> Platform:
    function = under_test.reconciling_functions()[0]
    found = under_test.client("lambda").get_function_configuration(FunctionName=function)
    environ = found["Environment"]["Variables"] | {
        "AWS_REGION": under_test.environment["AWS_REGION"]
    }
    return Settings.from_environ(environ).platform


def main() -> None:
    with engine() as under_test:
        ways: dict[str, Callable[[str], int]] = {
            f"{ROWS} rows": lambda url: by_rows(under_test, url),
            "create_stack in a loop, then waiters": lambda url: by_script(under_test, url, 1),
            "create_stack in 8 threads, then waiters": lambda url: by_script(under_test, url, 8),
        }
        print(ROW.format("", "seconds", "failed", "creates", "throttled"))
        for name, way in ways.items():
            with behind_quotas(under_test.url) as (url, quotas):
                began = time.monotonic()
                failed = way(url)
                seconds = time.monotonic() - began
            total = quotas.calls.total()
            print(
                ROW.format(
                    name,
                    f"{seconds:.0f}",
                    failed,
                    quotas.calls["create"],
                    f"{quotas.throttled.total() / total:.1%} of {total}",
                ),
                flush=True,
            )


if __name__ == "__main__":
    main()
