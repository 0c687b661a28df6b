"""The alarm of a job: its runs fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from troposphere.cloudwatch import Alarm, Metric, MetricDataQuery, MetricDimension, MetricStat

from provisioner.jobs import stack_name
from templates.workflow import state_machine_arn

if TYPE_CHECKING:
    from provisioner.jobs import Job
    from provisioner.settings import Platform

PERIOD_SECONDS = 300


def failure_alarm(job: Job, platform: Platform) -> Alarm:
    """Return the alarm over failed and timed out runs; one that someone stopped is neither."""
    arn = state_machine_arn(job, platform)
    return Alarm(
        "FailureAlarm",
        AlarmName=stack_name(platform.prefix, job.job_name),
        AlarmDescription=f"Runs of the job {job.job_name} failed or timed out",
        AlarmActions=[platform.notification_topic_arn],
        Metrics=[
            MetricDataQuery(
                Id="bad",
                Label="Bad runs",
                Expression="FILL(failed, 0) + FILL(timed_out, 0)",
                ReturnData=True,
            ),
            _metric("failed", "ExecutionsFailed", arn),
            _metric("timed_out", "ExecutionsTimedOut", arn),
        ],
        ComparisonOperator="GreaterThanThreshold",
        Threshold=0,
        EvaluationPeriods=1,
        TreatMissingData="notBreaching",
    )


def _metric(query_id: str, name: str, state_machine_arn: str) -> MetricDataQuery:
    return MetricDataQuery(
        Id=query_id,
        ReturnData=False,
        MetricStat=MetricStat(
            Metric=Metric(
                Namespace="AWS/States",
                MetricName=name,
                Dimensions=[MetricDimension(Name="StateMachineArn", Value=state_machine_arn)],
            ),
            Period=PERIOD_SECONDS,
            Stat="Sum",
        ),
    )
