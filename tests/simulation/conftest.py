"""The functions' log would be longer than the tests."""

from __future__ import annotations

import pytest

from provisioner.entrypoints import reconciling, run_events, sweep


@pytest.fixture(autouse=True, scope="session")
def silence():
    """Have nothing logged but what never comes."""
    for logger in (reconciling.logger, sweep.logger, run_events.logger):
        logger.setLevel("CRITICAL")
    yield
    for logger in (reconciling.logger, sweep.logger, run_events.logger):
        logger.setLevel("INFO")
