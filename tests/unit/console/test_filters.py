"""How values read on a page."""

from __future__ import annotations

import pytest

from provisioner.console.filters import as_json, sentence


@pytest.mark.usefixtures("usual_recursion_limit")
def test_a_value_that_is_nested_too_deeply_keeps_no_page_away():
    value = []
    for _ in range(5_000):
        value = [value]

    assert as_json(value) == "nested too deeply to be shown"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("there is no job nope", "There is no job nope."),
        ("This address takes GET only.", "This address takes GET only."),
        ('report has no run "x"', 'report has no run "x".'),
    ],
    ids=["an error", "a sentence", "a name first"],
)
def test_an_error_reads_as_a_sentence(text, shown):
    assert sentence(text, ["", "jobs", "report"]) == shown
