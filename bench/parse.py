"""How long it takes to read rows that mean no good: CPU time, the longest ten."""

from __future__ import annotations

import statistics
import sys
import time

from provisioner.jobs import InvalidRow, parse
from tests.support import fuzzed_rows, generated_rows

AIM_MS = 100


def main(count: int) -> None:
    for row in generated_rows.rows():
        parse(row)  # what is made once a process
    taken = []
    for number, row in enumerate(fuzzed_rows.rows(count)):
        began = time.process_time()
        parsed = parse(row)
        took_ms = (time.process_time() - began) * 1000
        fields = (
            sorted({error.field[:30] for error in parsed.errors[:3]})
            if isinstance(parsed, InvalidRow)
            else []
        )
        taken.append((took_ms, number, fields))
    taken.sort(reverse=True)
    times = [took_ms for took_ms, _, _ in taken]
    for took_ms, number, fields in taken[:10]:
        print(f"{took_ms:8.1f} ms  row {number}  {', '.join(fields)}")
    over = sum(took_ms > AIM_MS for took_ms in times)
    print(f"{count} rows: median {statistics.median(times):.2f} ms, {over} above {AIM_MS} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
