"""The alarms of a job: its runs fail, or its messages start none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from troposphere import Ref
from troposphere.cloudwatch import Alarm, MetricDimension

from provisioner.jobs import stack_name
from provisioner.jobs.names import DEAD_LETTERS_ALARM
from templates.parts.arns import in_account
from templates.parts.queue import dead_letter_queue_name

if TYPE_CHECKING:
    from troposphere import AWSHelperFn
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
    runs = ("AWS/States", "StateMachineArn", Ref(workflow), "Sum")
    found = [_alarm("FailureAlarm", name, "ExecutionsFailed", platform, runs)]
    # No job's name has a dot: the alarm of no other job is called like these.
    if job.retries:
        found.append(
            _alarm("TimeoutAlarm", f"{name}.timeout", "ExecutionsTimedOut", platform, runs)
        )
    if job.queue:
        letters = ("AWS/SQS", "QueueName", dead_letter_queue_name(job, platform), "Maximum")
        visible = "ApproximateNumberOfMessagesVisible"
        alarm = _alarm(
            "DeadLettersAlarm", f"{name}{DEAD_LETTERS_ALARM}", visible, platform, letters
        )
        alarm.AlarmDescription = f"Messages to {job.job_name} could start no run"
        found.append(alarm)
    return found


def _alarm(
    title: str,
    name: str,
    metric: str,
    platform: Platform,
    of: tuple[str, str, str | AWSHelperFn, str],
) -> Alarm:
    """Return an alarm on a metric `of` a namespace, a dimension's name and value, a statistic."""
    namespace, dimension, value, statistic = of
    return Alarm(
        title,
        AlarmName=name,
        AlarmActions=[in_account(platform.notification_topic_arn, platform)],
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[MetricDimension(Name=dimension, Value=value)],
        Statistic=statistic,
        Period=PERIOD_SECONDS,
        EvaluationPeriods=1,
        ComparisonOperator="GreaterThanThreshold",
        Threshold=0,
        TreatMissingData="notBreaching",
    )
