"""No row raises, and none takes longer than its share."""

from __future__ import annotations

import re
import signal
import threading
import time
from contextlib import suppress

import pytest

from provisioner import jobs
from provisioner.errors import TimeLimitError
from provisioner.jobs import InvalidRow, guarded

ROW = {
    "job_name": "report",
    "type": "lambda",
    "runtime": "python3.13",
    "handler": "app.handler",
    "bundle": "s3://bundles/report.zip",
}


HEAVIEST_ROW_MB = 85
"""What it takes to read 400 KB of empty texts in a list."""


def loops():
    while True:
        pass


def backtracks():
    re.match(r"(a+)+$", "a" * 64 + "b")


def swallows_what_stops_it():
    while True:
        try:
            loops()
        except ValueError:
            pass
        finally:
            sum(range(1000))


LONG = {"a loop": loops, "a pattern": backtracks, "a stubborn loop": swallows_what_stops_it}


@pytest.mark.parametrize("work", LONG.values(), ids=LONG)
def test_what_takes_too_long_is_ended(work):
    before = signal.getsignal(signal.SIGPROF)

    with pytest.raises(TimeLimitError, match=r"0\.05 seconds"), guarded.processor_time(0.05):
        work()

    assert signal.getsignal(signal.SIGPROF) is before
    assert signal.getitimer(signal.ITIMER_PROF) == (0, 0)


def test_what_is_caught_once_is_stopped_again():
    def catches_the_first():
        try:
            loops()
        except TimeLimitError:
            loops()

    with pytest.raises(TimeLimitError), guarded.processor_time(0.05):
        catches_the_first()


def test_waiting_costs_nothing():
    with guarded.processor_time(0.05):
        time.sleep(0.2)


def test_a_limit_inside_another_leaves_it_what_is_left():
    def two_loops():
        with suppress(TimeLimitError), guarded.processor_time(0.05):
            loops()
        loops()

    with pytest.raises(TimeLimitError, match=r"0\.2 seconds"), guarded.processor_time(0.2):
        two_loops()


def test_other_threads_have_no_limit():
    done = []

    def work():
        with guarded.processor_time(0.001):
            done.append(sum(range(300_000)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert done


def test_a_row_is_parsed_as_ever():
    assert guarded.parse(ROW) == jobs.parse(ROW)
    assert guarded.row_digest(ROW, jobs.parse(ROW)) == jobs.row_digest(ROW, jobs.parse(ROW))


class Raises(dict):
    """A row over which everything fails."""

    def __init__(self, error):
        super().__init__(ROW)
        self.error = error

    def items(self):
        raise self.error

    __iter__ = keys = items


ERRORS = {
    "a bug": ZeroDivisionError("of our own"),
    "too deep": RecursionError("maximum recursion depth exceeded"),
    "too large": MemoryError(),
}


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_a_row_over_which_we_fail_is_invalid_with_the_reason(error):
    rejected = guarded.parse(Raises(error))

    assert isinstance(rejected, InvalidRow)
    assert rejected.job_name == "report"
    assert type(error).__name__ in rejected.errors[0].message
    assert guarded.row_digest(Raises(error), rejected) == ""


def test_few_names_at_a_time_each_once():
    names = [f"job-{number}" for number in range(25)]

    found = list(guarded.few([*names, *names]))

    assert [name for some in found for name in some] == names
    assert max(map(len, found)) * HEAVIEST_ROW_MB < 900  # of a function's 1,024
