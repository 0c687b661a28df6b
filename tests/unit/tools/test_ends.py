"""A tool that is killed leaves no process and no file behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = """
import os, signal, tempfile, time
from tools.ends import end_with_parent, own_temporary_folder

own_temporary_folder()
parent = os.getpid()
if os.fork() == 0:
    end_with_parent(parent)
    tempfile.mkstemp()
    print(tempfile.gettempdir(), flush=True)
    time.sleep(600)
os.wait()
"""


@pytest.mark.parametrize("number", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_nothing_is_left_of_a_tool(number):
    command = [sys.executable, "-c", TOOL]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as tool:
        try:
            folder = Path(tool.stdout.readline().decode().strip())
            assert list(folder.iterdir())
            tool.send_signal(signal.Signals[number])
            tool.communicate(timeout=30)  # until the last process that has its output is gone
        finally:
            tool.kill()

    assert not folder.exists()
