"""Two ways of doing one thing, measured in turns, so that a busy machine slows down both."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS = 9


@dataclass(frozen=True, slots=True)
class Comparison:
    """What ours took and what the other took, pair by pair; only their ratio is meant to be read.

    `aim` is the ratio that we want at most, None where the number is for information. `counts` say
    how much work a run was.
    """

    name: str
    against: str
    ours_seconds: tuple[float, ...]
    against_seconds: tuple[float, ...]
    aim: float | None = None
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        return statistics.median(self.ours_seconds) / statistics.median(self.against_seconds)

    @property
    def spread(self) -> tuple[float, float]:
        """The middle half of the pairs' own ratios: how far noise reaches."""
        ratios = [a / b for a, b in zip(self.ours_seconds, self.against_seconds, strict=True)]
        low, _, high = statistics.quantiles(ratios, n=4)
        return low, high

    def as_dict(self) -> dict[str, object]:
        return {
            "name": self.name,
            "against": self.against,
            "ratio": round(self.ratio, 3),
            "middle_half": [round(bound, 3) for bound in self.spread],
            "aim": self.aim,
            "runs": len(self.ours_seconds),
            "counts": self.counts,
            "ours_ms": [round(seconds * 1000, 3) for seconds in self.ours_seconds],
            "against_ms": [round(seconds * 1000, 3) for seconds in self.against_seconds],
        }


def in_turns(*ways: Callable[[], float], runs: int = RUNS) -> list[tuple[float, ...]]:
    """Measure each way once a round; a first round, which fills caches, does not count."""
    rounds = [[way() for way in ways] for _ in range(runs + 1)]
    return list(zip(*rounds[1:], strict=True))


def cpu_seconds(work: Callable[[], object], times: int = 1) -> float:
    """Return the CPU time of this process that one call takes, as the mean of `times`."""
    start = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - start) / times
