"""The README's first job, typed as it stands there."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess

import pytest

from tests.local.conftest import CHECKOUT, SUITE

pytestmark = pytest.mark.engine

FIRST_JOB = re.compile(
    r"runs this -->\n```console\n(?P<script>.*?)```.*?```console\n(?P<shown>.*?)```", re.DOTALL
)


SETTINGS = 'eval "$(.venv/bin/provisioner local env)"\n'
LIST = ".venv/bin/provisioner get\n"


def test_the_first_job_runs_as_written(engine, tmp_path):
    script, shown = FIRST_JOB.search((CHECKOUT / "README.md").read_text()).groups()
    assert LIST in script
    (tmp_path / ".venv").symlink_to(CHECKOUT / ".venv")

    until_its_run, listed_and_deleted = (part for part in script.partition(LIST) if part != LIST)
    printed = typed(until_its_run, tmp_path)
    # The list follows a run through a stream, which may take longer than the next line of a script.
    engine.wait(lambda: "SUCCEEDED" in strip(engine, "hello"), "the run in the list of jobs")
    printed += typed(SETTINGS + LIST + listed_and_deleted, tmp_path)

    assert '"hello": "world"' in printed
    # Of the list of jobs only the new one is known: other tests have jobs of their own.
    others = tuple(path.stem for path in (CHECKOUT / "bootstrap" / "examples").glob("*.yaml"))
    lines = "\n".join(line for line in shown.splitlines() if not line.startswith(others))
    assert wording(lines) <= wording(printed)
    assert engine.record("hello")["status"] == "DELETED"
    assert engine.stack("hello") is None


def typed(script, folder):
    """Return what the lines print, typed in that folder."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, "PROVISIONER_LOCAL_STATE": str(SUITE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def strip(engine, name):
    """Return how a job's last runs ended, as the list of jobs has it."""
    found = json.loads(engine.provisioner("get", f"{name}*", "-o", "json"))
    return [status for line in found if line["job_name"] == name for status in line["strip"]]


def wording(output):
    """Return the lines of an output, without their spacing, and with N for times and numbers."""
    lines = (" ".join(line.split()) for line in output.splitlines())
    return {re.sub(r"just now|\d[\w.:-]*( ago)?", "N", line) for line in lines}


def test_every_example_succeeds(engine):
    deployed = {row["job_name"] for row in engine.table("Jobs").scan()["Items"]}
    examples = {path.stem for path in (CHECKOUT / "bootstrap" / "examples").glob("*.yaml")}
    assert {"index-orders", "nightly-report", "prime-count", "word-count"} <= examples & deployed

    for name in sorted(examples & deployed):
        engine.wait(
            functools.partial(succeeded, engine, name), f"a run of {name}", timeout_seconds=150
        )


def succeeded(engine, name):
    return [run for run in engine.runs(name) if run["status"] == "SUCCEEDED"]
