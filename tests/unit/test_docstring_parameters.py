"""What a docstring says of a parameter is said of one that the function has."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_SECTION = re.compile(r"^Parameters\n-+\n(.*?)(?=\n\n\w+\n-+\n|\Z)", re.DOTALL | re.MULTILINE)
_NAMES = re.compile(r"\w+(?:, \w+)*")


def described(function):
    """Return the parameters that a docstring describes, those on one line as well."""
    section = _SECTION.search(ast.get_docstring(function) or "")
    lines = section[1].splitlines() if section else []
    return {name for line in lines if _NAMES.fullmatch(line) for name in line.split(", ")}


def parameters(function):
    spec = function.args
    return {each.arg for each in ast.walk(spec) if isinstance(each, ast.arg)}


def unknown_in(text):
    return {
        (function.name, name)
        for function in ast.walk(ast.parse(text))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for name in described(function) - parameters(function)
    }


def test_of_each_function():
    sources = [*(ROOT / "provisioner").rglob("*.py"), *(ROOT / "templates").rglob("*.py")]
    texts = {path: path.read_text(encoding="utf-8") for path in sources}

    assert sum("Parameters\n" in text for text in texts.values()) > 10
    assert {
        (str(path.relative_to(ROOT)), *each)
        for path, text in texts.items()
        if "Parameters\n" in text
        for each in unknown_in(text)
    } == set()


FUNCTION = '''
def list_jobs(limit, after, *rest, named):
    """Return jobs.

    Parameters
    ----------
    {names}
        A line.

    Raises
    ------
    most
        Never.
    """
'''


@pytest.mark.parametrize(
    ("names", "unknown"),
    [
        ("limit", set()),
        ("limit, after", set()),
        ("rest, named", set()),
        ("most", {("list_jobs", "most")}),
        ("limit, most", {("list_jobs", "most")}),
    ],
)
def test_a_former_name_is_seen(names, unknown):
    assert unknown_in(FUNCTION.format(names=names)) == unknown
