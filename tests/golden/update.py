"""Render every example row again: `python -m tests.golden.update`, then read the diff.

`<name>.json` is the template as CloudFormation gets it, only indented; `<name>.asl.json` is the
workflow in it, taken out of its text. The rows are those of `bootstrap/examples` and, for options
that these do without, of `rows`.
`slack-message.json` is what Slack gets of a run that failed. `openapi.json` describes the API; one
that breaks callers who know the last one is only written with API_BREAKING=1.
The version of the templates (`templates/version.py`) is a hash of those in here.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import yaml

import templates
from provisioner.api import openapi
from provisioner.api.resources.about import DESCRIPTION
from provisioner.jobs import ContainerJob, Event, InvalidRow, Job, LambdaJob, S3Object, parse
from provisioner.jobs.placeholders import filled
from provisioner.jobs.unbuilt import archive_key, is_unbuilt, repository_name
from provisioner.notifications import slack_blocks
from provisioner.notifications.model import Notification
from tests.support.compatibility import breaking
from tests.support.platforms import PLATFORM
from tools import api_template

GOLDEN = Path(__file__).parent
OPENAPI = GOLDEN / "openapi.json"
BOOTSTRAP = GOLDEN.parent.parent / "template.yaml"
_OUTPUT = (
    "Description: The version of the templates that this release builds for the stacks of jobs\n"
    "    Value: "
)
VERSION = Path(templates.__file__).with_name("version.py")
EXAMPLES = [
    *sorted((GOLDEN.parent.parent / "bootstrap" / "examples").glob("*.yaml")),
    *sorted((GOLDEN / "rows").glob("*.yaml")),
]

OUTPUTS = {
    "BundleBucketName": "jobs-bundles",
    "ArtifactsBucketName": PLATFORM.artifacts_bucket,
    "ImageRegistry": f"{PLATFORM.account_id}.dkr.ecr.{PLATFORM.region}.amazonaws.com",
}

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
_STARTED = "2026-11-21T09:00:00.123Z"
NOTIFICATION = Notification(
    Event.FAILED,
    "csv-summary",
    f"{_STARTED}#0b8f6f9e",
    status="FAILED",
    source="schedule",
    error="ContainerFailed",
    cause="Exit code 3. rows < 1 & no header",
    scheduled_for="2026-11-21T09:00:00Z",
    started_at=_STARTED,
    ended_at="2026-11-21T09:03:05.123Z",
    duration_ms=185_000,
    attempts=2,
    exit_code=3,
    execution_arn="arn:aws:states:eu-west-1:123456789012:execution:jobs-csv-summary:0b8f6f9e",
    log_url="https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1&x=1#logsV2",
)


def example(path: Path) -> Job:
    """Return an example as the reconciler hands it on: filled in, and its code pinned."""
    row, unknown = filled(yaml.safe_load(path.read_text("utf-8")), OUTPUTS)
    assert not unknown, unknown
    job = parse(row)
    assert not isinstance(job, InvalidRow), job
    match job:
        case LambdaJob(runtime=str()) if is_unbuilt(job):
            archive = S3Object("jobs-bundles", archive_key(job.job_name, "0" * 64), "pinned")
            return job.model_copy(update={"bundle": archive})
        case _ if is_unbuilt(job):
            image = f"{PLATFORM.allowed.registry}/{repository_name(PLATFORM.prefix, job.job_name)}"
            return job.with_image(f"{image}@sha256:{'0' * 64}", tag="b-0")
        case LambdaJob(image=None, bundle=S3Object() as bundle):
            return job.model_copy(update={"bundle": replace(bundle, version_id="pinned")})
        case LambdaJob() | ContainerJob():
            return job.model_copy(update={"image": f"{job.image}@sha256:{'0' * 64}"})


def workflow(template: Mapping[str, object]) -> dict[str, object]:
    """Return the definition in a rendered template; `Ref`s and the like stand as `<LogicalId>`."""
    text = template["Resources"]["StateMachine"]["Properties"]["DefinitionString"]
    if isinstance(text, dict):
        pieces = text["Fn::Join"][1]
        text = "".join(piece if isinstance(piece, str) else _name(piece) for piece in pieces)
    return json.loads(text)


def _name(intrinsic: Mapping[str, object]) -> str:
    [target] = intrinsic.values()
    return f"<{target if isinstance(target, str) else '.'.join(target)}>"


def rendered() -> dict[str, str]:
    """Return what each golden file should hold."""
    files = {}
    for path in EXAMPLES:
        template = json.loads(templates.to_json(templates.build(example(path), PLATFORM, NOW)))
        for name, content in (("json", template), ("asl.json", workflow(template))):
            files[f"{path.stem}.{name}"] = json.dumps(content, indent=2) + "\n"
    message = slack_blocks.message(NOTIFICATION)
    files["slack-message.json"] = json.dumps(message, indent=2, ensure_ascii=False) + "\n"
    return files


def template_version(files: Mapping[str, str]) -> str:
    """Return the version of the templates that made these golden files."""
    names = sorted(f"{path.stem}.json" for path in EXAMPLES)
    made = json.dumps([(name, files[name]) for name in names])
    return hashlib.sha256(made.encode()).hexdigest()[:12]


def update_version(files: Mapping[str, str]) -> None:
    """Write which templates these are."""
    found = f'TEMPLATE_VERSION = "{template_version(files)}"'
    before = VERSION.read_text("utf-8")
    VERSION.write_text(re.sub('TEMPLATE_VERSION = ".*"', found, before), "utf-8")
    output = f"{_OUTPUT}{template_version(files)!r}"
    whole = BOOTSTRAP.read_text("utf-8")
    BOOTSTRAP.write_text(re.sub(f"{re.escape(_OUTPUT)}.*", output, whole), "utf-8")


def update_description() -> None:
    """Write what describes the API, for people and for the functions' package."""
    described = openapi.document()
    held = json.loads(OPENAPI.read_text("utf-8")) if OPENAPI.exists() else described
    if (found := breaking(held, described)) and os.environ.get("API_BREAKING") != "1":
        sys.exit("This breaks callers of the API (API_BREAKING=1 to do so):\n" + "\n".join(found))
    OPENAPI.write_text(json.dumps(described, indent=1) + "\n", "utf-8")
    DESCRIPTION.write_text(json.dumps(described, separators=(",", ":")) + "\n", "utf-8")


if __name__ == "__main__":
    update_description()
    api_template.update()
    for file in GOLDEN.glob("*.json"):
        if file.name != OPENAPI.name:
            file.unlink()
    files = rendered()
    update_version(files)
    for name, content in files.items():
        (GOLDEN / name).write_text(content, "utf-8")
