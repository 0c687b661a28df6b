"""Whatever people see goes through `provisioner.terminal`, which cleans it."""

from __future__ import annotations

import re
from pathlib import Path

PROVISIONER = Path(__file__).parents[3] / "provisioner"
OTHER_WAYS = re.compile(
    r"typer\.(?:echo|secho|confirm|prompt)\(|(?<![\w.])(?:print|Console)\(|sys\.std(?:out|err)\.write"
)
KNOWN = {
    "cli/commands.py": 3,  # an error in one line, cleaned, and the version
    "cli/display.py": 1,  # a question, cleaned
    "local/build_image.py": 2,  # a name and a path, read by the engine
    "local/commands.py": 1,  # what a shell is to evaluate
}


def test_nothing_is_printed_past_it():
    found = {}
    for path in sorted(PROVISIONER.rglob("*.py")):
        name = path.relative_to(PROVISIONER).as_posix()
        ways = OTHER_WAYS.findall(path.read_text("utf-8"))
        if ways and not name.startswith(("local/shim/", "local/engine_main")):
            found[name] = len(ways)

    assert found == KNOWN
