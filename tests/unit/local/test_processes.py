import os
import subprocess
import sys
from dataclasses import replace

import pytest

from provisioner.local import processes

FOREVER = "import time\nprint('up', flush=True)\nwhile True: time.sleep(60)"
STUBBORN = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + FOREVER


@pytest.fixture
def start(tmp_path):
    records = []

    def started(code):
        record = processes.start(
            [sys.executable, "-c", code], env=os.environ, log=tmp_path / "log", cwd=tmp_path
        )
        records.append(record)
        log = tmp_path / "log"
        while "up" not in log.read_text(encoding="utf-8"):
            # Asked in this order: it may say so and end between two looks.
            assert processes.is_alive(record) or "up" in log.read_text(encoding="utf-8")
        return record

    yield started
    for record in records:
        processes.stop(record, timeout_seconds=0)


def test_a_process_runs_until_it_is_stopped(start):
    record = start(FOREVER)

    assert processes.is_alive(record)
    assert processes.stop(record)
    assert not processes.is_alive(record)
    assert not processes.stop(record)


def test_what_does_not_stop_when_asked_is_killed(start):
    record = start(STUBBORN)

    assert not processes.stop(record, timeout_seconds=0.2)
    assert not processes.is_alive(record)


def test_another_process_of_the_same_id_is_left_alone(start):
    record = start(FOREVER)
    imposter = replace(record, started="at another time")

    assert not processes.is_alive(imposter)
    assert not processes.stop(imposter)
    assert processes.is_alive(record)


def test_a_process_that_ended_is_not_alive_before_anyone_waited_for_it(start):
    record = start("print('up', flush=True)\ninput()")  # stdin is empty: ends at once

    while processes.is_alive(record):
        pass

    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(record.pid)], capture_output=True, text=True, check=False
    ).stdout
    assert state.startswith("Z")


def test_the_log_of_before_is_kept(start, tmp_path):
    processes.stop(start("print('first up', flush=True)\n" + FOREVER))
    start("print('second up', flush=True)\n" + FOREVER)

    assert "first" in (tmp_path / "log.before").read_text(encoding="utf-8")
    assert "first" not in (tmp_path / "log").read_text(encoding="utf-8")
