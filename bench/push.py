"""One push for many jobs: how long until all of them run it, in the world of `bench.burst`.

``python -m bench.push`` prints a line for each size.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bench import burst
from provisioner.entrypoints import artifact_events
from provisioner.stacks.rate_limits import PER_SECOND, Quota

if TYPE_CHECKING:
    from provisioner.jobs import Job

SIZES = (10, 100, 300, 1000)
BUCKET, KEY = "orders-bundles", "summary.zip"
EVENT = {
    "source": "aws.s3",
    "detail-type": "Object Created",
    "detail": {"bucket": {"name": BUCKET}, "object": {"key": KEY}},
}


@dataclass
class Push(burst.Burst):
    """A burst of rows that all name one bundle, of which a newer version can be put."""

    version: int = 1

    def pin(self, job: Job) -> Job:
        def pinned() -> Job:
            bundle = replace(job.bundle, version_id=f"v{self.version}")
            return job.model_copy(update={"bundle": bundle})

        return self.call("pin", pinned)

    def run(self) -> None:
        """Put the newer version, and wait until nothing happens any more."""
        self.version += 1
        self.calls, self.throttled, self.ready_at = Counter(), Counter(), []
        self.invoke(artifact_events.handler, EVENT, lambda: None)
        self.clock.run()


@dataclass(frozen=True)
class Redeployed:
    """What came of a push."""

    seconds: float
    ideal_seconds: float
    updates: int
    describes_per_job: float
    throttled: int


def measure(count: int) -> Redeployed:
    """Push once for so many READY jobs. A job that becomes FAILED ends this with an error."""
    world = burst.run(count, Push)
    began = world.clock.seconds
    world.run()
    last = world.cloudformation.stacks.values()
    digests = {stack.state.digest for stack in last}
    wanted = {record.spec_digest for record in world.stacks.records.values()}
    assert digests == wanted, "some job runs other code"
    return Redeployed(
        seconds=max(world.ready_at) - began,
        ideal_seconds=count / PER_SECOND[Quota.UPDATE] + burst.OPERATION_SECONDS[burst.STANDARD],
        updates=world.calls["update"],
        describes_per_job=world.calls["describe"] / count,
        throttled=world.throttled.total(),
    )


def main() -> None:
    """Print how long each size takes."""
    print("jobs  seconds  ideal  updates  describes a job  throttled")
    for count in SIZES:
        found = measure(count)
        print(
            f"{count:>4}  {found.seconds:>7.0f}  {found.ideal_seconds:>5.0f}  {found.updates:>7}"
            f"  {found.describes_per_job:>15.2f}  {found.throttled:>9}"
        )


if __name__ == "__main__":
    main()
