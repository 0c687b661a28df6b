"""The schedules of a job, one an expression: each starts its workflow."""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING

from troposphere import GetAtt, Ref
from troposphere.scheduler import (
    DeadLetterConfig,
    FlexibleTimeWindow,
    RetryPolicy,
    Schedule,
    Target,
)

from provisioner.jobs import planned, stack_name
from templates.parts.arns import in_account
from templates.parts.part import Part

if TYPE_CHECKING:
    from datetime import datetime

    from troposphere.stepfunctions import StateMachine

    from provisioner.jobs import Job, PlannedSchedule
    from provisioner.settings import Platform

RETRY_ATTEMPTS = 185
"""EventBridge Scheduler, RetryPolicy: the most, so that `catch_up_minutes` alone decides."""


def schedules(job: Job, platform: Platform, workflow: StateMachine, now: datetime) -> Part:
    """Return the schedules that have a scheduled time after `now`, each numbered as in the row."""
    made = [_schedule(job, platform, workflow, one) for one in planned(job, now)]
    return Part(made, {"ScheduleArn": GetAtt(made[0], "Arn")} if made else {})


def _schedule(
    job: Job, platform: Platform, workflow: StateMachine, one: PlannedSchedule
) -> Schedule:
    name = f"{stack_name(platform.prefix, job.job_name)}-{one.index}"
    schedule = Schedule(
        f"Schedule{one.index}",
        Name=name,
        GroupName=platform.schedule_group,
        ScheduleExpression=one.expression,
        ScheduleExpressionTimezone=job.timezone,
        State="ENABLED" if job.schedule_enabled else "DISABLED",
        FlexibleTimeWindow=_window(job.jitter_minutes),
        Target=Target(
            Arn=Ref(workflow),
            RoleArn=in_account(platform.scheduler_role_arn, platform),
            Input=_input(name),
            DeadLetterConfig=DeadLetterConfig(
                Arn=in_account(platform.missed_schedules_queue_arn, platform)
            ),
            RetryPolicy=RetryPolicy(
                MaximumEventAgeInSeconds=60 * job.catch_up_minutes,
                MaximumRetryAttempts=RETRY_ATTEMPTS,
            ),
        ),
    )
    if one.start:
        schedule.StartDate = _date(one.start)
    if one.end:
        schedule.EndDate = _date(one.end)
    return schedule


def _date(moment: datetime) -> str:
    """Return a date as AWS::Scheduler::Schedule wants it, with milliseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


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
