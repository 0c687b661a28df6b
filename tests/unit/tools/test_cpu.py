"""The table of `python -m tools.cpu`."""

import platform
import subprocess
import sys

from tools.cpu import Process, totals

GONE = 2**22 + 1
"""No process has this id (proc(5), pid_max)."""


def test_what_came_and_went_between_two_looks_counts_for_its_parent():
    seen = {
        (GONE, 1): Process(GONE, 1, "the engine", own=1.0, reaped=5.0),
        (GONE + 1, 1): Process(GONE + 1, GONE, "in containers", own=1.5, reaped=0.5),
    }

    assert totals(seen) == {"the engine": 1.0 + 3.0, "in containers": 1.5 + 0.5}


def test_what_ends_with_its_parent_between_two_looks_counts_once():
    seen = {
        (GONE, 1): Process(GONE, 1, "tools", own=0.0, reaped=11.0),
        (GONE + 1, 1): Process(GONE + 1, GONE, "pytest", own=1.0, reaped=0.0),
        (GONE + 2, 1): Process(GONE + 2, GONE + 1, "pytest", own=10.0, reaped=0.0),
    }

    assert totals(seen) == {"tools": 0.0, "pytest": 11.0}


COMMAND = """
import os, subprocess, sys
reading, writing = os.pipe()
busy = "import time\\nwhile time.process_time() < 0.4: pass"
options = f"start_new_session=True, pass_fds=[{writing}]"
start = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {busy!r}], {options})"
subprocess.run([sys.executable, "-c", start], pass_fds=[writing], check=True)
os.close(writing)
os.read(reading, 1)  # ends when the orphan does
sys.exit(3)
"""


def test_what_a_daemon_uses_counts():
    if platform.system() != "Linux":
        return
    done = subprocess.run(
        [sys.executable, "-m", "tools.cpu", sys.executable, "-c", COMMAND],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )

    assert done.returncode == 3
    assert float(done.stdout.splitlines()[-1].split()[0]) >= 0.4
