"""The benchmarks' functions start with the settings that functions ask for today."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import bench
from bench.environment import FUNCTION
from provisioner.settings import Settings


def test_settings_are_whole():
    assert Settings.from_environ(FUNCTION).platform.allowed.amis == ("*",)


def test_a_process_has_one_runtime_by_its_environment():
    program = (
        "from provisioner.entrypoints.wiring import runtime; first = runtime();"
        "assert first is runtime(); print(first.settings.platform.prefix)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **FUNCTION},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == FUNCTION["PREFIX"]


def test_benchmarks_import_one_another_by_the_names_that_they_have():
    """No other test imports them: some take seconds to do so."""
    modules = {path.stem: path for path in Path(bench.__file__).parent.glob("*.py")}
    imported = {
        name
        for path in modules.values()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        for name in _of_bench(node)
    }

    assert imported <= modules.keys()
    assert "daily_check" in imported


def _of_bench(node: ast.ImportFrom) -> set[str]:
    if node.module == "bench":
        return {each.name for each in node.names}
    package, _, name = (node.module or "").partition(".")
    return {name} if package == "bench" else set()
