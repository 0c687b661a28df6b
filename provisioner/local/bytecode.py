"""The bytecode of an image's modules: without it, each container compiles what it imports again."""

from __future__ import annotations

import os
import py_compile
import sys
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADER_BYTES = 16
_BY_TIME = bytes(4)
"""Flags of bytecode that is valid for its source's time and size (PEP 552)."""


def bytecode_of(modules: Mapping[str, Path], folder: Path) -> dict[str, Path]:
    """Return the bytecode of Python's files among `modules`, by where an image has it.

    What this Python has not compiled yet is compiled into `folder`; what cannot be is left out.
    """
    found: dict[str, Path] = {}
    for name, source in modules.items():
        if source.suffix == ".py" and (compiled := _compiled(source, folder)):
            place = Path(name).parent / "__pycache__"
            found[str(place / f"{source.stem}.{sys.implementation.cache_tag}.pyc")] = compiled
    return found


def is_valid(bytecode: Path, source: Path) -> bool:
    """Tell whether Python takes the bytecode for the source, here and in an image."""
    try:
        with bytecode.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError:
        return False
    found = source.stat()
    stamp = b"".join(
        (number & 0xFFFFFFFF).to_bytes(4, "little")
        for number in (int(found.st_mtime), found.st_size)
    )
    return header == MAGIC_NUMBER + _BY_TIME + stamp


def _compiled(source: Path, folder: Path) -> Path | None:
    own = Path(cache_from_source(str(source)))
    if is_valid(own, source):
        return own
    target = folder / source.relative_to(source.anchor).with_suffix(".pyc")
    try:
        py_compile.compile(
            str(source),
            str(target),
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP,
        )
    except (py_compile.PyCompileError, OSError):
        return None
    os.utime(target, (source.stat().st_mtime, source.stat().st_mtime))  # as if it had been there
    return target
