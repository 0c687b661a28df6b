"""Forks processes from one that has imported what they have in common, each as if it were new.

A program: `python fork_server.py FOLDER MODULE…`, its standard input a socket. A message there is a
request with the new process's standard files; its answer is the process's id.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SERVICES = ("dynamodb", "cloudformation", "sqs", "stepfunctions", "s3", "lambda")
"""Of which most functions make clients."""
MESSAGE_BYTES = 1 << 17
_FILES = 3


def main(folder: str, modules: list[str]) -> None:
    """Serve until the socket's other end is closed; in a new process, run its script."""
    sys.path.insert(0, folder)
    for module in modules:
        with contextlib.suppress(Exception):  # what imports it says so
            importlib.import_module(module)
    with contextlib.suppress(Exception):
        read_descriptions()
    sys.path.remove(folder)
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    requests = socket.socket(fileno=os.dup(0))
    while True:
        message, files, _, _ = socket.recv_fds(requests, MESSAGE_BYTES, _FILES)
        if not message:
            return
        process = os.fork()
        if not process:
            requests.close()
            _run(files, **json.loads(message))
            return
        for file in files:
            os.close(file)
        requests.send(str(process).encode())


def read_descriptions() -> None:
    """Have botocore read what its clients are made from once, for all processes to come."""
    loaders = importlib.import_module("botocore.loaders")
    read: Callable[[object, str], object] = loaders.JSONFileLoader.load_file
    kept: dict[str, object] = {}

    def load_file(loader: object, path: str) -> object:
        if path not in kept:
            kept[path] = read(loader, path)
        return kept[path]

    loaders.JSONFileLoader.load_file = load_file
    session = importlib.import_module("botocore.session").get_session()
    for service in SERVICES:
        session.create_client(service, "us-east-1")


def _run(files: list[int], script: str, folder: str, environ: dict[str, str]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    os.chdir(folder)
    sys.argv = [script]
    sys.path[0] = str(Path(script).parent)
    code = compile(Path(script).read_text(encoding="utf-8"), script, "exec")
    exec(code, {"__name__": "__main__", "__file__": script})  # noqa: S102  (as Python does)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
