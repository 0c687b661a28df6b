"""Names of attributes in DynamoDB's expressions are those of `runs.keys`.

An expression is text, which reads best with its names in it.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from provisioner.runs.keys import Field

ROOT = Path(__file__).parents[3]
MODULES = [
    ROOT / "templates/workflow/transactions.py",
    *(
        path
        for path in (ROOT / "provisioner/aws").glob("*.py")
        if "provisioner.runs.keys" in path.read_text()
    ),
]
EXPRESSION = re.compile(r"(?=.*(:[a-z]|\b(SET|ADD|REMOVE|DELETE) |attribute_))[\w#:=<>,() +-]+")
FUNCTIONS = {
    *("attribute_exists", "attribute_not_exists", "attribute_type"),
    *("begins_with", "contains", "if_not_exists", "size"),
}
STACKS = {"missed_schedules"}
"""An attribute of the Stacks table, which is written in the same transaction."""


def expressions(path):
    """Yield the texts of a module that look like a whole expression, or like a part of one."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Constant(value=str(text)) if EXPRESSION.fullmatch(text):
                yield text


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_every_name_is_one_of_the_keys(path):
    names = {
        name
        for text in expressions(path)
        for name in re.findall(r"(?<![:\w])[a-z_]+", text)
        if name not in FUNCTIONS | STACKS
    }

    assert names <= {*Field}


def test_expressions_are_found():
    found = [*expressions(MODULES[0])]

    assert "SET #status = :free REMOVE #owner, execution_arn, run_id, lease_until" in found
