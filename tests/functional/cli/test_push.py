from __future__ import annotations

import json
import os
import zipfile

import boto3
import pytest
from moto.core import set_initial_no_auth_action_count

from provisioner.aws.bundles import MAX_BYTES
from tests.support.cli import BUNDLES, bundle_in
from tests.support.clients import CLIENTS


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
        versions = CLIENTS.s3.list_object_versions(Bucket=BUNDLES, Prefix="code.zip")
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

        current = CLIENTS.s3.get_object(Bucket=BUNDLES, Key="code.zip")["VersionId"]
        assert bundle_in(f"s3://{BUNDLES}/code.zip?versionId={current}").read("main.py") == b"a"

    def test_archives_are_the_same_byte_for_byte(self, here, folder):
        def etags():
            return [
                version["ETag"]
                for name in ("one", "two")
                for version in CLIENTS.s3.list_object_versions(
                    Bucket=BUNDLES, Prefix=f"team/{name}.zip"
                )["Versions"]
            ]

        here.run("push", str(folder), "--name", "team/one")
        (folder / "main.py").touch()
        here.run("push", str(folder), "--name", "team/two.zip")

        first, second = etags()
        assert first == second

    def test_leaves_out_what_is_excluded(self, here, folder):
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
            pytest.param(("nowhere",), "nowhere does not exist", id="missing"),
            pytest.param((__file__,), "is neither a folder nor a zip archive", id="a file"),
            pytest.param((".", "--name", "a b"), "cannot name a bundle", id="a bad name"),
        ],
    )
    def test_what_is_not_a_bundle(self, here, arguments, words):
        result = here.run("push", *arguments)

        assert result.exit_code == 1
        assert words in result.stderr
        assert result.stdout == ""

    @pytest.mark.parametrize(("name", "key"), [("x.jar", "x.zip"), ("my.code.zip", "my.code.zip")])
    def test_an_archive_is_pushed_as_it_is(self, here, tmp_path, name, key):
        path = tmp_path / name
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("Main.class", "code")

        first, again = here.run("push", str(path)), here.run("push", str(path))

        assert first.stdout.startswith(f"s3://{BUNDLES}/{key}?versionId=")
        assert first.stdout == again.stdout
        assert "1 file, 4 bytes" in first.stderr
        stored = CLIENTS.s3.get_object(Bucket=BUNDLES, Key=key)["Body"].read()
        assert stored == path.read_bytes()

    def test_nothing_is_left_out_of_an_archive(self, here, tmp_path):
        with zipfile.ZipFile(tmp_path / "x.jar", "w") as archive:
            archive.writestr("a.csv", "")

        assert here.run("push", str(tmp_path / "x.jar"), "--exclude", "*.csv").exit_code == 2

    @pytest.mark.parametrize("right", ["s3:GetObject", "s3:PutObject"])
    def test_a_right_that_is_missing_is_named(self, fresh_clients, folder, monkeypatch, right):
        allowed = {"cloudformation:DescribeStacks", "s3:ListBucket", "s3:GetObject"} - {right}
        iam = boto3.client("iam")
        iam.create_user(UserName="developer")
        statement = {"Effect": "Allow", "Action": sorted(allowed), "Resource": "*"}
        iam.put_user_policy(
            UserName="developer",
            PolicyName="own",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )
        key = iam.create_access_key(UserName="developer")["AccessKey"]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        boto3.DEFAULT_SESSION = None

        result = set_initial_no_auth_action_count(0)(fresh_clients.run)("push", str(folder))

        assert result.exit_code == 1
        assert f"it takes {right} on it" in result.stderr

    def test_what_is_too_large_for_lambda(self, here, tmp_path):
        with (tmp_path / "model.bin").open("wb") as sparse:
            sparse.truncate(MAX_BYTES + 1)

        result = here.run("push", str(tmp_path))

        assert result.exit_code == 1
        assert "holds 262,144,001 bytes; Lambda takes at most 262,144,000" in result.stderr

    def test_a_socket_is_not_a_file(self, here, folder):
        os.mkfifo(folder / "server.sock")

        names = bundle_in(here.run("push", str(folder)).stdout).namelist()
        assert "main.py" in names
        assert "server.sock" not in names

    def test_an_empty_folder(self, here, tmp_path):
        result = here.run("push", str(tmp_path))

        assert result.exit_code == 1
        assert "holds no files" in result.stderr
