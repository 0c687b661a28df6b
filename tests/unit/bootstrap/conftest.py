"""The bootstrap, rendered once for all tests here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.bootstrap import ROOT, Stack, bootstrap_of, load, policies_of
from tests.support.iam import Statements


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def source() -> dict[str, Any]:
    """template.yaml as it is written."""
    return load(ROOT / "template.yaml")


@pytest.fixture(scope="session")
def nested_paths() -> list[Path]:
    return sorted((ROOT / "bootstrap").glob("*.yaml"))


@pytest.fixture(scope="session")
def bootstrap(source: dict[str, Any]) -> Stack:
    return bootstrap_of(source)


@pytest.fixture(scope="session")
def policies(bootstrap: Stack) -> dict[str, Statements]:
    return policies_of(bootstrap)
