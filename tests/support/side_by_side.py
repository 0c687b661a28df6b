"""`pytest --processes 3`: tests in several processes, forked when all have been collected.

None of them imports or collects anything again, and a test is one message through a pipe. With
pytest-xdist each process collects all tests, and a test is eight messages.
"""

from __future__ import annotations

import os
import signal
import struct
import traceback
from multiprocessing.connection import Connection, Pipe, wait
from typing import TYPE_CHECKING

import pytest
from _pytest.runner import runtestprotocol

from tests.support.groups import group_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Group = list[pytest.Item]
_NUMBER = struct.Struct("i")
_reports: Connection | None = None
"""Where this process sends what its tests report, if it is one of several."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption("--processes", type=int, default=1, help="run tests in so many processes")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Run the tests in the processes, each a group at a time, and report here what they report."""
    options = session.config.option
    if options.processes < 2 or options.collectonly or session.testsfailed or not session.items:
        return None
    groups = _groups(session.items)
    numbers = _queue(len(groups))
    forked = dict(_fork(session, groups, numbers) for _ in range(options.processes))
    os.close(numbers)
    last: dict[Connection, str] = {}
    try:
        _report(session, forked, last)
    except BaseException:
        for process in forked.values():
            os.kill(process, signal.SIGTERM)  # one that has ended is there until it is waited for
        raise
    finally:
        ends = {connection: os.waitpid(process, 0)[1] for connection, process in forked.items()}
    for connection, end in ends.items():
        if end:
            code, test = os.waitstatus_to_exitcode(end), last.get(connection, "no test")
            session.shouldfail = f"a process ended with {code}; its last report was of {test}"
            raise session.Failed(session.shouldfail)
    return True


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test and send its report, or those of what failed before or after it."""
    if _reports is None:
        return None
    for report in runtestprotocol(item, nextitem=nextitem, log=False):
        if report.when == "call" or not report.passed:
            config = item.config
            _reports.send(config.hook.pytest_report_to_serializable(config=config, report=report))
    return True


def _groups(items: Sequence[pytest.Item]) -> list[Group]:
    found: dict[str, Group] = {}
    for item in items:
        found.setdefault(group_of(item.nodeid), []).append(item)
    return list(found.values())


def _queue(count: int) -> int:
    """Return a pipe with the numbers from 0 on, from which each reader takes another one."""
    numbers, writing = os.pipe()
    os.write(writing, b"".join(map(_NUMBER.pack, range(count))))
    os.close(writing)
    return numbers


def _fork(session: pytest.Session, groups: list[Group], numbers: int) -> tuple[Connection, int]:
    """Start a process; return what it reports to, and its id."""
    global _reports  # noqa: PLW0603  (pytest's hooks are functions)
    reading, _reports = Pipe(duplex=False)
    if process := os.fork():
        _reports.close()
        _reports = None
        return reading, process
    code = 1
    try:
        _work(session, groups, numbers)
        code = 0
    except BaseException:  # noqa: BLE001  (nothing above this is this process's)
        session.config.pluginmanager.getplugin("capturemanager").stop_global_capturing()
        traceback.print_exc()
    finally:
        os._exit(code)


def _work(session: pytest.Session, groups: list[Group], numbers: int) -> None:
    """Run the groups that this process takes."""
    capture = session.config.pluginmanager.getplugin("capturemanager")
    capture.stop_global_capturing()  # into files that all processes would share
    capture.start_global_capturing()
    while number := os.read(numbers, _NUMBER.size):
        group = groups[_NUMBER.unpack(number)[0]]
        # Nothing is left for the next group, whichever it is: a browser would leave its event loop.
        for item, following in zip(group, [*group[1:], None], strict=True):
            session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)


def _report(
    session: pytest.Session, connections: Iterable[Connection], last: dict[Connection, str]
) -> None:
    """Report what the processes do, until all have ended or pytest is to stop.

    `last` gets the last test that each has told of.
    """
    config = session.config
    running = set(connections)
    while running:
        for connection in wait(running):
            try:
                data = connection.recv()
            except EOFError:
                running.remove(connection)
                continue
            report = config.hook.pytest_report_from_serializable(config=config, data=data)
            config.hook.pytest_runtest_logreport(report=report)
            last[connection] = report.nodeid
            if session.shouldfail:
                raise session.Failed(session.shouldfail)
