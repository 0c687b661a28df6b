"""Lines of the log that are about a job say which, as a field that one can search for."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PROVISIONER = Path(__file__).parents[2] / "provisioner"


def lines(path):
    """Yield what a module logs with the standard library, which knows no current job."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name("_log"))):
                yield node


LOGGING = [path for path in PROVISIONER.rglob("*.py") if any(lines(path))]


@pytest.mark.parametrize("path", LOGGING, ids=lambda path: str(path.relative_to(PROVISIONER)))
def test_a_line_that_names_a_job_has_its_name_as_a_field(path):
    for line in lines(path):
        named = any("job_name" in ast.unparse(argument) for argument in line.args[1:])
        assert not named or "extra" in {each.arg for each in line.keywords}, ast.unparse(line)
