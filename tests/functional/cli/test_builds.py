"""`provisioner builds` and `build`; `push --build` with builds that have ended."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from provisioner.service import builds
from provisioner.stacks.model import BuildStatus
from tests.support.builds import FIRST, GIT_ROW, LAST, ROW, SOURCE, attempt, built
from tests.support.cli import BUNDLES, REGION, bundle_in
from tests.support.clients import CLIENTS


@pytest.fixture
def here(here):
    built(here)
    return here


def test_the_last_builds_are_a_table_with_the_reason_of_a_failure(here):
    result = here.run("builds", "report")

    lines = result.stdout.splitlines()
    assert lines[1].split()[:3] == [LAST[:8], "FAILED", "v1"]
    assert lines[2].split()[:3] == [FIRST[:8], "SUCCEEDED", "v1"]
    assert "BUILD: no such file" in lines[3]


def test_a_build_is_shown_by_the_beginning_of_its_id(here):
    found = json.loads(here.run("builds", "report", FIRST[:4], "-o", "json").stdout)

    assert (found["id"], found["status"], found["seconds"]) == (FIRST, "SUCCEEDED", 12)


@pytest.mark.parametrize("options", [("--log",), ("--follow",), (LAST, "--log")])
def test_the_log_of_a_build_is_printed_whole(here, options):
    printed = here.run("builds", "report", *options).stdout.splitlines()

    assert [line.split()[-1] for line in printed] == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("report", "ffff"), "ffff is not among its last builds"),
        (("other",), "there is no job other"),
    ],
)
def test_what_there_is_not(here, arguments, said):
    result = here.run("builds", *arguments)

    assert result.exit_code == 1
    assert said in result.stderr


def test_building_again_queues_a_retry(here):
    assert here.run("build", "report").exit_code == 0
    [message] = here.queued()
    assert (message["job_name"], message["retry"]) == ("report", True)


class TestCommit:
    @pytest.fixture
    def from_git(self, here):
        here.jobs.put(GIT_ROW)
        return here

    def commit_of(self, here):
        return here.row()["build"]["source"]["commit"]

    def test_another_commit_is_built_by_naming_it_in_the_row(self, from_git):
        assert from_git.run("build", "report", "--commit", "b" * 40).exit_code == 0

        assert self.commit_of(from_git) == "b" * 40
        assert from_git.queued() == []  # the row's own stream tells of it

    def test_the_commit_that_is_there_is_built_again(self, from_git):
        before = self.commit_of(from_git)

        assert from_git.run("build", "report", "--commit", before).exit_code == 0

        assert self.commit_of(from_git) == before
        assert [message["retry"] for message in from_git.queued()] == [True]

    @pytest.mark.parametrize("commit", ["main", "--help", "b" * 39, "B" * 40, "b" * 39 + "\n"])
    def test_what_is_not_a_commit_changes_nothing(self, from_git, commit):
        before = self.commit_of(from_git)

        result = from_git.run("build", "report", f"--commit={commit}")

        assert result.exit_code == 2
        assert "40 hexadecimal digits" in result.stderr
        assert self.commit_of(from_git) == before

    def test_a_row_without_a_repository_takes_none(self, here):
        result = here.run("build", "report", "--commit", "b" * 40)

        assert result.exit_code == 1
        assert "is not built from a commit" in result.stderr

    def test_a_folder_is_not_pushed_into_a_repository(self, from_git, tmp_path):
        result = from_git.run("push", str(tmp_path), "--build", "--name", "report")

        assert result.exit_code == 1
        assert "provisioner build report --commit SHA" in result.stderr


class TestPushOfSource:
    @pytest.fixture
    def folder(self, tmp_path):
        folder = tmp_path / "report"
        folder.mkdir()
        (folder / "main.py").write_text("def handler(): ...")
        (folder / ".env").write_text("TOKEN=1")
        (folder / ".gitignore").write_text("*.log\n")
        (folder / "debug.log").write_text("x")
        return folder

    def test_the_folder_goes_to_the_source_of_its_row_and_wakes_the_job(self, here, folder):
        result = here.run("push", str(folder), "--build", "--no-wait")

        assert result.exit_code == 0, result.stderr
        assert result.stdout.startswith(f"{SOURCE}?versionId=")
        assert sorted(bundle_in(result.stdout).namelist()) == [".gitignore", "main.py"]
        assert "look like secrets: .env" in result.stderr
        assert [message["job_name"] for message in here.queued()] == ["report"]

    def test_the_same_files_are_the_same_version(self, here, folder):
        first = here.run("push", str(folder), "--build", "--no-wait").stdout

        assert here.run("push", str(folder), "--build", "--no-wait").stdout == first
        listed = CLIENTS.s3.list_object_versions(Bucket=BUNDLES, Prefix="report/source.zip")
        assert len(listed["Versions"]) == 1

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"build": None, "bundle": f"s3://{BUNDLES}/a.zip"}, "is not built from source"),
            ({"build": {"source": f"{SOURCE}?versionId=1"}}, "names one version of its source"),
            ({"runtime": "cobol"}, "is not valid: runtime"),
        ],
        ids=["no build", "a version", "an invalid row"],
    )
    def test_a_row_that_takes_no_source(self, here, folder, change, said):
        row = {**ROW, **change}
        here.jobs.put({name: value for name, value in row.items() if value is not None})

        result = here.run("push", str(folder), "--build")

        assert result.exit_code == 1
        assert said in result.stderr

    def test_a_job_that_is_not_there(self, here, folder):
        result = here.run("push", str(folder), "--build", "--name", "other")

        assert result.exit_code == 1
        assert "there is no job other" in result.stderr

    def test_an_option_of_source_alone(self, here, folder):
        assert here.run("push", str(folder), "--include", "*").exit_code == 2

    def test_a_bucket_that_keeps_no_versions_takes_none(self, here, folder):
        CLIENTS.s3.create_bucket(
            Bucket="unversioned", CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        here.jobs.put(ROW | {"build": {"source": "s3://unversioned/source.zip"}})

        result = here.run("push", str(folder), "--build")

        assert result.exit_code == 1
        assert "bucket unversioned keeps no versions: turn on its versioning" in result.stderr
        assert here.queued() == []

    def test_a_pin_holds_back_what_is_pushed_and_that_is_said(self, here, folder):
        here.jobs.put(ROW | {"pin": {"version": "d" * 64}})

        result = here.run("push", str(folder), "--build")

        assert result.exit_code == 0
        assert 'after "provisioner unpin report"' in result.stderr
        assert 'after "provisioner unpin report"' in here.run("build", "report").stderr

    def test_an_earlier_push_says_that_it_was_overtaken(self, here, folder):
        earlier = here.run("push", str(folder), "--build", "--no-wait").stdout
        version = earlier.strip().rpartition("versionId=")[2]
        push = builds.build_of_push(here.service, "report", version)
        (folder / "main.py").write_text("def handler(): return 1")
        here.run("push", str(folder), "--build", "--no-wait")

        _, found = builds.progress(here.service, push)

        assert (found.status, found.done, found.succeeded) == (builds.OVERTAKEN, True, False)

    @pytest.mark.parametrize(
        ("status", "more", "code", "said"),
        [
            (BuildStatus.FAILED, {"reason": "BUILD: no such module"}, 1, "BUILD: no such module"),
            (BuildStatus.FAILED, {}, 1, ""),
            (BuildStatus.SUCCEEDED, {}, 0, ""),
        ],
        ids=["a reason", "no reason", "a paused job"],
    )
    def test_what_its_build_prints_and_how_it_ends(self, here, folder, status, more, code, said):
        here.jobs.put(ROW | {"paused": True})
        pushed = here.run("push", str(folder), "--build", "--no-wait").stdout
        version = pushed.strip().rpartition("versionId=")[2]
        digest = builds.build_of_push(here.service, "report", version).digest
        here.save(build=replace(attempt(LAST, status, **more), digest=digest))

        result = here.run("push", str(folder), "--build")

        assert result.exit_code == code, result.stderr
        assert [line.split()[-1] for line in result.stdout.splitlines()] == [
            "one",
            "two",
            "three",
        ]
        assert said in result.stderr
