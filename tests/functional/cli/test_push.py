from __future__ import annotations

import pytest

from provisioner.aws.clients import client
from tests.support.cli import BUNDLES, bundle_in


class TestPush:
    @pytest.fixture
    def folder(self, tmp_path):
        folder = tmp_path / "code"
        (folder / "inner").mkdir(parents=True)
        (folder / "main.py").write_text("def handler(): ...")
        (folder / "inner" / "tool.sh").write_text("#!/bin/sh")
        (folder / "inner" / "tool.sh").chmod(0o755)
        for name in ("__pycache__", ".git", ".venv"):
            (folder / name).mkdir()
            (folder / name / "x.py").write_text("")
        return folder

    def test_prints_where_the_bundle_is(self, here, folder):
        result = here.run("push", str(folder))

        archive = bundle_in(result.stdout)
        assert result.stdout.startswith(f"s3://{BUNDLES}/code.zip?versionId=")
        assert len(result.stdout.splitlines()) == 1
        assert archive.namelist() == ["inner/tool.sh", "main.py"]
        assert archive.getinfo("inner/tool.sh").external_attr >> 16 == 0o100755
        assert archive.read("main.py") == b"def handler(): ..."

    def test_the_same_files_are_the_same_version(self, here, folder):
        first = here.run("push", str(folder)).stdout
        (folder / "main.py").touch()
        (folder / "__pycache__" / "new.pyc").write_text("")

        assert here.run("push", str(folder)).stdout == first
        versions = client("s3").list_object_versions(Bucket=BUNDLES, Prefix="code.zip")
        assert len(versions["Versions"]) == 1

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda f: (f / "main.py").write_text("new"), id="content"),
            pytest.param(lambda f: (f / "main.py").rename(f / "app.py"), id="name"),
            pytest.param(lambda f: (f / "main.py").chmod(0o755), id="permission"),
        ],
    )
    def test_other_files_are_another_version(self, here, folder, change):
        first = here.run("push", str(folder)).stdout
        change(folder)

        assert here.run("push", str(folder)).stdout != first

    def test_going_back_makes_the_old_files_current_again(self, here, folder):
        (folder / "main.py").write_text("a")
        here.run("push", str(folder))
        (folder / "main.py").write_text("b")
        here.run("push", str(folder))
        (folder / "main.py").write_text("a")
        here.run("push", str(folder))

        current = client("s3").get_object(Bucket=BUNDLES, Key="code.zip")["VersionId"]
        assert bundle_in(f"s3://{BUNDLES}/code.zip?versionId={current}").read("main.py") == b"a"

    def test_archives_are_the_same_byte_for_byte(self, here, folder):
        def etags():
            return [
                version["ETag"]
                for name in ("one", "two")
                for version in client("s3").list_object_versions(
                    Bucket=BUNDLES, Prefix=f"team/{name}.zip"
                )["Versions"]
            ]

        here.run("push", str(folder), "--name", "team/one")
        (folder / "main.py").touch()
        here.run("push", str(folder), "--name", "team/two.zip")

        first, second = etags()
        assert first == second

    def test_leaves_out_what_it_is_told_to(self, here, folder):
        result = here.run("push", str(folder), "--exclude", "*.sh", "--exclude", "nothing")

        assert bundle_in(result.stdout).namelist() == ["main.py"]

    def test_links_are_followed_but_not_in_circles(self, here, folder, tmp_path):
        (tmp_path / "shared").mkdir()
        (tmp_path / "shared" / "lib.py").write_text("")
        (folder / "shared").symlink_to(tmp_path / "shared")
        (folder / "inner" / "round").symlink_to(folder)

        names = bundle_in(here.run("push", str(folder)).stdout).namelist()

        assert names == ["inner/tool.sh", "main.py", "shared/lib.py"]

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            pytest.param(("nowhere",), "nowhere is not there", id="missing"),
            pytest.param((__file__,), "is no folder", id="a file"),
            pytest.param((".", "--name", "a b"), "cannot name a bundle", id="a bad name"),
        ],
    )
    def test_what_is_no_bundle(self, here, arguments, words):
        result = here.run("push", *arguments)

        assert result.exit_code == 1
        assert words in result.stderr
        assert result.stdout == ""

    def test_an_empty_folder(self, here, tmp_path):
        result = here.run("push", str(tmp_path))

        assert result.exit_code == 1
        assert "holds no files" in result.stderr
