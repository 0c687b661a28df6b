"""Programs of tests/node, which take JSON and give JSON."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "node"


def answers(program: str, asked: object) -> Any:
    """Return what a program makes of what it is asked; Node takes a tenth of a second to start."""
    done = subprocess.run(
        ["node", program],
        cwd=FOLDER,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return json.loads(done.stdout)
