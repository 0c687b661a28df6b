"""One embedded engine for the suite, brought up by the command that people use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.engine import EngineUnderTest

CHECKOUT = Path(__file__).parent.parent.parent
SUITE = CHECKOUT / ".provisioner" / "suite"
OPEN = CHECKOUT / ".provisioner" / "suite-open"


@pytest.hookimpl(tryfirst=True)  # before pytest's own, which selects by marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests with an engine of their own: they run in a process beside the others."""
    for item in items:
        if "open_engine" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.beside)


def local(state: Path, *arguments: str) -> str:
    """Run `provisioner local …` on a state folder of its own; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "provisioner.local", *arguments],
        env={**os.environ, "PROVISIONER_LOCAL_STATE": str(state)},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def exports(state: Path) -> dict[str, str]:
    """Return the variables that `provisioner local env` exports."""
    lines = local(state, "env").splitlines()
    pairs = [line.removeprefix("export ").split("=", 1) for line in lines if "=" in line]
    return {name: value.strip("'\"") for name, value in pairs}


@pytest.fixture(scope="session")
def engine():
    """An engine that enforces IAM, with the examples deployed."""
    local(SUITE, "up", "--auth", "--fresh")
    yield EngineUnderTest(exports(SUITE))
    local(SUITE, "down")


@pytest.fixture(scope="session")
def open_engine():
    """An engine that enforces nothing, for what has to be done to requests on their way."""
    budget = "DeletionBudgetJobs=2000"  # tests remove many rows at once
    local(OPEN, "up", "--no-examples", "--fresh", "--parameter", budget)
    yield EngineUnderTest(exports(OPEN))
    local(OPEN, "down")
