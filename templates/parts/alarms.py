"""The alarms of a job: its runs fail, or its messages start none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from troposphere import GetAtt, Ref
from troposphere.cloudwatch import Alarm, MetricDimension

from provisioner.jobs import stack_name
from provisioner.jobs.names import DEAD_LETTERS_ALARM
from templates.parts.arns import in_account
from templates.parts.part import Part
from templates.parts.queue import dead_letter_queue_name

if TYPE_CHECKING:
    from troposphere import AWSHelperFn
    from troposphere.stepfunctions import StateMachine

    from provisioner.jobs import Job
    from provisioner.settings import Platform

PERIOD_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of CloudWatch, and how its values of a period become one."""

    namespace: str
    name: str
    dimension: tuple[str, str | AWSHelperFn]
    statistic: str


def alarms(job: Job, platform: Platform, workflow: StateMachine) -> Part:
    """Return the alarms; a run that someone stopped is not a failure.

    An attempt that times out fails its run. Only with retries can the attempts together take so
    long that the state machine's own timeout ends the run, which is another metric.
    """
    if not job.alarms:
        return Part()
    name = stack_name(platform.prefix, job.job_name)
    failed, timed_out = (
        Metric("AWS/States", metric, ("StateMachineArn", Ref(workflow)), "Sum")
        for metric in ("ExecutionsFailed", "ExecutionsTimedOut")
    )
    failure = _alarm("FailureAlarm", name, failed, platform)
    found = [failure]
    # No job's name has a dot: the alarm of no other job is called like these.
    if job.retries:
        found.append(_alarm("TimeoutAlarm", f"{name}.timeout", timed_out, platform))
    if job.queue:
        found.append(_dead_letters(job, platform, f"{name}{DEAD_LETTERS_ALARM}"))
    return Part(found, {"AlarmArn": GetAtt(failure, "Arn")})


def _dead_letters(job: Job, platform: Platform, name: str) -> Alarm:
    queue = ("QueueName", dead_letter_queue_name(job, platform))
    visible = Metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", queue, "Maximum")
    alarm = _alarm("DeadLettersAlarm", name, visible, platform)
    alarm.AlarmDescription = f"Messages to {job.job_name} could start no run"
    return alarm


def _alarm(title: str, name: str, metric: Metric, platform: Platform) -> Alarm:
    dimension, value = metric.dimension
    return Alarm(
        title,
        AlarmName=name,
        AlarmActions=[in_account(platform.notification_topic_arn, platform)],
        Namespace=metric.namespace,
        MetricName=metric.name,
        Dimensions=[MetricDimension(Name=dimension, Value=value)],
        Statistic=metric.statistic,
        Period=PERIOD_SECONDS,
        EvaluationPeriods=1,
        ComparisonOperator="GreaterThanThreshold",
        Threshold=0,
        TreatMissingData="notBreaching",
    )
