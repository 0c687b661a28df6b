"""The alarms of a job: its runs fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from troposphere import Ref
from troposphere.cloudwatch import Alarm, MetricDimension

from provisioner.jobs import stack_name
from templates.arns import in_account

if TYPE_CHECKING:
    from troposphere.stepfunctions import StateMachine

    from provisioner.jobs import Job
    from provisioner.settings import Platform

PERIOD_SECONDS = 300


def alarms(job: Job, platform: Platform, workflow: StateMachine) -> list[Alarm]:
    """Return the alarms; a run that someone stopped is no failure.

    An attempt that times out fails its run. Only with retries can the attempts together take so
    long that the state machine's own timeout ends the run, which is another metric.
    """
    if not job.alarms:
        return []
    name = stack_name(platform.prefix, job.job_name)
    failed = _alarm("FailureAlarm", name, "ExecutionsFailed", platform, workflow)
    if not job.retries:
        return [failed]
    # No job's name has a dot: the alarm of no other job is called like this.
    timed_out = _alarm("TimeoutAlarm", f"{name}.timeout", "ExecutionsTimedOut", platform, workflow)
    return [failed, timed_out]


def _alarm(title: str, name: str, metric: str, platform: Platform, workflow: StateMachine) -> Alarm:
    return Alarm(
        title,
        AlarmName=name,
        AlarmActions=[in_account(platform.notification_topic_arn, platform)],
        Namespace="AWS/States",
        MetricName=metric,
        Dimensions=[MetricDimension(Name="StateMachineArn", Value=Ref(workflow))],
        Statistic="Sum",
        Period=PERIOD_SECONDS,
        EvaluationPeriods=1,
        ComparisonOperator="GreaterThanThreshold",
        Threshold=0,
        TreatMissingData="notBreaching",
    )
