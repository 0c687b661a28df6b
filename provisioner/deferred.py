"""Modules that a library imports at its top, and that are needed by what is not used here."""

from __future__ import annotations

import importlib
import sys
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Deferred(ModuleType):
    """Stands for a module in those that import it, and imports it when it is used."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  (whatever that module has)
        return getattr(importlib.import_module(self.__name__), name)


@contextmanager
def deferred(name: str) -> Iterator[None]:
    """Have imports in this block import that module only when they use it.

    Afterwards it can be imported as ever. A module that is imported already stays as it is.
    """
    stand_in = _Deferred(name)
    sys.modules.setdefault(name, stand_in)
    try:
        yield
    finally:
        if sys.modules.get(name) is stand_in:
            del sys.modules[name]
