"""Tests hand the product other collaborators; none replaces something in its modules."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
OTHERS = {"sys", "tempfile", "logger.registered_handler", "JSONFileLoader"}
"""What is not the product's: Python's own modules, Powertools' logger, a class of botocore."""


WORDS = re.compile("setattr|cache_clear|cache_parameters|mock")
"""Few modules have any of them: the others need not be parsed."""


def replacements(code):
    """Yield the lines that replace an attribute of something, or empty a cache by its name."""
    if not WORDS.search(code):
        return
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Call(ast.Attribute(_, "setattr") | ast.Name("setattr"), [target, *_]):
                if ast.unparse(target) not in OTHERS:
                    yield node.lineno
            case ast.Attribute(_, "cache_clear" | "cache_parameters"):
                yield node.lineno
            case ast.Attribute(ast.Name("mock"), "patch"):
                yield node.lineno


def test_nothing_is_replaced_in_the_product():
    paths = [*ROOT.joinpath("tests").rglob("*.py"), *ROOT.joinpath("bench").rglob("*.py")]
    found = {
        path.relative_to(ROOT).as_posix(): lines
        for path in paths
        if (lines := list(replacements(path.read_text("utf-8"))))
    }
    assert found == {}


def test_a_replacement_is_found():
    code = "monkeypatch.setattr(plan, 'decide', None)\nclient.cache_clear()\nmock.patch('x')"
    assert list(replacements(code)) == [1, 2, 3]
