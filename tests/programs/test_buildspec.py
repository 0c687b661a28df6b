"""The buildspec of builds, run as CodeBuild runs it, with programs that record their calls."""

from __future__ import annotations

import subprocess
from itertools import pairwise

import pytest

from provisioner.jobs import parse
from provisioner.jobs.unbuilt import archive_key, build_digest, image_tag
from tests.support.buildspec import PHASES, SECRET, Machine, project

HOSTILE = (
    *(
        "$(touch HACKED)",
        "`touch HACKED`",
        "; touch HACKED",
        "&& touch HACKED",
        "'\"; touch HACKED",
    ),
    *("${PATH}", "--push", "\\", "*", "!!", "$IFS", "{{x}}", "END", ')"'),
)


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


BUILD = {"source": "s3://sources/report.zip"}
FUNCTION = {"type": "lambda", "runtime": "python3.14", "handler": "main.handler", "build": BUILD}
DONE = [(phase, 0) for phase in PHASES]


def test_both_projects_build_alike():
    arm, x86 = project("ArmProject"), project("X86Project")

    assert arm["Source"] == x86["Source"]
    assert arm["Environment"]["Type"] == "ARM_CONTAINER"
    assert x86["Environment"]["Type"] == "LINUX_CONTAINER"


def test_an_image_is_built_and_pushed_under_the_builds_digest(machine):
    (machine.source / "app").mkdir()
    (machine.source / "app/Dockerfile").write_text("FROM scratch")
    row = {"type": "ecs", "build": BUILD | {"context": "app", "target": "run", "args": {"A": "1"}}}

    assert machine.build(row) == DONE

    tag = image_tag(build_digest(parse({"job_name": "report", **row}), "v1"))
    image = f"registry/jobs/report:{tag}"
    login, built, pushed = machine.calls("docker")
    assert login[0] == "login"
    assert built == [
        *("build", "--pull", "--file", f"{machine.source}/app/Dockerfile", "--tag", image),
        *("--target", "run", "--build-arg", "A=1", f"{machine.source}/app"),
    ]
    assert pushed == ["push", image]


def test_the_text_of_a_row_is_never_code(machine):
    (machine.source / "Dockerfile").write_text("FROM scratch")
    args = {f"A{number}": text for number, text in enumerate(HOSTILE)}

    assert machine.build({"type": "ecs", "build": BUILD | {"args": args}}) == DONE

    built = machine.calls("docker")[1]
    found = [text for option, text in pairwise(built) if option == "--build-arg"]
    assert found == [f"{name}={text}" for name, text in args.items()]
    assert not list(machine.source.rglob("HACKED"))


@pytest.mark.parametrize("row", [{"type": "ecs", "build": BUILD}, FUNCTION], ids=["image", "zip"])
def test_what_runs_code_of_the_source_does_not_know_where_credentials_are(machine, row):
    (machine.source / "Dockerfile").write_text("FROM scratch")

    assert machine.build(row) == DONE

    assert not machine.knew_credentials() & {("docker", "build"), ("docker", "run"), ("zip", "-")}
    ran = [call for call in machine.calls("docker") if call[0] == "run"]
    assert not any(SECRET in argument for call in ran for argument in call)
    assert not any(argument.startswith("AWS_") for call in ran for argument in call)


@pytest.mark.parametrize(
    ("link", "build"),
    [
        ("Dockerfile", {}),
        ("app", {"context": "app", "dockerfile": "Real"}),
        ("there", {"dockerfile": "there/passwd"}),
    ],
    ids=["Dockerfile", "context", "folder of the Dockerfile"],
)
def test_a_symbolic_link_leads_nowhere(machine, tmp_path, link, build):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "passwd").write_text("secret")
    (machine.source / "Real").write_text("FROM scratch")
    target = outside / "passwd" if link == "Dockerfile" else outside
    (machine.source / link).symlink_to(target)

    ended = machine.build({"type": "ecs", "build": BUILD | build})

    assert ended == [("pre_build", 1), ("post_build", 0)]
    assert machine.calls("docker") == []


def test_a_source_without_a_dockerfile_says_so(machine, capfd):
    assert machine.build({"type": "ecs", "build": BUILD})[0] == ("pre_build", 1)
    assert "The source has no Dockerfile" in capfd.readouterr().out


COMMIT = "0123456789abcdef0123456789abcdef01234567"
GIT = {
    "source": {
        "connection": "arn:aws:codeconnections:eu-west-1:123456789012:connection/"
        "0f9d3c1a-7a4e-4a53-9f0f-3c6d1c1d2e3f",
        "repository": "github.com/acme/report",
        "commit": COMMIT,
    }
}


def test_a_source_in_git_is_built_without_what_says_how_it_was_cloned(machine):
    (machine.source / "Dockerfile").write_text("FROM scratch")
    (machine.source / ".git").mkdir()

    found = {"CODEBUILD_RESOLVED_SOURCE_VERSION": COMMIT}
    assert machine.build({"type": "ecs", "build": GIT}, **found) == DONE
    assert [each.name for each in machine.source.iterdir()] == ["Dockerfile"]


def test_where_codebuild_does_not_say_which_commit_it_found_git_does(machine, capfd):
    (machine.source / "Dockerfile").write_text("FROM scratch")

    assert machine.build({"type": "ecs", "build": GIT})[0] == ("pre_build", 1)
    assert "and none was found" in capfd.readouterr().out

    at = ["git", "-C", str(machine.source), "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "x"]):
        subprocess.run([*at, *command], check=True)
    head = subprocess.run([*at, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    source = GIT["source"] | {"commit": head.stdout.strip()}
    assert machine.build({"type": "ecs", "build": {"source": source}}) == DONE


def test_a_branch_with_the_name_of_a_commit_is_not_built(machine, capfd):
    (machine.source / "Dockerfile").write_text("FROM scratch")

    ended = machine.build({"type": "ecs", "build": GIT}, CODEBUILD_RESOLVED_SOURCE_VERSION="f" * 40)

    assert ended[0] == ("pre_build", 1)
    assert f"Commit {COMMIT} was asked for" in capfd.readouterr().out
    assert machine.calls("docker") == []


def test_nothing_is_pushed_of_a_build_that_failed(machine):
    (machine.source / "Dockerfile").write_text("FROM scratch")

    ended = machine.build({"type": "ecs", "build": BUILD}, FAILS="build")

    assert ended == [("pre_build", 0), ("build", 1), ("post_build", 0)]
    assert [call[0] for call in machine.calls("docker")] == ["login", "build"]


@pytest.mark.parametrize(
    ("runtime", "handler", "image"),
    [
        ("python3.14", "main.handler", "public.ecr.aws/sam/build-python3.14:latest-arm64"),
        ("nodejs24.x", "index.handler", "public.ecr.aws/sam/build-nodejs24.x:latest-arm64"),
        ("ruby4.0", "main.handler", "public.ecr.aws/sam/build-ruby4.0:latest-arm64"),
        ("java21", "Main::run", "public.ecr.aws/sam/build-java21:latest-arm64"),
        ("java17.al2023", "Main::run", "public.ecr.aws/sam/build-java17:latest-arm64"),
        ("dotnet10", "A::B.C::D", "public.ecr.aws/sam/build-dotnet10:latest-arm64"),
        ("provided.al2023", "bootstrap", "public.ecr.aws/docker/library/golang:1"),
    ],
)
def test_an_archive_is_built_by_the_runtimes_own_tools(machine, runtime, handler, image):
    row = FUNCTION | {"runtime": runtime, "handler": handler}

    assert machine.build(row) == DONE

    (ran,) = machine.calls("docker")
    recipe = ran.pop()
    assert subprocess.run(["bash", "-n", "-c", recipe], check=False).returncode == 0
    assert image in ran
    assert {"--cap-drop", "no-new-privileges"} <= set(ran)
    (put,) = machine.calls("aws")
    key = archive_key("report", build_digest(parse({"job_name": "report", **row}), "v1"))
    assert put[put.index("--key") + 1] == key
    assert put[put.index("--if-none-match") + 1] == "*"
    assert "--symlinks" in machine.calls("zip")[0]
