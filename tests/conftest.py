"""For every test: moto keeps one boto3 session; else each mock reads all services' models again."""

from __future__ import annotations

import pytest
from moto.core.config import default_user_config

default_user_config["core"]["reset_boto3_session"] = False


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """Let hostile texts in what a test has logged pass between pytest's processes."""
    report = yield
    report.sections = [
        (title, text.encode(errors="backslashreplace").decode()) for title, text in report.sections
    ]
    return report
