"""What a route of the API says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.service.rights import NEEDED, Action

if TYPE_CHECKING:
    from provisioner.service.caller import Role

JOB = "/v1/jobs/{job_name}"
RUN = f"{JOB}/runs/{{run}}"
BUILD = f"{JOB}/builds/{{build}}"
VERSION = f"{JOB}/versions/{{version}}"
ROW = "/v1/rows/{job_name}"

PATH_PATTERNS = {
    "job_name": r"[a-z][a-z0-9-]{0,39}",
    "run": r"[A-Za-z0-9_.-]{1,80}",
    "item": r"0|[1-9][0-9]{0,5}",
    "build": r"[0-9a-f-]{36}",
    "version": r"[1-9][0-9]{0,8}",
    "submission": r"[a-z][a-z0-9-]{0,39}\.[A-Za-z0-9_.-]{1,80}",
    "bulk": r"[A-Za-z0-9-]{1,40}",
    "problem": r"[a-z-]{1,40}",
}
"""What a path may have: another name is that of nothing, so it is 404."""


MAX_WAIT_SECONDS = 20
"""Below the 30 seconds after which API Gateway gives up (HTTP API quotas), with room to answer."""

BACKFILL_SECONDS = 15
"""As long as one request starts runs of a backfill; the next one continues."""

FUNCTION_SECONDS = 29
"""The function's timeout (bootstrap/api.yaml): no request takes longer."""


@dataclass(frozen=True, slots=True)
class Throttle:
    """How often API Gateway lets all callers together have a route whose answers take long.

    Attributes
    ----------
    rate, burst
        Requests a second, and above that.
    seconds
        The longest that an answer takes.
    """

    rate: int
    burst: int
    seconds: int

    @property
    def executions(self) -> int:
        """The most executions of the function that answer at once: those let in while one lasts."""
        return self.burst + self.rate * self.seconds


FOLLOWING = Throttle(rate=5, burst=20, seconds=MAX_WAIT_SECONDS)
"""A run that somebody waits for: a hundred of them at once, each asked for again after its wait."""

READING_A_STACK = Throttle(rate=2, burst=5, seconds=3)
"""CloudFormation lists events ten times a second, and reconciles ask for them as well."""

READING_A_LIST = Throttle(rate=2, burst=5, seconds=3)
"""Three megabytes of one partition, of which DynamoDB reads eight times as much a second."""

READING_A_QUEUE = Throttle(rate=2, burst=10, seconds=FUNCTION_SECONDS)
WORKING = Throttle(rate=1, burst=5, seconds=FUNCTION_SECONDS)
"""What does one thing after another: people's actions, which are rare."""


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path.

    Attributes
    ----------
    handler
        Module and function in `provisioner.api.resources`.
    query, body
        Models in `provisioner.api.queries` and `provisioner.api.bodies`.
    answer
        A model in `provisioner.api.answers`; None for an answer without a body.
    status
        Of an answer that is not a problem.
    conditional
        Whether it needs If-Match.
    problems
        Statuses that it answers besides those that every route may.
    throttle
        Instead of the stage's, which is for routes that answer at once.
    repeated
        What the same request again does, of a write without If-Match and without a key.
    """

    method: str
    path: str
    action: Action
    handler: str
    summary: str
    query: str = "NoParameters"
    body: str | None = None
    answer: str | None = None
    status: int = 200
    conditional: bool = False
    problems: tuple[int, ...] = ()
    throttle: Throttle | None = None
    repeated: str = ""

    @property
    def role(self) -> Role:
        """The least role that may use it."""
        return NEEDED[self.action]

    @property
    def name(self) -> str:
        """A name that is unique among the routes, for OpenAPI and tests."""
        return self.handler.rpartition(".")[2]

    @property
    def creates(self) -> bool:
        """Whether it may create a row."""
        return self.answer == "WrittenRow" and self.method != "PATCH"

    @property
    def has_key(self) -> bool:
        """Whether it makes one thing, a run or a bulk action, which an idempotency key can name."""
        return self.answer in {"StartedRun", "Submitted"} or self.name == "start_bulk"

    @property
    def key(self) -> str:
        """As API Gateway names it."""
        return f"{self.method} {self.path}"

    @property
    def pattern(self) -> re.Pattern[str]:
        """What its path matches."""
        return re.compile(
            re.sub(
                r"\{(\w+)\}", lambda found: f"(?P<{found[1]}>{PATH_PATTERNS[found[1]]})", self.path
            )
        )
