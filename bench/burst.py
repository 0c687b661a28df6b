"""A burst of new rows: the real functions, side by side, before a CloudFormation with its quotas.

The services are in memory and on a clock of their own; each call takes about as long as on AWS. The
queue delays by whole seconds and delivers a little late, and a token bucket throttles what comes
too fast. ``python -m bench.burst`` prints a table.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bench import cold_start, environment, rows
from bench.concurrency import Clock
from bench.reconcile import Context
from provisioner.entrypoints import job_stream, reconcile_queue, stack_events
from provisioner.errors import ThrottledError
from provisioner.settings import DeploymentMode
from provisioner.stacks.model import JobStatus, StackState
from provisioner.stacks.ports import Ports, StackRequest
from provisioner.stacks.rate_limits import PER_SECOND, Quota
from tests.simulation.stacks.wiring import MEMORY, wired
from tests.support.fakes import (
    FakeArtifactIndex,
    FakeBuilds,
    FakeCloudFormation,
    FakeDeletionBudget,
    FakeDependants,
    FakeJobRuns,
    FakeJobs,
    FakePauses,
    FakeRateLimiter,
    FakeStacks,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from provisioner.jobs import Job

T = TypeVar("T")
B = TypeVar("B", bound="Burst")

STANDARD, EXPRESS = DeploymentMode
SIZES = ((10, STANDARD), (100, STANDARD), (1000, STANDARD), (3000, STANDARD))
EXPRESS_SIZES = ((1, STANDARD), (1, EXPRESS), (1000, EXPRESS))
CALLS = ("create", "describe", "get_many", "pin", "rate_limiter", "send", "save")
HEADER = "{:>6} {:>7} {:>7} {:>6} {:>9} " + " ".join(["{:>8}"] * len(CALLS)) + " {:>8} {:>5}"
RESULTS = Path(__file__).parent / "results" / "burst.json"

OPERATION_SECONDS = {STANDARD: 60.0, EXPRESS: 15.0}
"""What the creation of a job's stack takes, in express mode a fourth: AWS says up to four times as
fast (aws.amazon.com/blogs/aws, "Accelerate your infrastructure deployments by up to 4x with AWS
CloudFormation express mode"). A queue with its dead-letter queue takes 64 s, and 10 s."""

ALLOWED_PER_SECOND = {"create": 2.0, "update": 2.0, "describe": 10.0}
SECONDS = {
    "get_many": 0.006,
    "save": 0.008,
    "rate_limiter": 0.006,
    "send": 0.012,
    "pin": 0.03,
    "describe": 0.08,
    "create": 0.5,
    "update": 0.5,
}
"""What a call takes, half as much more or less: medians as people report them, from Lambda."""

NETWORK_SECONDS = 0.003

STREAM_LANES, STREAM_BATCH = 2, 100
QUEUE_CONCURRENCY, QUEUE_BATCH = 10, 10
LATENESS_SECONDS = 0.3
"""Of a message at most, beyond its delay."""
ROWS_PER_SECOND = 100


@dataclass
class Bucket:
    """A second's worth of calls at once, then as many as its rate."""

    per_second: float
    tokens: float = 0
    at: float = -1000

    def take(self, now: float) -> bool:
        self.tokens = min(self.per_second, self.tokens + (now - self.at) * self.per_second)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@dataclass
class Burst:
    """The world, and what came of a burst in it."""

    rows: int
    mode: DeploymentMode = STANDARD
    chance: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311
    clock: Clock = field(default_factory=Clock)
    calls: Counter[str] = field(default_factory=Counter)
    throttled: Counter[str] = field(default_factory=Counter)
    ready_at: list[float] = field(default_factory=list)
    billed_ms: float = 0

    def __post_init__(self) -> None:
        self.buckets = {name: Bucket(rate) for name, rate in ALLOWED_PER_SECOND.items()}
        self.jobs, self.stacks = Jobs(self), Stacks(self)
        self.cloudformation = CloudFormation(self)
        self.queue = Queue(self)
        self.stream: list[str] = []
        self.busy_lanes = 0
        self.artifact_index = FakeArtifactIndex()

    def pin(self, job: Job) -> Job:
        """Look up the code of a job."""
        return self.call("pin", lambda: job)

    def call(self, kind: str, work: Callable[[], T]) -> T:
        """Make a call from a function: it takes time, and may be one too many."""
        self.calls[kind] += 1
        self.clock.wait(NETWORK_SECONDS * self.chance.uniform(0.5, 1.5))
        bucket = self.buckets.get(kind)
        if bucket and not bucket.take(self.clock.seconds):
            self.throttled[kind] += 1
            raise ThrottledError("Rate exceeded")
        answer = work()
        self.clock.wait(SECONDS[kind] * self.chance.uniform(0.5, 1.5))
        return answer

    def invoke(
        self, handler: Callable[..., object], event: object, then: Callable[[], None]
    ) -> None:
        """Run a function, and something when it has ended."""

        def run() -> None:
            began = self.clock.now
            failures = handler(event, Context(), self.runtime)
            assert not failures or failures == {"batchItemFailures": []}, failures
            self.billed_ms += (self.clock.now - began).total_seconds() * 1000
            then()

        self.clock.start(run)

    def write(self, name: str) -> None:
        row = rows.lambda_row(name) | {"deployment_mode": self.mode.lower()}
        self.jobs.rows[name] = row
        self.stream.append(name)
        self.clock.after(0.1, self.read_stream)

    def read_stream(self) -> None:
        if not self.stream or self.busy_lanes == STREAM_LANES:
            return
        batch, self.stream = self.stream[:STREAM_BATCH], self.stream[STREAM_BATCH:]
        self.busy_lanes += 1
        records = [
            {"dynamodb": {"Keys": {"job_name": {"S": name}}, "SequenceNumber": str(number)}}
            for number, name in enumerate(batch)
        ]
        self.invoke(job_stream.handler, {"Records": records}, self.lane_is_free)

    def lane_is_free(self) -> None:
        self.busy_lanes -= 1
        self.clock.after(0, self.read_stream)

    def ended(self, name: str) -> None:
        """Tell that an operation has."""
        self.cloudformation.finish(name)
        stack_id = self.cloudformation.stacks[name].state.stack_id
        event = {"detail": {"stack-id": stack_id}}
        self.clock.after(1, lambda: self.invoke(stack_events.handler, event, lambda: None))


class Jobs(FakeJobs):
    def __init__(self, burst: Burst) -> None:
        super().__init__()
        self._burst = burst

    def get_many(self, job_names):
        names = list(job_names)
        return self._burst.call("get_many", lambda: FakeJobs.get_many(self, names))


class Stacks(FakeStacks):
    def __init__(self, burst: Burst) -> None:
        super().__init__()
        self._burst = burst

    def get_many(self, job_names):
        names = list(job_names)
        return self._burst.call("get_many", lambda: FakeStacks.get_many(self, names))

    def save(self, record):
        self._burst.call("save", lambda: FakeStacks.save(self, record))
        assert record.status is not JobStatus.FAILED, record.failure
        if record.status is JobStatus.READY and record.reservation is None:
            self._burst.ready_at.append(self._burst.clock.seconds)


class RateLimiter(FakeRateLimiter):
    def __init__(self, burst: Burst) -> None:
        super().__init__(burst.clock)
        self._burst = burst

    def reserve(self, quota, *, has_reservation):
        return self._burst.call(
            "rate_limiter",
            lambda: FakeRateLimiter.reserve(self, quota, has_reservation=has_reservation),
        )

    def acquire(self, quota):
        return self._burst.call("rate_limiter", lambda: FakeRateLimiter.acquire(self, quota))


class CloudFormation(FakeCloudFormation):
    def __init__(self, burst: Burst) -> None:
        super().__init__(burst.clock)
        self._burst = burst

    def describe(self, stack_name: str) -> StackState | None:
        return self._burst.call("describe", lambda: FakeCloudFormation.describe(self, stack_name))

    def create(self, stack_name: str, request: StackRequest) -> str:
        stack_id = self._burst.call(
            "create", lambda: FakeCloudFormation.create(self, stack_name, request)
        )
        seconds = OPERATION_SECONDS[request.mode]
        self._burst.clock.after(seconds, lambda: self._burst.ended(stack_name))
        return stack_id

    def update(self, stack_id: str, request: StackRequest) -> None:
        self._burst.call("update", lambda: FakeCloudFormation.update(self, stack_id, request))
        stack_name = stack_id.split("/")[1]
        seconds = OPERATION_SECONDS[request.mode]
        self._burst.clock.after(seconds, lambda: self._burst.ended(stack_name))


class Queue:
    """Delays by whole seconds, and hands what is due to a few functions at a time."""

    def __init__(self, burst: Burst) -> None:
        self._burst = burst
        self._due: list[str] = []
        self._busy = 0

    def send(self, job_name: str, *, delay_seconds: int = 0, **_: object) -> None:
        self._burst.call("send", lambda: None)
        self._put({"job_name": job_name}, delay_seconds)

    def send_many(self, delays_seconds: Mapping[str, int], **asks: object) -> None:
        for number, (job_name, delay_seconds) in enumerate(delays_seconds.items()):
            if number % QUEUE_BATCH == 0:
                self._burst.call("send", lambda: None)
            self._put({"job_name": job_name, **asks}, delay_seconds)

    def _put(self, message: Mapping[str, object], delay_seconds: int) -> None:
        lateness = self._burst.chance.uniform(0.01, LATENESS_SECONDS)
        self._burst.clock.after(delay_seconds + lateness, lambda: self._arrive(json.dumps(message)))

    def _arrive(self, body: str) -> None:
        self._due.append(body)
        self._deliver()

    def _deliver(self) -> None:
        if not self._due or self._busy == QUEUE_CONCURRENCY:
            return
        batch, self._due = self._due[:QUEUE_BATCH], self._due[QUEUE_BATCH:]
        self._busy += 1
        records = [
            {
                "messageId": str(number),
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1"},
            }
            for number, body in enumerate(batch)
        ]
        self._burst.invoke(reconcile_queue.handler, {"Records": records}, self._is_free)

    def _is_free(self) -> None:
        self._busy -= 1
        self._burst.clock.after(0, self._deliver)


def run(count: int, kind: type[B], mode: DeploymentMode = STANDARD) -> B:
    """Write so many rows within seconds, and wait until every job is READY."""
    burst = kind(count, mode)
    ports = Ports(
        burst.jobs,
        burst.stacks,
        burst.cloudformation,
        burst.queue,
        RateLimiter(burst),
        burst.pin,
        FakeDependants(),
        burst.artifact_index,
        FakeDeletionBudget(burst.clock),
        FakeJobRuns(),
        FakePauses(),
        MEMORY.synthesize,
        "",
        FakeBuilds(),
    )
    burst.runtime = wired(ports, burst.clock, burst.chance)
    for number in range(count):
        name = f"job-{number}"
        burst.clock.after(number / ROWS_PER_SECOND, lambda name=name: burst.write(name))
    burst.clock.run()
    assert len(burst.ready_at) >= count
    return burst


def ideal_seconds(count: int, mode: DeploymentMode) -> float:
    """Return when the last could be READY at the earliest: the quota, then its operation."""
    return count / PER_SECOND[Quota.CREATE] + OPERATION_SECONDS[mode]


def waiting_ms(mode: DeploymentMode) -> float:
    """Return what a function is billed a change that creates, then polls until the end."""
    own = sum(SECONDS[kind] for kind in ("get_many", "pin", "create", "describe", "save"))
    return (own + OPERATION_SECONDS[mode]) * 1000


def measure(count: int, mode: DeploymentMode) -> dict[str, object]:
    burst = run(count, Burst, mode)
    calls = burst.calls["create"] + burst.calls["describe"]
    return {
        "rows": count,
        "mode": mode,
        "ready_seconds": round(max(burst.ready_at), 1),
        "ideal_seconds": ideal_seconds(count, mode),
        "throttled_share": burst.throttled.total() / calls,
        "calls_per_row": {kind: round(n / count, 2) for kind, n in burst.calls.items()},
        "billed_ms_per_row": round(burst.billed_ms / count),
        "waiting_ms_per_row": round(waiting_ms(mode)),
        "ready_at": [round(at, 1) for at in sorted(burst.ready_at)],
    }


def measured(count: int, mode: DeploymentMode) -> dict[str, Any]:
    """Run a burst in a process of its own, whose environment and log are a function's."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.burst", str(count), mode],
        check=True,
        cwd=cold_start.ROOT,
        env=environment.for_process({"LOG_LEVEL": "CRITICAL"}),
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    print(HEADER.format("rows", "READY", "ideal", "ratio", "throttled", *CALLS, "billed", "less"))
    found = [measured(*size) for size in SIZES]
    in_express_mode = [measured(*size) for size in EXPRESS_SIZES]
    for each in (*found, *in_express_mode):
        waiting = each["waiting_ms_per_row"] / each["billed_ms_per_row"]
        print(
            HEADER.format(
                f"{each['rows']:,}{'x' if each['mode'] == EXPRESS else ''}",
                f"{each['ready_seconds']:.0f} s",
                f"{each['ideal_seconds']:.0f} s",
                f"{each['ready_seconds'] / each['ideal_seconds']:.3f}",
                f"{each['throttled_share']:.2%}",
                *(f"{each['calls_per_row'].get(kind, 0):.2f}" for kind in CALLS),
                f"{each['billed_ms_per_row']} ms",
                f"{waiting:.0f}×",
            )
        )
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found) + "\n")
    print(
        "\nx: in express mode. Calls, and milliseconds of functions, are per row; less: than a "
        "function that waits for its stack.\n"
        f"bench/plot.py draws {RESULTS.relative_to(cold_start.ROOT)}."
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(int(sys.argv[1]), DeploymentMode(sys.argv[2]))))
    else:
        main()
