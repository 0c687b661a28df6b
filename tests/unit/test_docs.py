"""Pages that list what the code has: they list all of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from provisioner.aws.stacks_table import to_item
from provisioner.jobs import Rejected, parse
from provisioner.jobs.artifacts import RUNTIMES
from provisioner.stack import JobStatus, StackRecord

DOCS = Path(__file__).parents[2] / "docs"
STACKS = (DOCS / "stacks.md").read_text()
ROWS = [
    json.loads(text)
    for text in re.findall(r"```json\n(.*?)```", (DOCS / "languages.md").read_text(), re.DOTALL)
]


def listed(page):
    """Return what the first cells of a page's tables name."""
    cells = re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def test_every_attribute_and_status_of_the_stacks_table_is_there():
    assert listed(STACKS) == {*to_item(StackRecord("x")), "version", *JobStatus}


@pytest.mark.parametrize("row", ROWS, ids=[row["runtime"] for row in ROWS])
def test_the_row_of_each_language_is_good(row):
    assert not isinstance(parse(row), Rejected)


def test_there_is_a_recipe_for_every_language():
    def families(runtimes):
        return {re.match("[a-z]+", runtime)[0] for runtime in runtimes}

    assert families(row["runtime"] for row in ROWS) == families(RUNTIMES)


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md")))
def test_links_lead_somewhere(page):
    text = (DOCS / page).read_text()
    for target, anchor in re.findall(r"\]\(([\w.]*\.md)?(?:#([\w-]+))?\)", text):
        there = (DOCS / target).read_text() if target else text
        titles = re.findall(r"^#+ (.*)$", there, re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
        assert not anchor or anchor in anchors, f"{target}#{anchor}"
