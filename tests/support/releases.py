"""Another release of the provisioner: a copy of the checkout whose templates differ in one part."""

from __future__ import annotations

import shutil
from pathlib import Path

from templates.version import TEMPLATE_VERSION

PARTS = ("provisioner", "templates", "bootstrap")
FILES = ("template.yaml", "samconfig.toml", "requirements-lambda.lock")
LINKED = (".venv", ".provisioner/tools")
"""Installed once, and the same for both."""

VERSION = "0123456789ab"
COMMENT = "of the other release"


def other_release(checkout: Path, folder: Path) -> Path:
    """Make the other release in a folder; `provisioner local up` deploys it from there."""
    for name in PARTS:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(checkout / name, folder / name, ignore=ignored)
    for name in FILES:
        shutil.copy2(checkout / name, folder / name)
    for name in LINKED:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).symlink_to(checkout / name)
    _replace(folder / "templates" / "version.py", TEMPLATE_VERSION, VERSION)
    _replace(folder / "template.yaml", TEMPLATE_VERSION, VERSION)
    first = '"QueryLanguage": "JSONata",'
    part = folder / "templates" / "workflow" / "definition.py"
    _replace(part, first, f'"Comment": "{COMMENT}", {first}')
    return folder


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert text.count(old) == 1, f"{old} in {path}"
    path.write_text(text.replace(old, new), "utf-8")
