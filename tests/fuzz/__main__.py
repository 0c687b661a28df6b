"""Run schemathesis on the engine that is up: `python -m tests.fuzz st …`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit

from provisioner.api.routes import ROUTES
from tests.fuzz.world import World
from tests.support.engine import EngineUnderTest

UPGRADE_SECONDS = 0.1
"""Until the upgrade is in another state: the requests of an operation take longer."""


def main(command: list[str]) -> int:
    world = World(EngineUnderTest(exports()))
    known = world.made()
    where = urlsplit(world.engine.outputs["ApiUrl"])
    api = where.netloc.partition(".")[0]
    base = f"http://127.0.0.1:{where.port}/_aws/execute-api/{api}/$default"
    with tempfile.TemporaryDirectory() as folder:
        answered, description = Path(folder) / "answered.json", Path(folder) / "openapi.json"
        description.write_text(world.call("GET", "/v1/openapi.json").text)
        environ = {
            **os.environ,
            **world.engine.environment,
            "FUZZ_KNOWN": json.dumps(known),
            "FUZZ_ANSWERED": str(answered),
            "PYTHONPATH": os.curdir,
        }
        asked = subprocess.Popen([*command, str(description), "--url", base], env=environ)
        states = cycle(("PAUSED", "SUCCEEDED"))
        while asked.poll() is None:
            world.turn_upgrade(next(states))
            with suppress(subprocess.TimeoutExpired):
                asked.wait(UPGRADE_SECONDS)
        return unreached(json.loads(answered.read_text())) or asked.returncode


def unreached(answered: Mapping[str, Mapping[str, int]]) -> int:
    """Print how often each operation answered what; return 1 if one never did what it is for."""
    idle = 0
    for route in ROUTES:
        counts = answered.get(route.name, {})
        done = sum(count for status, count in counts.items() if status < "400")
        text = " ".join(f"{status}:{count}" for status, count in sorted(counts.items()))
        print(f"{'' if done else 'never done':10}  {route.name:24} {text}")
        idle += not done
    return 1 if idle else 0


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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
