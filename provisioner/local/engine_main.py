"""Run MiniStack with what it lacks of AWS. Started by path, by the engine's own Python.

Its configuration is MiniStack's environment variables (`engine.Engine` sets them).
"""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Patch the engine, then serve until stopped."""
    # In place of this file's own folder, whose names are not for importing from here.
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    from provisioner.local import shim  # noqa: PLC0415

    shim.install()
    shim.private("ministack.app", "main")()


if __name__ == "__main__":
    main()
