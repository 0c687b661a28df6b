"""Print every benchmark as a ratio, and keep the figures in bench/results/latest.json."""

from __future__ import annotations

import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from bench import burst, cold_start, daily_check, growth, reconcile, synthesis

if TYPE_CHECKING:
    from bench.measure import Comparison

RESULTS = Path(__file__).parent / "results" / "latest.json"
LIBRARIES = ("aws-lambda-powertools", "boto3", "botocore", "pydantic", "troposphere")
ROW = "{:<37} {:<23} {:>5}  {:<12} {:>6}  {}"


def main() -> None:
    print(ROW.format("ours", "against", "ratio", "middle half", "aim", "runs"))
    found = [
        comparison
        for benchmark in (cold_start, synthesis, reconcile, growth)
        for comparison in shown(benchmark.compare())
    ]
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(
        json.dumps(
            {
                "python": platform.python_version(),
                "libraries": {name: version(name) for name in LIBRARIES},
                "comparisons": [comparison.as_dict() for comparison in found],
            },
            indent=2,
        )
        + "\n"
    )
    print(
        "\nRatios of the medians of CPU times measured in turns; 1.00 is as fast as the other.\n"
        "docs/internals/performance.md says what they mean, bench/results/latest.json has them.\n\n"
        "A burst of new rows, operations of 60 s:"
    )
    burst.main()
    print("\nThe daily check:")
    daily_check.main()


def shown(comparisons: list[Comparison]) -> list[Comparison]:
    for each in comparisons:
        low, high = each.spread
        aim = f"≤ {each.aim:g}" if each.aim else ""
        counts = ", ".join(f"{count} {what}" for what, count in each.counts.items())
        print(
            ROW.format(
                each.name,
                each.against,
                f"{each.ratio:.2f}",
                f"{low:.2f}..{high:.2f}",
                aim,
                f"{len(each.ours_seconds)} × {counts}",
            ),
            flush=True,
        )
    return comparisons


if __name__ == "__main__":
    main()
