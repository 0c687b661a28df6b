"""What the engine's CodeBuild is without an engine; the rest is in tests/local/test_builds.py."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from provisioner.local.shim.builds import actions, programs, records, repositories
from provisioner.local.shim.builds.programs import aws, docker, run
from provisioner.local.shim.object_versions import versioned
from provisioner.local.shim.pushes import image_action

PROGRAM = Path(programs.__file__).with_name("run.py")
PROJECT = {
    "name": "jobs-builds",
    "serviceRole": "arn:aws:iam::000000000000:role/jobs-builds",
    "timeoutInMinutes": 30,
    "source": {"type": "NO_SOURCE", "buildspec": "{}"},
    "environment": {"environmentVariables": [{"name": "A", "value": "1", "type": "PLAINTEXT"}]},
}


def build(**more):
    return {
        "id": "jobs-builds:1",
        "arn": "arn:aws:codebuild:us-east-1:000000000000:build/jobs-builds:1",
        "projectName": "jobs-builds",
        "buildNumber": 1,
        "buildStatus": "IN_PROGRESS",
        "initiator": "jobs",
        "startTime": 0,
        "currentPhase": "QUEUED",
        "logs": {"groupName": "g", "streamName": "s"},
        "phases": [{"phaseType": "QUEUED", "phaseStatus": "SUCCEEDED", "startTime": 0}],
        **PROJECT,
        **more,
    }


def done(tmp_path, phases, **more):
    """Run a build's program and return its exit code and what it printed."""
    order = {
        "location": "",
        "version": "",
        "buildspec": {"version": 0.2, "phases": phases, **more.pop("buildspec", {})},
    }
    found = subprocess.run(
        [sys.executable, PROGRAM, json.dumps(order)],
        env={**os.environ, "BUILD_FOLDER": str(tmp_path), **more},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not found.stderr, found.stderr
    return found.returncode, found.stdout


def states(printed):
    read = build()
    records.read(read, printed.splitlines())
    return {phase["phaseType"]: phase["phaseStatus"] for phase in read["phases"]}


def test_the_commands_of_all_phases_share_variables_and_folder(tmp_path):
    code, printed = done(
        tmp_path,
        {
            "install": {"commands": ["mkdir deep", "cd deep", "export WORD='two words'"]},
            "build": {"commands": ['echo "$WORD" > said', "for i in 1 2; do\n  echo $i\ndone"]},
            "post_build": {"commands": "cat said; pwd"},
        },
    )

    assert code == 0
    assert f"two words\n{tmp_path}/src/deep" in printed
    assert "Running command cat said; pwd" in printed
    assert set(states(printed).values()) == {"SUCCEEDED"}


@pytest.mark.parametrize(
    ("failing", "ran", "after"),
    [
        ("pre_build", ["PRE_BUILD"], "no"),
        ("build", ["PRE_BUILD", "BUILD", "POST_BUILD"], "CODEBUILD_BUILD_SUCCEEDING is 0"),
    ],
    ids=["nothing runs after pre_build", "post_build runs after build"],
)
def test_a_failed_phase_ends_the_build(tmp_path, failing, ran, after):
    phases = {
        name: {"commands": ["echo fine"], "finally": [f"echo finally of {name}"]}
        for name in ("pre_build", "build")
    }
    phases[failing]["commands"] = ["echo one", "sh -c 'exit 3'", "echo never"]
    phases["post_build"] = {
        "commands": ['echo "CODEBUILD_BUILD_SUCCEEDING is $CODEBUILD_BUILD_SUCCEEDING"']
    }

    code, printed = done(tmp_path, phases)

    assert code == 1
    assert "never" not in printed
    assert f"finally of {failing}" in printed
    assert (after in printed) == (failing == "build")
    found = states(printed)
    assert found[failing.upper()] == "FAILED"
    assert [name for name in found if name in {"PRE_BUILD", "BUILD", "POST_BUILD"}] == ran
    assert (
        "Phase context status code: COMMAND_EXECUTION_ERROR Message: Error while executing "
        "command: sh -c 'exit 3'. Reason: exit status 3"
    ) in printed


def test_a_build_s_own_variables_come_before_the_buildspec_s(tmp_path):
    phases = {"build": {"commands": ["echo $MINE $YOURS"]}}
    buildspec = {"env": {"shell": "bash", "variables": {"MINE": "buildspec", "YOURS": "theirs"}}}

    assert "build theirs" in done(tmp_path, phases, buildspec=buildspec, MINE="build")[1]


def test_a_shell_that_is_not_there_fails_the_build(tmp_path):
    code, printed = done(tmp_path, {}, buildspec={"env": {"shell": "powershell.exe"}})

    assert code == 1
    assert "no shell powershell.exe" in printed


def test_a_source_keeps_what_is_executable(tmp_path):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name, mode in (("run.sh", 0o755), ("a/data", 0o644)):
            member = zipfile.ZipInfo(name)
            member.external_attr = (0o100000 | mode) << 16
            file.writestr(member, "x")

    run.unpack(archive, tmp_path)

    assert (tmp_path / "run.sh").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "a" / "data").stat().st_mode & 0o777 == 0o644


def test_a_start_overrides_the_project_and_merges_its_variables():
    own = records.overridden(
        PROJECT,
        {
            "sourceTypeOverride": "S3",
            "sourceLocationOverride": "bucket/key.zip",
            "timeoutInMinutesOverride": 5,
            "privilegedModeOverride": True,
            "environmentVariablesOverride": [
                {"name": "A", "value": "2", "type": "PLAINTEXT"},
                {"name": "B", "value": "3", "type": "PLAINTEXT"},
            ],
        },
    )

    assert own["source"] == {"type": "S3", "location": "bucket/key.zip", "buildspec": "{}"}
    assert own["timeoutInMinutes"] == 5
    assert own["environment"]["privilegedMode"]
    variables = {one["name"]: one["value"] for one in own["environment"]["environmentVariables"]}
    assert variables == {"A": "2", "B": "3"}
    assert PROJECT["source"]["type"] == "NO_SOURCE"


@pytest.mark.parametrize(
    ("logs", "group", "stream"),
    [
        ({}, "/aws/codebuild/jobs-builds", "1"),
        ({"cloudWatchLogs": {"groupName": "/jobs/builds"}}, "/jobs/builds", "1"),
        ({"cloudWatchLogs": {"groupName": "/g", "streamName": "etl"}}, "/g", "etl/1"),
    ],
    ids=["by default", "a group", "a group and a prefix"],
)
def test_a_log_is_where_the_project_says(logs, group, stream):
    found = records.log_of({**PROJECT, "logsConfig": logs}, "jobs-builds:1")

    assert found == {"groupName": group, "streamName": stream}


def test_the_event_says_which_build_and_why_it_failed():
    failed = build()
    records.read(
        failed,
        [
            "[Container] 2026/11/26 12:00:00.000000 Phase complete: BUILD State: FAILED",
            "[Container] 2026/11/26 12:00:00.000000 Phase context status code: "
            "COMMAND_EXECUTION_ERROR Message: Error while executing command: make",
        ],
    )

    event = records.state_change({**failed, "buildStatus": "FAILED"})

    detail = json.loads(event["Detail"])
    assert event["Source"] == "aws.codebuild"
    assert detail["build-id"].endswith(":build/jobs-builds:1")
    assert detail["additional-information"]["phases"][-1]["phase-context"] == [
        "COMMAND_EXECUTION_ERROR: Error while executing command: make"
    ]


@pytest.mark.parametrize(
    ("body", "project"),
    [
        (b'{"ids": ["jobs-builds:1"]}', "jobs-builds"),
        (b'{"id": "jobs-builds:1"}', "jobs-builds"),
        (b'{"ids": []}', ""),
        (b"no JSON", ""),
    ],
    ids=["builds", "a build", "none", "no request"],
)
def test_iam_is_asked_about_the_project_of_a_build(body, project):
    assert actions.project_of(body) == project


def test_a_push_is_the_documented_event():
    event = image_action("jobs/etl", "sha256:1", "latest")

    assert (event["Source"], event["DetailType"]) == ("aws.ecr", "ECR Image Action")
    assert json.loads(event["Detail"]) == {
        "result": "SUCCESS",
        "repository-name": "jobs/etl",
        "image-digest": "sha256:1",
        "action-type": "PUSH",
        "image-tag": "latest",
    }


@pytest.mark.parametrize(
    ("source", "version", "expected"),
    [("aws.s3", "v1", "v1"), ("aws.s3", None, None), ("own", "v1", None)],
    ids=["a version", "no versioning", "an event of another's"],
)
def test_events_of_objects_name_the_version(source, version, expected):
    event = {"Source": source, "Detail": json.dumps({"object": {"key": "k"}})}

    detail = json.loads(versioned(event, version)["Detail"])

    assert detail["object"].get("version-id") == expected


def test_images_of_ecr_have_the_engine_s_name(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    ecr = "000000000000.dkr.ecr.eu-west-1.amazonaws.com/jobs/etl"

    assert docker.named(f"{ecr}:1") == ("127.0.0.1:4566/jobs/etl", "1")
    assert docker.named(f"{ecr}@sha256:1") == ("127.0.0.1:4566/jobs/etl", "sha256:1")
    assert docker.named(ecr) == ("127.0.0.1:4566/jobs/etl", "latest")
    assert docker.located(f"FROM {ecr}:1 AS b\n") == "FROM 127.0.0.1:4566/jobs/etl:1 AS b\n"


def test_a_context_has_the_folder_and_the_dockerfile(tmp_path):
    (tmp_path / "app.py").write_text("x")

    with tarfile.open(fileobj=io.BytesIO(docker.packed(tmp_path, "FROM a"))) as tar:
        dockerfile = tar.extractfile(".build.Dockerfile").read()
        assert "./app.py" in tar.getnames()

    assert dockerfile == b"FROM a"


@pytest.mark.parametrize(
    ("own", "printed"),
    [
        ({"query": "a[0].b", "output": "text"}, "c"),
        ({"query": "x", "output": "text"}, "None"),
        ({"query": "a[0]"}, '{\n    "b": "c"\n}'),
    ],
    ids=["text", "nothing", "JSON"],
)
def test_an_answer_is_printed_as_asked(own, printed):
    assert aws.shown({"a": [{"b": "c"}]}, own) == printed


def test_what_follows_the_image_of_a_container_is_its_own():
    line = docker.parsed(
        ["run", "--rm", "--volume", "/a:/src", "--entrypoint", "bash", "image", "-c", "x", "-v"]
    )

    assert line.words == ["run", "image", "-c", "x", "-v"]
    assert line.options == {"--rm": [""], "--volume": ["/a:/src"], "--entrypoint": ["bash"]}


class TestRepositories:
    URL = "https://github.com/acme/report.git"

    @pytest.fixture
    def commits(self, tmp_path, monkeypatch):
        """Return the two commits of a repository on this machine that GitHub's name leads to."""
        work = tmp_path / "work"
        settings = tmp_path / "gitconfig"
        settings.write_text(
            f'[url "file://{tmp_path}/"]\n\tinsteadOf = https://github.com/acme/\n'
            "[user]\n\tname = a\n\temail = a@example.com\n"
        )
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
        self.git("init", "--quiet", work)
        made = []
        for text in ("first", "second"):
            (work / "main.py").write_text(text)
            self.git("-C", work, "add", "main.py")
            self.git("-C", work, "commit", "--quiet", "--message", text)
            made.append(self.git("-C", work, "rev-parse", "HEAD"))
        self.git("clone", "--quiet", "--bare", work, tmp_path / "report.git")
        return made

    def git(self, *arguments):
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def test_a_source_in_git_is_what_it_was_at_its_commit(self, commits):
        archive, commit = repositories.cloned(self.URL, commits[0])

        assert commit == commits[0]
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            assert tar.extractfile("codebuild/output/src/main.py").read() == b"first"

    @pytest.mark.parametrize(
        ("location", "version"),
        [
            (URL, "f" * 40),
            (URL, "--upload-pack=touch"),
            ("https://github.com/acme/other.git", "HEAD"),
            ("ext::sh -c touch% HACKED", "HEAD"),
            ("--upload-pack=touch HACKED", "HEAD"),
        ],
        ids=["no-commit", "option", "no-repository", "command", "option-as-repository"],
    )
    @pytest.mark.usefixtures("commits")
    def test_what_is_not_there_or_is_not_a_repository(self, tmp_path, location, version):
        with pytest.raises(repositories.CannotCloneError):
            repositories.cloned(location, version)
        assert not list(tmp_path.rglob("HACKED"))
