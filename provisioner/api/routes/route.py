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
    def starts(self) -> bool:
        """Whether it starts one run, which an idempotency key can name."""
        return self.answer in {"StartedRun", "Submitted"}

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
