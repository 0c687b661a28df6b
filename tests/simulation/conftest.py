"""The functions' log would be longer than the tests."""

from __future__ import annotations

import pytest

from provisioner.entrypoints.function import logger


@pytest.fixture(autouse=True)
def silence():
    """Have nothing logged but what never comes."""
    logger.setLevel("CRITICAL")
    yield
    logger.setLevel("INFO")
