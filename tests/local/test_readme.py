"""The README's first job, typed as it stands there."""

from __future__ import annotations

import functools
import os
import re
import subprocess

import pytest

from tests.local.conftest import CHECKOUT, SUITE

pytestmark = pytest.mark.engine

FIRST_JOB = re.compile(
    r"runs this -->\n```console\n(?P<script>.*?)```.*?```console\n(?P<shown>.*?)```", re.DOTALL
)


def test_the_first_job_runs_as_written(engine, tmp_path):
    script, shown = FIRST_JOB.search((CHECKOUT / "README.md").read_text()).groups()
    (tmp_path / ".venv").symlink_to(CHECKOUT / ".venv")

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PROVISIONER_LOCAL_STATE": str(SUITE)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert '"hello": "world"' in done.stdout
    # Of the list of jobs only the new one is known: other tests have jobs of their own.
    others = tuple(path.stem for path in (CHECKOUT / "bootstrap" / "examples").glob("*.yaml"))
    lines = "\n".join(line for line in shown.splitlines() if not line.startswith(others))
    assert wording(lines) <= wording(done.stdout + done.stderr)
    assert engine.record("hello")["status"] == "DELETED"
    assert engine.stack("hello") is None


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
