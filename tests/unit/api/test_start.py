"""What the function loads before its first request is little: models take most of a cold start."""

from __future__ import annotations

import subprocess
import sys


def test_the_app_is_imported_without_the_models():
    shown = "import provisioner.api.app, sys; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True)

    assert {"pydantic", "provisioner.jobs", "templates"}.isdisjoint(ran.stdout.split())
