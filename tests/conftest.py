"""For every test: moto keeps one boto3 session; no example fails for its time on a busy machine.

With a session of its own, each of moto's mocks would read all services' models again. Each EC2 that
is mocked would make 1,300 AMIs, for which nothing here asks.
"""

from __future__ import annotations

import os
import sys
from functools import cache

import boto3
import pytest
from hypothesis import settings

os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
settings.register_profile("house", deadline=None)
settings.load_profile("house")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Share tests out by module."""
    from tests.support.scheduling import ByModule  # noqa: PLC0415  (absent without the plugin)

    return ByModule(config, log)


def pytest_collection_finish():
    """Set what moto reads when a mock starts; what tests need no moto need not load it either."""
    if config := sys.modules.get("moto.core.config"):
        config.default_user_config["core"]["reset_boto3_session"] = False


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """Let hostile texts in what a test has logged pass between pytest's processes."""
    report = yield
    report.sections = [
        (title, text.encode(errors="backslashreplace").decode()) for title, text in report.sections
    ]
    return report


_make = boto3.client


@cache
def _client(_environment, service, region):
    return _make(service, region_name=region)


def _client_of_this_environment(service, region_name=None):
    """Return what boto3 would make, once: that takes longer than most calls of moto."""
    environment = frozenset(each for each in os.environ.items() if each[0].startswith("AWS_"))
    return _client(environment, service, region_name)


boto3.client = _client_of_this_environment
