"""What the console serves as files: ours, and others' with their licences."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pytest

from provisioner.console import assets
from provisioner.console.http import Request
from provisioner.errors import NotFoundError

VENDOR = assets.FOLDER / "vendor"
MANIFEST = json.loads((VENDOR / "manifest.json").read_text())


def test_every_file_of_others_is_the_one_that_was_published():
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.iterdir()
        if path.suffix in {".js", ".css"}
    }

    assert found == {file: sha for each in MANIFEST for file, sha in each["files"].items()}


@pytest.mark.parametrize("package", MANIFEST, ids=lambda each: each["package"])
def test_every_package_has_its_version_and_licence(package):
    assert {"version", "licence", "from"} <= package.keys()
    assert (VENDOR / package["licence_file"]).read_text()


@pytest.mark.parametrize("name", assets.FILES)
def test_files_are_kept_for_a_year_under_a_name_that_changes_with_them(name):
    response = assets.serve(Request("GET", assets.address(name)), None)

    assert response.body == assets.content(name)
    assert "immutable" in response.headers["Cache-Control"]


@pytest.mark.parametrize(
    "path", ["/static/console.js", "/static/console.0123456789ab.js", "/static/../app.py"]
)
def test_no_other_name_is_served(path):
    with pytest.raises(NotFoundError):
        assets.serve(Request("GET", path), None)


def test_nothing_comes_from_elsewhere():
    own = [path for path in assets.FOLDER.iterdir() if path.is_file()]
    assert not [
        path
        for path in own
        if "//" in path.read_text().replace("http://www.w3.org", "") and path.suffix == ".css"
    ]


def test_the_editor_is_made_of_what_its_recipe_names():
    recipe = Path(__file__).parents[3] / "tools/editor"
    locked = json.loads((recipe / "package-lock.json").read_text())["packages"]
    (codemirror,) = (each for each in MANIFEST if each["package"] == "codemirror")

    assert codemirror["bundled"] == {
        name.removeprefix("node_modules/"): about["version"]
        for name, about in locked.items()
        if name and not about.get("dev")
    }
    assert len(gzip.compress(assets.content("editor.js"))) < 162_000


def test_a_first_visit_is_small():
    """Compressed, without the page itself, which is 5 to 15 KB (tests/functional/console)."""
    first = assets.FILES.keys() - {"editor.js"}
    sizes = {name: len(gzip.compress(assets.content(name))) for name in first}

    assert sizes["console.css"] < 8_000
    assert sizes["console.js"] < 5_500
    assert sum(sizes.values()) < 32_000
