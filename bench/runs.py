"""What a run adds to the job's own time, on the embedded engine.

The same function is called by itself and as a job, in turns; ``python -m bench.runs`` brings an
engine up, prints the medians and takes it down.
"""

from __future__ import annotations

import json
import statistics
import time
from datetime import datetime

from bench.engine import engine

RUNS = 40
AIM_MILLISECONDS = 300


def main() -> None:
    with engine() as under_test:
        name = "added"
        under_test.put(under_test.lambda_row(name))
        under_test.wait_for(name, "READY")
        function = under_test.record(name)["lambda_arn"]
        client = under_test.client("lambda")
        alone, as_run, until_seen = [], [], []
        for number in range(RUNS + 1):
            began = time.perf_counter()
            client.invoke(FunctionName=function, Payload=json.dumps({"n": number}))
            alone.append(1000 * (time.perf_counter() - began))
            began = time.perf_counter()
            execution = under_test.start(name, {"n": number})
            run = under_test.wait_for_run(name, execution, "SUCCEEDED")
            until_seen.append(1000 * (time.perf_counter() - began))
            started, ended = (datetime.fromisoformat(run[at]) for at in ("started_at", "ended_at"))
            as_run.append(1000 * (ended - started).total_seconds())
    own, whole, seen = (statistics.median(times[1:]) for times in (alone, as_run, until_seen))
    print(f"the function by itself          {own:6.0f} ms")
    print(f"as a run, from start to end     {whole:6.0f} ms")
    print(f"until the caller sees its row   {seen:6.0f} ms")
    print(f"added by the run                {whole - own:6.0f} ms  (aim: {AIM_MILLISECONDS})")


if __name__ == "__main__":
    main()
