"""What the README shows of `make local` is what its steps say and what is printed at its end."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from provisioner.local import commands
from provisioner.local.examples import Example
from provisioner.local.outcomes import ExampleOutcome

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text()
BLOCK = re.search(r"\$ make local\n(.*?)```", README, re.DOTALL)[1]
EVENTS, TABLE, CONSOLE = BLOCK.split("\n\n")
EXAMPLES = {
    path.stem: yaml.safe_load(path.read_text()) for path in ROOT.glob("bootstrap/examples/*.yaml")
}
CUT = "…"


def said():
    """Yield what the steps may say and the commands may print, as regular expressions."""
    for path in (ROOT / "provisioner/local").glob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            match call:
                case ast.Call(func=ast.Name("say") | ast.Attribute(attr="print"), args=[argument]):
                    texts = (each for each in ast.walk(argument) if isinstance(each, ast.JoinedStr))
                    yield from map(pattern, texts)


def pattern(text):
    """Return an f-string as a regular expression."""
    return "".join(
        re.escape(part.value.strip("\n")) if isinstance(part, ast.Constant) else ".+"
        for part in text.values
    )


@pytest.mark.parametrize(
    "line", [line for line in [*EVENTS.splitlines(), *CONSOLE.splitlines()] if line.strip() != CUT]
)
def test_a_step_says_this(line):
    event = re.fullmatch(r"(?: *[\d.]+ s  )?(.*)", line)[1]

    assert any(re.fullmatch(text, event) for text in said() if text.strip(".+"))


def test_as_many_rows_are_written():
    assert f"writing {len(EXAMPLES)} rows" in EVENTS


def test_the_table_looks_like_this(capsys):
    shown = [line for line in TABLE.splitlines() if line != CUT]
    took = {line.split()[0]: line.split()[-2] for line in shown[1:]}
    outcomes = [
        ExampleOutcome(
            Example(EXAMPLES[name], Path()),
            {"status": "READY"},
            {"status": "SUCCEEDED", "duration_ms": 1000 * float(took.get(name, 1))},
        )
        for name in sorted(EXAMPLES)
    ]
    engine = SimpleNamespace(state=SimpleNamespace(container_host="unix:///docker.sock"))

    commands._print_outcomes(engine, outcomes)

    printed = [line.rstrip() for line in capsys.readouterr().out.strip("\n").splitlines()]
    left = iter(printed)
    assert all(line in left for line in shown)
