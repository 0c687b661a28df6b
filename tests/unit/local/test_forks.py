import os
import subprocess
import sys

import botocore.session
import pytest
from botocore.loaders import JSONFileLoader

from provisioner.local.shim import fork_server, forks

ON_LINUX = hasattr(os, "pidfd_open")
SCRIPT = """
import os, sys
told = [name in sys.modules for name in ("pydantic", "provisioner.entrypoints.function")]
print(os.environ["A"], "HOME" in os.environ, os.getcwd(), sys.argv, told, flush=True)
print("to the log", file=sys.stderr, flush=True)
print("got", sys.stdin.readline().strip(), flush=True)
sys.stdin.readline()
"""


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    code = tmp_path_factory.mktemp("code")
    (code / "provisioner" / "entrypoints").mkdir(parents=True)
    script = code / "_worker.py"
    script.write_text(SCRIPT, encoding="utf-8")
    command = [sys.executable, str(script)]

    started = []

    def start(command=command, cwd=code, **environ):
        process = forks.forked(command, {"cwd": str(cwd), "env": {"A": "1", **environ}})
        started.extend([process] if process else [])
        return process

    yield start
    forks.end()
    for process in started:
        process.kill()
        for file in (process.stdin, process.stdout, process.stderr):
            file.close()


def test_a_fork_is_as_a_process_that_was_started(start):
    if not ON_LINUX:
        return
    process = start(A="2")

    script = process.stdout.readline()
    assert script.startswith("2 False ")
    assert script.endswith("_worker.py'] [True, False]\n")
    assert process.stderr.readline() == "to the log\n"
    process.stdin.write("a call\n")
    assert process.stdout.readline() == "got a call\n"
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0)
    process.stdin.close()
    assert process.wait(20) == process.poll() == 0
    assert process.stdout.read() == ""


def test_a_fork_is_ended_and_the_next_one_is_another(start):
    if not ON_LINUX:
        return
    first, second = start(), start()
    assert first.pid != second.pid

    for process, end in ((first, first.terminate), (second, second.kill)):
        end()
        assert process.wait(20) == 0
        end()  # which an ended process does not mind


def test_what_clients_are_made_from_is_read_once(monkeypatch):
    files, read = [], JSONFileLoader.load_file

    def reading(loader, path):
        files.append(path)
        return read(loader, path)

    monkeypatch.setattr(JSONFileLoader, "load_file", reading)
    fork_server.read_descriptions()
    assert files
    files.clear()

    botocore.session.get_session().create_client("dynamodb", "us-east-1")

    assert files == []


def test_without_its_server_a_process_is_started(start):
    if not ON_LINUX:
        return
    if not ON_LINUX:
        return
    start().kill()
    forks._servers[0].end()

    assert start() is None  # so the engine starts one
    start().kill()  # and there is a server again


@pytest.mark.parametrize(
    "changes",
    [
        {"cwd": "/"},
        {"command": ["node", "_worker.js"]},
        {"command": ["wrapper", sys.executable, "_worker.py"]},
        {"PYTHONPATH": "/opt"},
        {"_LAMBDA_LAYERS_DIRS": "/layer"},
    ],
    ids=["other code", "Node.js", "a wrapper", "an interpreter of its own", "layers"],
)
def test_all_others_are_started(start, changes):
    assert start(**changes) is None
