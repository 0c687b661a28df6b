"""For every test: moto is cheap; no example fails for its time on a busy machine.

Each EC2 that is mocked would make 1,300 AMIs, for which nothing here asks.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from functools import cache

import boto3
import pytest
from hypothesis import settings
from typer import testing
from typer.main import get_command

from tests.support.drawn import examples
from tests.support.side_by_side import (
    pytest_addoption,
    pytest_runtest_protocol,
    pytest_runtestloop,
)

__all__ = ["pytest_addoption", "pytest_runtest_protocol", "pytest_runtestloop"]

os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
settings.register_profile("house", deadline=None, max_examples=examples(150))
settings.load_profile("house")


def pytest_configure():
    """Let Ctrl-C reach what tests start: a shell has what it starts in the background ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish():
    """Make moto cheap, where tests have loaded it, and garbage collection.

    What has been imported stays: no collection need look at it again.
    """
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    if "moto" in sys.modules:
        from tests.support import moto  # noqa: PLC0415

        moto.keep()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """Let hostile texts in what a test has logged pass between pytest's processes."""
    report = yield
    report.sections = [
        (title, text.encode(errors="backslashreplace").decode()) for title, text in report.sections
    ]
    return report


@pytest.fixture
def usual_recursion_limit():
    """Set Python's own default: libraries of other tests raise it."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    yield
    sys.setrecursionlimit(limit)


@cache
def _made(_environment, make, service, region):
    return make(service, region_name=region)


def of_this_environment(make):
    """Return a function that makes what boto3 would, once: most calls of moto take less time."""

    def made(service, region_name=None):
        names = (name for name in os.environ if name.startswith("AWS_"))
        environment = frozenset((name, os.environ[name]) for name in names)
        return _made(environment, make, service, region_name)

    return made


boto3.client, boto3.resource = map(of_this_environment, (boto3.client, boto3.resource))

# typer makes all commands again for each that is run.
testing._get_command = cache(get_command)
