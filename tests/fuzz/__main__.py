"""Run schemathesis on the engine that is up: `python -m tests.fuzz st …`."""

from __future__ import annotations

import os
import subprocess
import sys
from urllib.parse import urlsplit

from botocore.credentials import Credentials

from tests.support.engine import EngineUnderTest
from tests.support.http import Caller
from tests.support.waiting import wait_until

DESCRIPTION = "provisioner/api/openapi.json"
CODE = "def handler(event, context):\n    print(event)\n    return event\n"


def main(command: list[str]) -> int:
    engine = EngineUnderTest(exports())
    url = engine.outputs["ApiUrl"]
    job = made(engine, url)
    where = urlsplit(url)
    api = where.netloc.partition(".")[0]
    base = f"http://127.0.0.1:{where.port}/_aws/execute-api/{api}/$default"
    environ = {**os.environ, **engine.environment, "FUZZED_JOB": job, "PYTHONPATH": os.curdir}
    return subprocess.run(
        [*command, DESCRIPTION, "--url", base], env=environ, check=False
    ).returncode


def exports() -> dict[str, str]:
    """Return the variables that `provisioner local env` exports."""
    said = subprocess.run(
        [sys.executable, "-m", "provisioner.local", "env"],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    pairs = (line.removeprefix("export ").split("=", 1) for line in said.splitlines())
    return {name: value.strip("'\"") for name, value in pairs}


def made(engine: EngineUnderTest, url: str) -> str:
    """Return the name of a job that is READY, with a schedule and a run."""
    own, name = engine.environment, engine.unique("fuzzed")
    keys = Credentials(own["AWS_ACCESS_KEY_ID"], own["AWS_SECRET_ACCESS_KEY"])
    call = Caller(url, keys, region=own["AWS_REGION"])
    row = engine.lambda_row(name, handler="app.handler") | {
        "bundle": engine.bundle(f"{name}.zip", {"app.py": CODE}),
        "schedule": "cron(0 6 * * ? *)",
    }
    assert call("PUT", f"/v1/rows/{name}", row, if_none_match="*").status == 201
    wait_until(
        lambda: call("GET", f"/v1/jobs/{name}").json["status"] == "READY", f"{name} is READY"
    )
    assert call("POST", f"/v1/jobs/{name}/runs", {}).status == 202
    return name


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
