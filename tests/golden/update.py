"""Render every example row again: `python -m tests.golden.update`, then read the diff.

`<name>.json` is the template as CloudFormation gets it, only indented; `<name>.asl.json` is the
workflow in it, taken out of its text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import yaml

import templates
from provisioner.jobs import EcsJob, Job, LambdaJob, Rejected, parse
from provisioner.placeholders import filled
from tests.support.platforms import PLATFORM

GOLDEN = Path(__file__).parent
EXAMPLES = sorted((GOLDEN.parent.parent / "bootstrap" / "examples").glob("*.yaml"))

OUTPUTS = {
    "BundleBucketName": "jobs-bundles",
    "ArtifactsBucketName": PLATFORM.artifacts_bucket,
    "ImageRegistry": f"{PLATFORM.account_id}.dkr.ecr.{PLATFORM.region}.amazonaws.com",
}


def example(path: Path) -> Job:
    """Return an example as the reconciler hands it on: filled in, and its code pinned."""
    row, unknown = filled(yaml.safe_load(path.read_text("utf-8")), OUTPUTS)
    assert not unknown, unknown
    job = parse(row)
    assert not isinstance(job, Rejected), job
    match job:
        case LambdaJob():
            return job.model_copy(update={"bundle": replace(job.bundle, version_id="pinned")})
        case EcsJob():
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
        template = json.loads(templates.to_json(templates.build(example(path), PLATFORM)))
        for name, content in (("json", template), ("asl.json", workflow(template))):
            files[f"{path.stem}.{name}"] = json.dumps(content, indent=2) + "\n"
    return files


if __name__ == "__main__":
    for file in GOLDEN.glob("*.json"):
        file.unlink()
    for name, content in rendered().items():
        (GOLDEN / name).write_text(content, "utf-8")
