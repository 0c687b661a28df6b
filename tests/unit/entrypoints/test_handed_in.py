"""Tests hand the product other collaborators; none replaces something in its modules."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
OTHERS = {"sys", "tempfile", "logger.registered_handler", "JSONFileLoader"}
"""What is not the product's: Python's own modules, Powertools' logger, a class of botocore."""

WORDS = re.compile(
    r"setattr|delattr|setitem|delitem|cache_clear|cache_parameters|mock"
    r"|^ *(?:del )?(?!self\b)\w+(?:\.\w+|\[.*\])+(?: \S?= |$)",
    re.MULTILINE,
)
"""Many modules have none of them: these need not be parsed."""


def replacements(code):
    """Yield the lines that replace something of the product, or empty a cache by its name."""
    if not WORDS.search(code):
        return
    tree = ast.parse(code)
    product = set(imported(tree))
    yield from (node.lineno for node in ast.walk(tree) if replaces(node, product))


def replaces(node, product):
    match node:
        case ast.Call(
            ast.Attribute(_, "setattr" | "delattr") | ast.Name("setattr" | "delattr"), [target, *_]
        ):
            return ast.unparse(target) not in OTHERS
        case ast.Call(ast.Attribute(_, "setitem" | "delitem"), [target, *_]):
            return root(target) in product
        case (
            ast.Attribute(_, "cache_clear" | "cache_parameters")
            | ast.Attribute(ast.Name("mock"), "patch")
            | ast.ImportFrom("unittest.mock", [ast.alias("patch")])
        ):
            return True
        case (
            ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del())
        ):
            return root(node) in product
    return False


def imported(tree):
    """Yield the names by which a module knows what it imports of the product."""
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(str(module), names) if of_product(module):
                yield from (name.asname or name.name for name in names)
            case ast.Import(names):
                yield from (
                    name.asname or name.name.partition(".")[0]
                    for name in names
                    if of_product(name.name)
                )


def of_product(module):
    return module.partition(".")[0] in {"provisioner", "templates"}


def root(node):
    """Return the name that attributes and items are taken of, None if it is not a name."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def test_nothing_is_replaced_in_the_product():
    paths = [*ROOT.joinpath("tests").rglob("*.py"), *ROOT.joinpath("bench").rglob("*.py")]
    found = {
        path.relative_to(ROOT).as_posix(): lines
        for path in paths
        if (lines := list(replacements(path.read_text("utf-8"))))
    }
    assert found == {}


@pytest.mark.parametrize(
    "line",
    [
        "monkeypatch.setattr(plan, 'decide', None)",
        "monkeypatch.delattr(plan, 'decide')",
        "monkeypatch.setitem(plan.STATUSES, 'x', None)",
        "monkeypatch.delitem(plan.STATUSES, 'x')",
        "client.cache_clear()",
        "mock.patch('x')",
        "from unittest.mock import patch",
        "plan.decide = None",
        "plan.Decide.__call__ = None",
        "plan.STATUSES['x'] = None",
        "plan.LIMIT += 1",
        "del plan.decide",
        "provisioner.stacks.plan.decide = None",
    ],
)
def test_a_replacement_is_found(line):
    imports = "import provisioner.stacks\nfrom provisioner.stacks import plan\n"

    assert list(replacements(imports + line)) == [3]


@pytest.mark.parametrize("line", ["world.now = None", "planned['x'] = None", "plan = None"])
def test_what_is_not_the_products_may_change(line):
    assert list(replacements(f"from provisioner.stacks import plan\n{line}")) == []
