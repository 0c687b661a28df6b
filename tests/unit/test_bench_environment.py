"""The benchmarks' functions start with the settings that functions ask for today."""

from __future__ import annotations

import os
import subprocess
import sys

from bench.environment import FUNCTION
from provisioner.settings import Settings


def test_settings_are_whole():
    assert Settings.from_environ(FUNCTION).platform.allowed.amis == ("*",)


def test_a_process_has_one_runtime_by_its_environment():
    program = (
        "from provisioner.entrypoints.wiring import runtime; first = runtime();"
        "assert first is runtime(); print(first.settings.platform.prefix)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **FUNCTION},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == FUNCTION["PREFIX"]
