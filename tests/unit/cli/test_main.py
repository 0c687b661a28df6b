"""The program as a shell runs it: interrupted, cut off, on any output."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

PROGRAM = "from provisioner.cli.main import main; main()"
INTERRUPTED = """
import os, sys
class Interrupt:
    def find_spec(name, *_):
        if name == {module!r}:
            os.kill(os.getpid(), 2)
sys.meta_path.insert(0, Interrupt)
"""
MOMENTS = {
    "in the first moment": ("signal", 130),
    "before there is a command": ("typer", -signal.SIGINT),
    "while a command is imported": ("yaml", 130),
    "while AWS's SDK is imported": ("botocore.session", 130),
}


def run(*arguments, code=PROGRAM, **options):
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], stderr=subprocess.PIPE, check=False, **options
    )


def test_nor_while_the_commands_are_put_together():
    interrupt = """
import os, sys
def interrupt(frame, *_):
    if frame.f_code.co_name == "get_command":
        sys.setprofile(None)
        os.kill(os.getpid(), 2)
sys.setprofile(interrupt)
"""
    ended = run("get", code=interrupt + PROGRAM)

    assert (ended.returncode, ended.stderr) == (130, b"")


@pytest.mark.parametrize(("module", "code"), MOMENTS.values(), ids=MOMENTS)
def test_ctrl_c_leaves_no_traceback(module, code):
    ended = run("get", code=INTERRUPTED.format(module=module) + PROGRAM)

    assert ended.returncode == code
    assert ended.stderr == b""


def test_where_ctrl_c_is_ignored_as_by_nohup_the_command_continues():
    code = "import signal; signal.signal(2, signal.SIG_IGN)" + INTERRUPTED + PROGRAM
    ended = run("--help", code=code.format(module="typer"), stdout=subprocess.DEVNULL)

    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.parametrize("arguments", [["--help"], ["get", "--help"], ["local", "status"]])
def test_a_closed_pipe_is_not_an_error(arguments, tmp_path):
    env = os.environ | {"PROVISIONER_LOCAL_STATE": str(tmp_path)}
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = run(*arguments, stdout=writing, env=env)
    finally:
        os.close(writing)

    assert (ended.returncode, ended.stderr) == (0, b"")
