"""The user data of a machine: the boot program, and what to start it with."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from templates.workflow.jsonata import call, concat

if TYPE_CHECKING:
    from templates.workflow.jsonata import Expression, Value

MAX_USER_DATA_BYTES = 16_384
"""EC2 User Guide, instance user data: before it is encoded."""

_REMARK = re.compile(r" {2}# .*")
_INDENT = re.compile(r"^(?: {4})+")


def user_data(given: dict[str, Value]) -> Expression:
    """Return user data that start the boot program with `given`.

    Its values are texts and numbers, so that their JSON is Python too.
    """
    return call(
        "base64encode",
        concat(f"#!/usr/bin/env python3\n{program()}main(", call("string", given), ")\n"),
    )


@cache
def program() -> str:
    """Return the boot program without what only people read."""
    source = Path(__file__).with_name("boot.py").read_text("utf-8")
    said = {line for each in ast.walk(ast.parse(source)) for line in _docstring(each)}
    kept = [
        _INDENT.sub(lambda found: " " * (len(found[0]) // 4), _REMARK.sub("", line))
        for number, line in enumerate(source.splitlines(), 1)
        if line and number not in said
    ]
    return "\n".join(kept) + "\n"


def _docstring(node: ast.AST) -> range:
    match node:
        case ast.Module(body=body) | ast.ClassDef(body=body) | ast.FunctionDef(body=body):
            match body[0]:
                case ast.Expr(value=ast.Constant(value=str()), lineno=first, end_lineno=int(last)):
                    return range(first, last + 1 if len(body) > 1 else first)
    return range(0)
