"""A build as CodeBuild runs it: the buildspec's phases, with programs that record their calls."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from provisioner.jobs import InvalidRow, parse
from provisioner.jobs.unbuilt import build_digest, unbuilt
from tests.support.bootstrap import ROOT, load

PHASES = ("pre_build", "build", "post_build")
SECRET = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
RECORDER = """#!{python} -I
import json, os, sys
with open({log!r}, "a") as log:
    print(json.dumps([{name!r}, sys.argv[1:], {secret!r} in os.environ]), file=log)
if {name!r} == "docker" and sys.argv[1] == os.environ.get("FAILS"):
    sys.exit(1)
if {name!r} == "zip":
    open(sys.argv[-2], "w").close()
"""


def project(name: str) -> dict[str, Any]:
    """Return what a template says of one of the two projects."""
    resource = load(ROOT / "bootstrap/pipeline.yaml")["Resources"][name]
    properties: dict[str, Any] = resource["Properties"]
    return properties


def phases() -> dict[str, list[str]]:
    """Return the commands of each phase."""
    spec = yaml.safe_load(project("ArmProject")["Source"]["BuildSpec"])
    assert spec["env"] == {"shell": "bash"}
    assert list(spec["phases"]) == list(PHASES)
    return {name: spec["phases"][name]["commands"] for name in PHASES}


class Machine:
    """Where a build runs: its source, and what was called."""

    def __init__(self, folder: Path) -> None:
        self.source = folder / "source"
        self.source.mkdir()
        self.log = folder / "log"
        self.programs = folder / "bin"
        self.programs.mkdir()
        for name in ("docker", "aws", "zip"):
            program = self.programs / name
            program.write_text(
                RECORDER.format(python=sys.executable, name=name, log=str(self.log), secret=SECRET)
            )
            program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def build(self, row: dict[str, object], **environment: str) -> list[tuple[str, int]]:
        """Run the phases as CodeBuild does; return those that were run, with their exit codes."""
        job = parse({"job_name": "report", **row})
        assert not isinstance(job, InvalidRow), job
        assert job.build is not None
        digest = build_digest(job, "v1")
        made = unbuilt(job, "jobs", job.build.source, digest)
        constants = {
            each["Name"]: str(each["Value"])
            for each in project("ArmProject")["Environment"]["EnvironmentVariables"]
        }
        environ = {
            **constants,
            **made.variables,
            "REGISTRY": "registry",
            "BUNDLE_BUCKET": "bundles",
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "CODEBUILD_SRC_DIR": str(self.source),
            "TMPDIR": str(self.source.parent),
            SECRET: "/v2/credentials/secret",
            **environment,
        }
        ended: list[tuple[str, int]] = []
        for phase, commands in phases().items():
            succeeding = all(code == 0 for _, code in ended)
            if not succeeding and phase != "post_build":
                continue
            script = "\n".join(commands)
            environ["CODEBUILD_BUILD_SUCCEEDING"] = str(int(succeeding))
            code = subprocess.run(
                ["bash", "-c", script], env=environ, cwd=self.source, check=False
            ).returncode
            ended.append((phase, code))
        return ended

    def calls(self, program: str) -> list[list[str]]:
        """Return the arguments of each call of a program."""
        if not self.log.exists():
            return []
        found = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [arguments for name, arguments, _ in found if name == program]

    def knew_credentials(self) -> set[tuple[str, str]]:
        """Return the calls that had the address of the role's credentials in their environment."""
        found = [json.loads(line) for line in self.log.read_text().splitlines()]
        return {(name, arguments[0]) for name, arguments, knew in found if knew}
