"""Draw what ``python -m bench.burst`` has measured; `make bench` runs it where matplotlib is."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib.pyplot as plt

HERE = Path(__file__).parent
DRAWN = HERE.parent / "docs" / "internals" / "burst.svg"
ROWS = 1000
SECONDS_A_CREATE = 0.5


def main() -> None:
    bursts = json.loads((HERE / "results" / "burst.json").read_text())
    (burst,) = (each for each in bursts if each["rows"] == ROWS)
    plt.rcParams["svg.hashsalt"] = "burst"  # the same figures make the same file
    figure, axes = plt.subplots(figsize=(8, 3.6))
    jobs = range(1, ROWS + 1)
    operation = burst["ideal_seconds"] - ROWS * SECONDS_A_CREATE
    axes.plot([operation + n * SECONDS_A_CREATE for n in jobs], jobs, "k--", lw=1, label="ideal")
    axes.step(burst["ready_at"], range(1, len(burst["ready_at"]) + 1), where="post", label="READY")
    axes.set(
        xlabel="seconds since the first row",
        ylabel="jobs",
        title=f"{ROWS:,} new rows at two creations a second, operations of {operation:.0f} s",
    )
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(DRAWN, metadata={"Date": None})
    print(f"drew {DRAWN.relative_to(HERE.parent)}")


if __name__ == "__main__":
    main()
