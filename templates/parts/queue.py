"""The queue of a job: messages of the bootstrap's topic that name the job start its runs.

Three queues: the first starts runs; in the second messages wait for a place, and nothing polls it
(`provisioner.runs.concurrency`); the third keeps what could not be started.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from troposphere import AWSObject, GetAtt, Ref, Tags
from troposphere.sns import SubscriptionResource
from troposphere.sqs import Queue, QueuePolicy, RedrivePolicy

from provisioner.jobs import stack_name
from provisioner.runs.messages import (
    DEAD_SUFFIX,
    MAX_INPUT_BYTES,
    RETENTION_SECONDS,
    WAITING_SUFFIX,
)
from templates.parts.arns import in_account

if TYPE_CHECKING:
    from troposphere import AWSHelperFn, PropsDictType

    from provisioner.jobs import Job
    from provisioner.settings import Platform

VISIBILITY_SECONDS = 360
"""Six times the timeout of the function that takes the messages, as Lambda advises."""

WAITING_VISIBILITY_SECONDS = 60
"""Longer than it takes to send a message from one queue to the other."""

UNTRIED_SECONDS = 4 * 24 * 3600
"""A dead-letter message is as old as the message was: its queue has to keep it for longer."""

BATCHING_SECONDS = 1
"""How long Lambda waits for a batch to fill."""


class EventSourceMapping(AWSObject):  # type: ignore[misc]  # troposphere is not typed
    """``AWS::Lambda::EventSourceMapping``: troposphere's takes another type's ``ScalingConfig``."""

    resource_type = "AWS::Lambda::EventSourceMapping"
    props: ClassVar[PropsDictType] = {
        "FunctionName": (str, True),
        "EventSourceArn": (str, True),
        "BatchSize": (int, True),
        "MaximumBatchingWindowInSeconds": (int, False),
        "ScalingConfig": (dict, True),
        "FunctionResponseTypes": ([str], True),
        "Tags": (Tags, False),
    }


def message_queue(
    job: Job, platform: Platform
) -> tuple[list[AWSObject], dict[str, str | AWSHelperFn]]:
    """Return the queues with all that belongs to them, and their outputs; none without `queue`."""
    if job.queue is None:
        return [], {}
    name = stack_name(platform.prefix, job.job_name)
    topic = in_account(platform.submission_topic_arn, platform)
    dead = _queue("DeadLetterQueue", dead_letter_queue_name(job, platform))
    waiting = _queue("WaitingQueue", name + WAITING_SUFFIX)
    waiting.VisibilityTimeout = WAITING_VISIBILITY_SECONDS
    queue = _queue("Queue", name)
    queue.VisibilityTimeout = VISIBILITY_SECONDS
    queue.MessageRetentionPeriod = UNTRIED_SECONDS
    queue.RedrivePolicy = RedrivePolicy(
        deadLetterTargetArn=GetAtt(dead, "Arn"), maxReceiveCount=job.queue.max_receives
    )
    submissions = {
        "Sid": "Submissions",
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": GetAtt(queue, "Arn"),
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    subscription = SubscriptionResource(
        "Subscription",
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=GetAtt(queue, "Arn"),
        RawMessageDelivery=True,
        FilterPolicy={"job_name": [job.job_name]},
    )
    mapping = EventSourceMapping(
        "QueueMapping",
        FunctionName=in_account(platform.job_queue_function_arn, platform),
        EventSourceArn=GetAtt(queue, "Arn"),
        BatchSize=job.queue.batch_size,
        ScalingConfig={"MaximumConcurrency": job.queue.max_concurrency},
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    if job.queue.batch_size > 1:
        mapping.MaximumBatchingWindowInSeconds = BATCHING_SECONDS
    policies = [_policy(dead), _policy(waiting), _policy(queue, submissions)]
    return [dead, waiting, queue, *policies, subscription, mapping], {
        "QueueUrl": Ref(queue),
        "DeadLetterQueueUrl": Ref(dead),
        "QueueBatchSize": str(job.queue.batch_size),
        "QueueMaxConcurrency": str(job.queue.max_concurrency),
    }


def dead_letter_queue_name(job: Job, platform: Platform) -> str:
    """Return the name of the queue with the messages that could start no run."""
    return stack_name(platform.prefix, job.job_name) + DEAD_SUFFIX


def _queue(title: str, name: str) -> Queue:
    return Queue(
        title,
        QueueName=name,
        SqsManagedSseEnabled=True,
        MaximumMessageSize=MAX_INPUT_BYTES,
        MessageRetentionPeriod=RETENTION_SECONDS,
    )


def _policy(queue: Queue, *allowed: dict[str, object]) -> QueuePolicy:
    encrypted = {
        "Sid": "OnlyEncryptedTraffic",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": GetAtt(queue, "Arn"),
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return QueuePolicy(
        f"{queue.title}Policy",
        Queues=[Ref(queue)],
        PolicyDocument={"Version": "2012-10-17", "Statement": [encrypted, *allowed]},
    )
