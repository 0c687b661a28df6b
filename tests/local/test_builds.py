"""From a folder to the next run: source is pushed, built by the real buildspec, and deployed."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.support.engine import GIT_SETTINGS

pytestmark = pytest.mark.engine

HERE = "arn:aws:codeconnections:us-east-1:000000000000"
BUILT_SECONDS = 180.0
SOON_SECONDS = 60.0


def command(engine, *arguments):
    """Run the command; return its exit code and what it printed."""
    done = engine.command(*arguments)
    return done.exit_code, done.output


def push(engine, job, folder, **files):
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return command(engine, "push", str(folder), "--build", "--name", job, "--timeout", "4m")


@pytest.mark.night
class TestImage:
    def test_a_push_reaches_the_next_run_of_the_jobs_it_is_for_and_a_rollback_goes_back(
        self, engine, tmp_path
    ):
        one, two, other = (engine.unique(stem) for stem in ("one", "two", "other"))
        example = engine.container_row(other, permissions=None)
        source = f"s3://{engine.bundle_bucket}/{one}/source.zip"
        for name in (one, two):
            engine.put({**example, "job_name": name, "image": None, "build": {"source": source}})
        engine.put(example)
        engine.wait_for(other, "READY")
        dockerfile = f"FROM {example['image']}\nCOPY main.py /job/job.py\n"

        code, printed = push(
            engine, one, tmp_path, Dockerfile=dockerfile, main__py="print('first')"
        )
        assert code == 0, printed
        assert "Entering phase BUILD" in printed
        assert self.said_by_a_run(engine, one) == ["first"]
        # The next push would stop a build that runs.
        engine.wait_for_deployments(two, [1], timeout_seconds=BUILT_SECONDS)

        code, printed = push(engine, one, tmp_path, main__py="print('second')")
        assert code == 0, printed
        for name in (one, two):
            engine.wait_for_deployments(name, [2, 1], timeout_seconds=BUILT_SECONDS)
        assert engine.deployments(other) == [1]
        assert self.said_by_a_run(engine, one) == ["first", "second"]
        assert self.said_by_a_run(engine, two) == ["second"]

        code, printed = command(engine, "rollback", one, "--yes")
        assert code == 0, printed
        engine.wait_for_deployments(one, [3, 2, 1], timeout_seconds=BUILT_SECONDS)
        assert self.said_by_a_run(engine, one) == ["first", "second", "first"]

    def said_by_a_run(self, engine, name):
        """Run a job and return all that it has printed."""
        before = len(engine.printed(name))
        execution = engine.start(name, {})
        engine.wait_for_run(name, execution, "SUCCEEDED", timeout_seconds=SOON_SECONDS)
        return engine.wait(
            lambda: len(found := engine.printed(name)) > before and found, "the line of the run"
        )


@pytest.fixture(scope="module")
def job(engine):
    name = engine.unique("zip")
    source = f"s3://{engine.bundle_bucket}/{name}/source.zip"
    engine.put(
        engine.lambda_row(name, bundle=None, handler="main.handler", build={"source": source})
    )
    return name


class TestArchive:
    def returned(self, engine, name):
        execution = engine.start(name, {})
        run = engine.wait_for_run(name, execution, "SUCCEEDED", timeout_seconds=SOON_SECONDS)
        return json.loads(run["output"])

    def test_source_becomes_an_archive_that_runs(self, engine, job, tmp_path):
        code, printed = push(engine, job, tmp_path, main__py="def handler(*_): return 'first'")

        assert code == 0, printed
        assert self.returned(engine, job) == "first"

    def test_a_build_that_fails_leaves_what_runs(self, engine, job, tmp_path):
        code, printed = push(
            engine,
            job,
            tmp_path,
            main__py="def handler(*_): return 'bad'",
            requirements__txt="=== no requirement\n",
        )

        assert code == 1, printed
        assert "BUILD: a command failed, see the log" in printed
        assert self.returned(engine, job) == "first"
        _, listed = command(engine, "builds", job)
        assert [line.split()[1] for line in listed.splitlines()[1:3]] == ["FAILED", "SUCCEEDED"]

    def test_of_two_pushes_in_a_second_the_last_one_wins(self, engine, job):
        source = {"Bucket": engine.bundle_bucket, "Key": f"{job}/source.zip"}
        for text in ("overtaken", "last"):
            uri = engine.bundle(source["Key"], {"main.py": f"def handler(*_): return '{text}'"})
            assert uri.endswith(source["Key"])

        newest = engine.client("s3").head_object(**source)["VersionId"]
        engine.wait_for(
            job,
            "READY",
            until=lambda: engine.record(job)["build"].get("source_version") == newest,
            timeout_seconds=BUILT_SECONDS,
        )
        assert self.returned(engine, job) == "last"

    def test_a_commit_of_a_repository_is_built_until_the_row_names_another(self, engine, tmp_path):
        name = engine.unique("git")
        first, second = self.commits(tmp_path)
        GIT_SETTINGS.write_text(
            f'[url "file://{tmp_path}/"]\n\tinsteadOf = https://github.com/acme/\n'
        )
        source = {
            "connection": f"{HERE}:connection/{engine.parameter('GitConnections')}",
            "repository": "github.com/acme/report",
            "commit": first,
        }
        row = engine.lambda_row(name, bundle=None, handler="main.handler")
        engine.put(row | {"build": {"source": source}})
        engine.wait_for(name, "READY", timeout_seconds=BUILT_SECONDS)
        assert self.returned(engine, name) == "first"

        assert command(engine, "build", name, "--commit", second)[0] == 0

        engine.wait_for(
            name,
            "READY",
            until=lambda: engine.record(name)["build"].get("source_version") == second,
            timeout_seconds=BUILT_SECONDS,
        )
        assert self.returned(engine, name) == "second"

    def commits(self, folder):
        """Return two commits of a repository in a folder, of functions that return their name."""
        work = folder / "work"
        git("init", "--quiet", work)
        made = []
        for text in ("first", "second"):
            (work / "main.py").write_text(f"def handler(*_): return '{text}'")
            git("-C", work, "add", "main.py")
            git(
                "-C",
                work,
                "-c",
                "user.name=a",
                "-c",
                "user.email=a@example.com",
                "commit",
                "-qm",
                text,
            )
            made.append(git("-C", work, "rev-parse", "HEAD"))
        git("clone", "--quiet", "--bare", work, folder / "report.git")
        return made


def git(*arguments):
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()
