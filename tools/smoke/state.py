"""What an earlier `make smoke` did in an account, Region and prefix."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

PASSED = "passed"
FAILED = "failed"
NEEDS_AWS = "needs AWS"


class SmokeError(Exception):
    """The command cannot go on, and says why."""


@dataclass(frozen=True)
class Result:
    """How a step ended; `why` is the last line of a failure, or what the step needs."""

    outcome: str
    seconds: float = 0.0
    why: str = ""


@dataclass
class State:
    """What the state file holds.

    Attributes
    ----------
    path
        The file; one for each account, Region and prefix.
    sources
        Digest of what the bootstrap was deployed from. Results of other sources prove nothing.
    began
        A first deployment was begun by this command.
    stack_id
        The stack that this command deployed, by its ARN: a later one of that name has another.
    kept
        Tables and buckets that the stack keeps when it is deleted, as [type, name].
    results
        How each step ended the last time that it ran.
    """

    path: Path
    sources: str = ""
    began: bool = False
    stack_id: str | None = None
    kept: list[list[str]] = field(default_factory=list)
    results: dict[str, Result] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> State:
        """Read a state file; one that is not there is an empty state."""
        if not path.exists():
            return cls(path)
        document = json.loads(path.read_text("utf-8"))
        results = {name: Result(**result) for name, result in document.pop("results").items()}
        return cls(path, **document, results=results)

    def save(self) -> None:
        """Write the file whole or not at all."""
        document = {name: value for name, value in asdict(self).items() if name != "path"}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(".new")
        draft.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        draft.replace(self.path)

    def forget_other_sources(self, sources: str) -> None:
        """Drop results that another version of the bootstrap gave."""
        if self.sources != sources:
            self.sources, self.results = sources, {}

    def passed(self) -> set[str]:
        """Return the steps that need not run again."""
        return {name for name, result in self.results.items() if result.outcome == PASSED}

    def guard(self, prefix: str, found: str | None, others: Iterable[str]) -> None:
        """Refuse a prefix under which somebody else has deployed.

        Parameters
        ----------
        prefix
            The prefix, which is the stack's name as well.
        found
            The ARN of the stack of that name, if there is one.
        others
            The prefixes of the other bootstraps of this account and Region.

        Raises
        ------
        SmokeError
            The stack was not deployed by this command, or the prefix collides with another's.
        """
        own = self.stack_id == found if self.stack_id else self.began
        if found is not None and not own:
            message = (
                f"stack {prefix} exists, and {self.path} has no record that `make smoke` deployed "
                "it; nothing was changed. Choose another prefix: make smoke PREFIX=…"
            )
            raise SmokeError(message)
        for other in others:
            if other.startswith(prefix) or prefix.startswith(other):
                message = (
                    f"a bootstrap with the prefix {other} is deployed here, and prefixes may not "
                    f"begin with one another; choose another one than {prefix}: make smoke PREFIX=…"
                )
                raise SmokeError(message)
