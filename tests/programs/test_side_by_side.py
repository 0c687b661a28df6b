"""Tests in several processes: each is run once and told of as if it had been run in one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = {
    "test_first.py": """
import os, pytest
@pytest.fixture(scope="module")
def once():
    print("made in", os.getpid())
    yield
    with open("made.txt", "a") as file:
        file.write("x")
@pytest.mark.parametrize("number", range(30))
def test_passes(once, number):
    pass
def test_prints(once):
    print("what it printed")
    assert "one thing" == "another"
""",
    "test_second.py": """
import pytest
def test_is_skipped():
    pytest.skip("not here")
@pytest.mark.xfail
def test_is_expected_to_fail():
    assert False
@pytest.fixture
def broken():
    raise ValueError("no fixture")
def test_has_no_fixture(broken):
    pass
@pytest.fixture
def left():
    yield
    raise ValueError("left behind")
def test_leaves_something(left):
    pass
""",
    "test_third.py": "def test_passes(): pass",
}


@pytest.fixture
def run(tmp_path):
    """Return what runs modules of tests in two processes."""

    def run(modules, *options):
        (tmp_path / "conftest.py").write_text("from tests.support.side_by_side import *\n")
        for name, text in modules.items():
            (tmp_path / name).write_text(text)
        command = ["-m", "pytest", "-q", "-rfEs", "-p", "no:cacheprovider", "--processes", "2"]
        return subprocess.run(
            [sys.executable, *command, *options],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_outcomes_are_those_of_one_process(run, tmp_path):
    ended = run(MODULES)

    (last,) = re.findall(r"^.* in [\d.]+s$", ended.stdout, re.MULTILINE)
    assert last.startswith("1 failed, 32 passed, 1 skipped, 1 xfailed, 2 errors in "), ended.stdout
    for said in (
        "what it printed",
        "'one thing' == 'another'",
        "ValueError: no fixture",
        "not here",
    ):
        assert said in ended.stdout
    assert "ERROR test_second.py::test_leaves_something - ValueError: left behind" in ended.stdout
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED
    assert (tmp_path / "made.txt").read_text() == "x"


def test_a_process_that_ends_is_a_failure(run):
    ended = run({**MODULES, "test_ends.py": "def test_ends(): import os; os._exit(3)"})

    assert "a process ended with 3; its last report was of " in ended.stdout
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED


def test_the_first_failure_ends_all(run):
    waits = "def test_waits():\n    import threading\n    threading.Event().wait()\n"
    fails = "def test_fails(): assert False"
    ended = run({"test_waits.py": waits, "test_fails.py": fails}, "-x")

    assert "stopping after 1 failures" in ended.stdout
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED
