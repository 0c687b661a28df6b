"""What `sam build` made, in the form that `sam deploy` takes quickest.

Every function is the same code, yet `sam deploy` makes an archive of each; and it reads each
template many times, for which YAML takes it ten times as long as JSON. Here both are done once a
build, for all engines of the checkout.
"""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import cfn_flip

if TYPE_CHECKING:
    from pathlib import Path

_FUNCTION = "AWS::Serverless::Function"


def pack(build: Path) -> None:
    """Make all functions of a build name one archive, and all its templates JSON."""
    templates = {path: _read(path) for path in sorted(build.rglob("template.yaml"))}
    functions = [
        (path.parent, resource["Properties"])
        for path, template in templates.items()
        for resource in template["Resources"].values()
        if resource["Type"] == _FUNCTION
    ]
    folder, properties = functions[0]
    archive = shutil.make_archive(str(build / "functions"), "zip", folder / properties["CodeUri"])
    for folder, properties in functions:
        properties["CodeUri"] = os.path.relpath(archive, folder)
    for path, template in templates.items():
        path.write_text(json.dumps(template), encoding="utf-8")


def _read(template: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cfn_flip.to_json(template.read_text(encoding="utf-8")))
    return found
