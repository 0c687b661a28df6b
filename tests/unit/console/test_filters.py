"""How values read on a page."""

from __future__ import annotations

import pytest

from provisioner.console.filters import as_json


@pytest.mark.usefixtures("usual_recursion_limit")
def test_a_value_that_is_nested_too_deeply_keeps_no_page_away():
    value = []
    for _ in range(5_000):
        value = [value]

    assert as_json(value) == "nested too deeply to be shown"
