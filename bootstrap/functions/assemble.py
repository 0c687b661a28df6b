"""Put together what the functions ship: our packages, and of the dependencies what they import.

Usage: assemble.py DEPENDENCIES PACKAGE, from the repository's root.

Most of troposphere and Powertools is about services that no function touches. What is left out
here is neither uploaded, nor unpacked at a cold start. Both import statically, but for optional
parts that we do not use, so reading the imports is enough to know.
"""

from __future__ import annotations

import os
import shutil
import sys
from modulefinder import ModuleFinder
from pathlib import Path

OURS = ("provisioner", "templates")
NOT_SHIPPED = {Path("provisioner/cli"), Path("provisioner/local")}
PRUNED = ("troposphere", "aws_lambda_powertools")


def main() -> None:
    """Assemble the package again."""
    dependencies, package = map(Path, sys.argv[1:])
    shutil.rmtree(package, ignore_errors=True)
    ours = our_files()
    for path in ours:
        copy(path, package / path)
    needed = imported([path for path in ours if path.suffix == ".py"], ["", str(dependencies)])
    for file in files(dependencies):
        path = file.relative_to(dependencies)
        if path.parts[0] not in PRUNED or module_name(path) in needed:
            link(file, package / path)


def our_files() -> list[Path]:
    """Return the files of ours to ship."""
    found = [path for name in OURS for path in files(Path(name))]
    return [p for p in found if not NOT_SHIPPED & set(p.parents) and "__pycache__" not in p.parts]


def files(directory: Path) -> list[Path]:
    """Return the files below a directory."""
    return sorted(path for path in directory.rglob("*") if path.is_file())


def imported(modules: list[Path], path: list[str]) -> set[str]:
    """Return every module of OURS and PRUNED that `modules` import, directly or through others."""
    there = {entry.name.partition(".")[0] for place in path for entry in Path(place).iterdir()}
    foreign = there.difference(OURS, PRUNED) | sys.stdlib_module_names
    finder = ModuleFinder(path=path, excludes=sorted(foreign))
    for module in modules:
        finder.import_hook(module_name(module))
    return set(finder.modules)


def module_name(path: Path) -> str:
    """Return the module that a source or bytecode file is of: `a/__pycache__/b.cpython-311.pyc`."""
    parts = [part for part in path.parts[:-1] if part != "__pycache__"]
    name = path.name.partition(".")[0]
    return ".".join(parts if name == "__init__" else [*parts, name])


def copy(source: Path, target: Path) -> None:
    """Copy a file that people edit: the package must not change with it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def link(source: Path, target: Path) -> None:
    """Make `target` the same file as `source`, or a copy where the file system cannot."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


if __name__ == "__main__":
    main()
