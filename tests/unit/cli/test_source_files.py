"""Which files of a folder are pushed as source."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.cli import source_files
from provisioner.errors import PermanentError


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "code"
    for name in (
        *("Dockerfile", "app.py", "debug.log", "keep.log", "web/app.js", "web/dist/app.js"),
        *("docs/guide.md", "docs/README.md", ".git/config", "node_modules/a/index.js"),
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    return folder


def names(folder, **more):
    return [file.name for file in source_files.of(folder, **more).files]


@pytest.mark.parametrize(
    ("ignored", "left"),
    [
        pytest.param(
            {".gitignore": "*.log\n!keep.log\nnode_modules/\n", "web/.gitignore": "/dist\n"},
            {"Dockerfile", "app.py", "keep.log", "web/app.js", "docs/guide.md", "docs/README.md"},
            id="gitignore, in folders below too",
        ),
        pytest.param(
            {".dockerignore": "*.log\nnode_modules\ndocs\n!docs/README.md\napp.js\n"},
            {"Dockerfile", "app.py", "web/app.js", "web/dist/app.js", "docs/README.md"},
            id="dockerignore begins at the root and has exceptions",
        ),
        pytest.param(
            {".dockerignore": "**/*.js\n*\n!app.py\n", ".gitignore": "app.py\n"},
            {"app.py"},
            id="a dockerignore decides alone",
        ),
        pytest.param(
            {".dockerignore": "# a note\n\n  ./web/dist/ \n"},
            {
                *("Dockerfile", "app.py", "debug.log", "keep.log", "web/app.js"),
                *("docs/guide.md", "docs/README.md", "node_modules/a/index.js"),
            },
            id="notes, spaces and ways to write a path",
        ),
    ],
)
def test_ignore_files_say_what_is_not_source(folder, ignored, left):
    for name, text in ignored.items():
        (folder / name).write_text(text)

    assert set(names(folder)) - set(ignored) - {".gitignore", ".dockerignore"} == left


def test_what_looks_like_a_secret_is_left_out_and_named(folder):
    for name in (".env", "web/.env.production", "tls.pem", ".npmrc", "web/id_rsa"):
        (folder / name).write_text("secret")

    found = source_files.of(folder, include=[".npmrc"])

    assert found.secrets == (".env", "tls.pem", "web/.env.production", "web/id_rsa")
    assert ".npmrc" in [file.name for file in found.files]


def test_a_link_within_the_folder_is_followed_but_not_in_circles(folder):
    (folder / "linked").symlink_to("web")
    (folder / "web" / "round").symlink_to("..")

    assert "linked/app.js" in names(folder)


@pytest.mark.parametrize("to", ["/etc", "../outside"], ids=["absolute", "relative"])
def test_a_link_out_of_the_folder_is_refused(folder, to):
    (folder.parent / "outside").write_text("secret")
    (folder / "web" / "link").symlink_to(to if to[0] == "/" else f"../{to}")

    with pytest.raises(PermanentError, match=r"web/link is a link to .*not in the folder"):
        source_files.of(folder)


def test_a_link_out_of_the_folder_may_be_ignored(folder):
    (folder / "link").symlink_to("/etc")
    (folder / ".gitignore").write_text("link\n")

    assert "app.py" in names(folder)


def sparse(folder):
    with (folder / "model.bin").open("wb") as file:
        file.truncate(source_files.MAX_BYTES + 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda f: f.touch(), "has no files to push", id="empty"),
        pytest.param(lambda f: (f / ".env").write_text(""), "has no files", id="secrets alone"),
        pytest.param(
            sparse,
            "1,000,000,000 bytes",
            id="too large",
        ),
    ],
)
def test_what_cannot_be_source(tmp_path, make, message):
    make(tmp_path)

    with pytest.raises(PermanentError, match=message):
        source_files.of(tmp_path)


def test_a_file_is_not_a_folder():
    with pytest.raises(PermanentError, match="is not a folder"):
        source_files.of(Path(__file__))
