"""A job's template from the job: troposphere's objects against the same template as plain dicts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import templates
from bench import environment, rows
from bench.measure import Comparison, cpu_seconds, in_turns
from provisioner import jobs
from provisioner.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from provisioner.jobs import Job
    from provisioner.settings import Platform

TEMPLATES = 40


def compare() -> list[Comparison]:
    platform = Settings.from_environ(environment.FUNCTION).platform
    return [
        _compare(f"synthesis, {row['type']} template", _job(row), platform)
        for row in (rows.lambda_row("orders"), rows.ecs_row("orders"))
    ]


def _compare(name: str, job: Job, platform: Platform) -> Comparison:
    text = templates.to_json(templates.build(job, platform))
    plain = plain_dicts(text)
    assert dumped(plain()) == text
    ours, floor = in_turns(
        lambda: cpu_seconds(lambda: templates.to_json(templates.build(job, platform)), TEMPLATES),
        lambda: cpu_seconds(lambda: dumped(plain()), TEMPLATES),
    )
    counts = {
        "templates": TEMPLATES,
        "resources": len(json.loads(text)["Resources"]),
        "bytes": len(text),
    }
    return Comparison(name, "plain dicts", ours, floor, counts=counts)


def _job(row: dict[str, object]) -> Job:
    job = jobs.parse(row)
    assert not isinstance(job, jobs.InvalidRow), job
    return job


def plain_dicts(text: str) -> Callable[[], Any]:
    """Return the function that makes a template of dicts and lists written out as such.

    It is the least that any builder does: no attribute of the job is even looked at.
    """
    source = f"def build():\n    return {json.loads(text)!r}"
    namespace: dict[str, Any] = {}
    exec(source, namespace)  # noqa: S102
    build: Callable[[], Any] = namespace["build"]
    return build


def dumped(template: object) -> str:
    return json.dumps(template, sort_keys=True, separators=(",", ":"))
