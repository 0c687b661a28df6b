"""What a package exports is what its name says, whichever of its modules have been imported."""

from __future__ import annotations

from pathlib import Path

import pytest

import provisioner
import templates

PACKAGES = [
    path.parent
    for package in (provisioner, templates)
    for path in sorted(Path(package.__file__).parent.rglob("__init__.py"))
]


def name(package):
    return package.relative_to(Path(provisioner.__file__).parent.parent).as_posix()


@pytest.mark.parametrize("package", PACKAGES, ids=name)
def test_no_module_hides_what_its_package_exports(package):
    """An import of the module `jobs.x` sets `jobs.x`, over a function of that name."""
    modules = {path.stem for path in package.iterdir() if path.suffix == ".py" or path.is_dir()}
    text = (package / "__init__.py").read_text("utf-8")
    exported = set(text[text.find("__all__") :].split('"')[1::2]) if "__all__" in text else set()

    assert not modules & exported
