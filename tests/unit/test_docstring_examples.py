"""Examples in docstrings: each gives what it says that it gives."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
WITH_EXAMPLES = sorted(
    ".".join(file.relative_to(CHECKOUT).with_suffix("").parts)
    for package in ("provisioner", "templates")
    for file in (CHECKOUT / package).rglob("*.py")
    if ">>> " in file.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_examples_give_what_they_say(monkeypatch, module):
    monkeypatch.setenv("GATEWAY_PORT", "4566")  # which an example sets: put back afterwards

    result = doctest.testmod(importlib.import_module(module))

    assert result.attempted > 0
    assert result.failed == 0
