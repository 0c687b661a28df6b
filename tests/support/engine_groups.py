"""Runs the engine tests, each group of their modules in a process of its own.

``python -m tests.support.engine_groups -m engine`` takes pytest's options. All tests are collected
once, and the processes forked from that one, so that none has to import anything: with pytest-xdist
each would collect all tests again, for three seconds of CPU.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
import uuid
from pathlib import Path

import pytest

ENGINE = {
    # One process only may stand between an engine's functions and its CloudFormation.
    "faults": (
        "test_statuses",
        "test_api_tokens",
        "test_contract",
        "test_nested_stacks",
        "test_network",
    ),
    # By night only. They kill the engine, damage its tables and turn its events off.
    "rough": ("test_recovery", "test_hostile", "test_unnoticed", "test_upgrade"),
    "notifications": ("test_notifications", "test_ec2"),
    "rows": (
        "test_api",
        "test_rows",
        "test_pipeline",
        "test_boundary",
        "test_readme",
    ),
    "runs": ("test_runs", "test_workflow_engine", "test_functions", "test_console"),
    "overlap": ("test_overlap", "test_fan_out", "test_dependencies"),
    "batch": ("test_batch", "test_batch_order", "test_types"),
    "queues": ("test_queue_jobs", "test_truth", "test_builds"),
}
"""Modules of tests/local that make a group: `make test-engine-whole` has a process for each."""

RUN = "ENGINE_SUITE_RUN"
"""The variable that names the run, which the processes of all groups belong to."""
_TESTS = "tests/local"
_STANDARD = (1, 2)
_FINE = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)


def main(options: list[str]) -> int:
    """Run all groups side by side; print what each has printed when it has ended."""
    os.environ[RUN] = uuid.uuid4().hex
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        collecting = Path(folder, "collecting")
        if code := _pytest(["--collect-only", *options, _TESTS], collecting):
            print(collecting.read_text(encoding="utf-8"))
            return code
        outputs = {_forked(group, options, Path(folder, group)): group for group in ENGINE}
        codes = []
        try:
            for _ in ENGINE:
                process, status = os.wait()
                codes.append(os.waitstatus_to_exitcode(status))
                group = outputs[process]
                print(f"--- {group}, after {time.monotonic() - began:.0f} s")
                print(Path(folder, group).read_text(encoding="utf-8"), flush=True)
        finally:
            sys.modules["tests.local.conftest"].take_down()
    return max(0 if code in _FINE else abs(code) for code in codes)


def _forked(group: str, options: list[str], output: Path) -> int:
    """Start a process that runs a group; return its id."""
    sys.stdout.flush()
    if process := os.fork():
        return process
    code = 1
    try:
        modules = [f"{_TESTS}/{module}.py" for module in ENGINE[group]]
        code = _pytest([*options, *modules], output)
    finally:
        os._exit(code)


def _pytest(arguments: list[str], output: Path) -> int:
    """Run pytest, with all that it and its tests print in a file."""
    kept = [os.dup(number) for number in _STANDARD]
    with output.open("wb") as file:
        for number in _STANDARD:
            os.dup2(file.fileno(), number)
    try:
        return int(pytest.main(["-q", *arguments]))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, own in zip(_STANDARD, kept, strict=True):
            os.dup2(own, number)
            os.close(own)


if __name__ == "__main__":
    os.chdir(Path(__file__).parents[2])
    sys.exit(main(sys.argv[1:]))
