"""A job as a CloudFormation template: pure, deterministic byte for byte.

A module for each type (`lambda_job`, `ecs_job` ...) reads from top to bottom as the whole stack of
its jobs. What all share is in `parts` (schedule, role, logs, alarms, network, queue ...) and in
`workflow`, the state machine.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, assert_never

from provisioner.deferred import deferred

with deferred("cfn_flip"):  # which loads PyYAML, for to_yaml alone
    from troposphere import Parameter, Template

from provisioner.jobs import BatchJob, Ec2Job, EcsJob, LambdaJob
from provisioner.jobs.unbuilt import is_unbuilt
from templates import batch_job, ec2_job, ecs_job, lambda_job
from templates.parts.alarms import alarms
from templates.parts.outputs import outputs
from templates.parts.queue import message_queue
from templates.parts.repository import repository
from templates.parts.schedule import schedules
from templates.parts.tags import put_tags
from templates.version import TEMPLATE_VERSION
from templates.workflow.rebuild import without

if TYPE_CHECKING:
    from collections.abc import Collection

    from provisioner.jobs import Job
    from provisioner.settings import Platform
    from templates.parts.part import JobResources

__all__ = ["BEFORE_ALL_SCHEDULES", "TEMPLATE_VERSION", "build", "synthesize", "to_json"]

BEFORE_ALL_SCHEDULES = datetime(1970, 1, 1, tzinfo=UTC)


def build(job: Job, platform: Platform, now: datetime = BEFORE_ALL_SCHEDULES) -> Template:
    """Return the template of a job's stack.

    Parameters
    ----------
    job
        With its bundle's version or its image's digest pinned, so that new code is a new template.
    platform
        What the bootstrap made, which a job's stack refers to.
    now
        Schedules are made as they can be at this time: what has passed is left out.

    Returns
    -------
    troposphere.Template
        With the parameters ``SpecDigest``, ``TemplateVersion`` and ``DeletionPolicy`` (``delete``
        or ``retain``). They are for the provisioner to find again: the stack describes itself.
    """
    parts = [repository(job, platform)]
    if not is_unbuilt(job):  # until then, only what its build needs
        own = _own_resources(job, platform)
        parts += [
            own,
            schedules(job, platform, own.workflow, now),
            alarms(job, platform, own.workflow),
            message_queue(job, platform),
        ]
    resources = [resource for part in parts for resource in part.resources]
    put_tags(resources, job.tags)
    template = Template(Description=f"The job {job.job_name}")
    template.set_version("2010-09-09")
    template.add_parameter(Parameter("SpecDigest", Type="String"))
    template.add_parameter(Parameter("TemplateVersion", Type="String"))
    policies = {"Default": "delete", "AllowedValues": ["delete", "retain"]}
    template.add_parameter(Parameter("DeletionPolicy", Type="String", **policies))
    template.add_resource(resources)
    for part in parts:
        template.add_output(outputs(part.outputs))
    return template


def _own_resources(job: Job, platform: Platform) -> JobResources:
    match job:
        case LambdaJob():
            return lambda_job.resources(job, platform)
        case EcsJob():
            return ecs_job.resources(job, platform)
        case BatchJob():
            return batch_job.resources(job, platform)
        case Ec2Job():
            return ec2_job.resources(job, platform)
        case _:
            assert_never(job)


def synthesize(job: Job, platform: Platform, now: datetime, missing: Collection[str] = ()) -> str:
    """Return a job's template as CloudFormation gets it; see `build` and `to_json`."""
    return to_json(build(job, platform, now), missing=missing)


def to_json(template: Template, *, missing: Collection[str] = ()) -> str:
    """Return a template as CloudFormation gets it: minified, the same for the same job.

    Without those resources that are `missing`, and all that refers to them (`rebuild`).

    What is not ASCII is escaped, as GetTemplate would show a question mark in its place; but not
    beyond the Basic Multilingual Plane, where cfn-lint does not read the two halves of an escape.
    """
    whole = template.to_dict()
    document = without(whole, missing) if missing else whole
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if text.isascii() and "\x7f" not in text:
        return text  # without the pattern, which takes long to compile
    return re.sub(r"[\x7f-\uffff]", lambda found: f"\\u{ord(found[0]):04x}", text)
