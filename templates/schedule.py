"""The schedules of a job, one an expression: each starts its workflow."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from troposphere import Ref
from troposphere.scheduler import (
    DeadLetterConfig,
    FlexibleTimeWindow,
    RetryPolicy,
    Schedule,
    Target,
)

from provisioner.jobs import stack_name
from templates.arns import in_account

if TYPE_CHECKING:
    from troposphere.stepfunctions import StateMachine

    from provisioner.jobs import Job
    from provisioner.settings import Platform

RETRY_ATTEMPTS = 185
"""EventBridge Scheduler, RetryPolicy: the most, so that `catch_up_minutes` alone decides."""


def schedules(job: Job, platform: Platform, workflow: StateMachine) -> list[Schedule]:
    """Return the schedules; one with ``rate()`` fires as soon as it is made."""
    return [_schedule(job, platform, workflow, index) for index in range(len(job.schedule))]


def _schedule(job: Job, platform: Platform, workflow: StateMachine, index: int) -> Schedule:
    name = f"{stack_name(platform.prefix, job.job_name)}-{index}"
    schedule = Schedule(
        f"Schedule{index}",
        Name=name,
        GroupName=platform.schedule_group,
        ScheduleExpression=job.schedule[index],
        ScheduleExpressionTimezone=job.timezone,
        State="ENABLED" if job.schedule_enabled else "DISABLED",
        FlexibleTimeWindow=_window(job.jitter_minutes),
        Target=Target(
            Arn=Ref(workflow),
            RoleArn=in_account(platform.scheduler_role_arn, platform),
            Input=_input(name),
            DeadLetterConfig=DeadLetterConfig(
                Arn=in_account(platform.missed_ticks_queue_arn, platform)
            ),
            RetryPolicy=RetryPolicy(
                MaximumEventAgeInSeconds=60 * job.catch_up_minutes,
                MaximumRetryAttempts=RETRY_ATTEMPTS,
            ),
        ),
    )
    if job.schedule_start:
        schedule.StartDate = job.schedule_start
    if job.schedule_end:
        schedule.EndDate = job.schedule_end
    return schedule


def _window(jitter_minutes: int) -> FlexibleTimeWindow:
    if not jitter_minutes:
        return FlexibleTimeWindow(Mode="OFF")
    return FlexibleTimeWindow(Mode="FLEXIBLE", MaximumWindowInMinutes=jitter_minutes)


def _input(name: str) -> str:
    run = {
        "source": "schedule",
        "scheduled_for": "<aws.scheduler.scheduled-time>",
        "schedule": name,
    }
    return json.dumps({"_run": run}, separators=(",", ":"))
