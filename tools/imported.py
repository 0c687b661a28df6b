"""A module's code, with a mistake in it or not, for whoever imports the module."""

from __future__ import annotations

from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from types import CodeType


class Finder(MetaPathFinder):
    """Gives one module's code to whoever imports it."""

    def __init__(self, module: str, path: Path, code: CodeType) -> None:
        self._module, self._path = module, path
        self._loader = _Loader(module, str(path))
        self._loader.code = code

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        """Find this module only."""
        if fullname != self._module:
            return None
        return spec_from_file_location(fullname, self._path, loader=self._loader)


class _Loader(SourceFileLoader):
    code: CodeType

    def get_code(self, _fullname: str) -> CodeType:
        return self.code
