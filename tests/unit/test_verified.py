"""docs/internals/verified.md names steps of `make smoke` that exist, and names them all."""

from __future__ import annotations

import re
from pathlib import Path

from tools.smoke.__main__ import TEARDOWN

ROOT = Path(__file__).parents[2]
NOT_PROVEN = "not provoked"
ENGINE_PROVES = {"put run change and delete", "broken and repaired"}
"""Steps that only show what a user does first, and what goes wrong first."""


def rows():
    lines = (ROOT / "docs/internals/verified.md").read_text("utf-8").splitlines()
    table = [line for line in lines if line.startswith("| ")][1:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table]


def steps():
    text = (ROOT / "tests/smoke/test_account.py").read_text("utf-8")
    names = re.findall(r"^def test_(\w+)", text, re.MULTILINE)
    return {name.replace("_", " ") for name in names} | {TEARDOWN}


def test_every_row_names_a_step_or_says_that_none_proves_it():
    named = {row[2].split("`")[1] for row in rows() if row[2].startswith("`")}
    assert named <= steps()
    assert {row[2] for row in rows() if not row[2].startswith("`")} <= {NOT_PROVEN}


def test_every_step_proves_something():
    named = {row[2].split("`")[1] for row in rows() if row[2].startswith("`")}
    assert steps() - ENGINE_PROVES <= named
