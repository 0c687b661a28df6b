"""The service returns data: it does not print, ask, wait or end the process."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SERVICE = Path(__file__).parents[3] / "provisioner" / "service"
MODULES = sorted(SERVICE.glob("*.py"))
FUNCTIONS = {"print", "input", "exit", "sleep"}
METHODS = {"exit", "sleep"}


def called(tree):
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in FUNCTIONS:
                yield name
            case ast.Call(func=ast.Attribute(attr=name)) if name in METHODS:
                yield name


@pytest.mark.parametrize("module", MODULES, ids=[path.stem for path in MODULES])
def test_no_face_and_no_waiting(module):
    assert list(called(ast.parse(module.read_text()))) == []
