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
    UNTRIED_SECONDS,
    WAITING_SUFFIX,
)
from templates.parts.arns import in_account
from templates.parts.part import Part

if TYPE_CHECKING:
    from troposphere import PropsDictType

    from provisioner.jobs import Job
    from provisioner.jobs import Queue as JobQueue
    from provisioner.settings import Platform

VISIBILITY_SECONDS = 360
"""Six times the timeout of the function that takes the messages, as Lambda advises."""

WAITING_VISIBILITY_SECONDS = 60
"""Longer than it takes to send a message from one queue to the other."""

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


def message_queue(job: Job, platform: Platform) -> Part:
    """Return the queues with all that belongs to them; nothing without `queue`."""
    if job.queue is None:
        return Part()
    name = stack_name(platform.prefix, job.job_name)
    dead = _queue("DeadLetterQueue", dead_letter_queue_name(job, platform))
    waiting = _queue("WaitingQueue", name + WAITING_SUFFIX)
    waiting.VisibilityTimeout = WAITING_VISIBILITY_SECONDS
    queue = _job_queue(name, dead, job.queue)
    policies = [_policy(dead), _policy(waiting), _policy(queue, _submissions(queue, platform))]
    subscription = _subscription(job, queue, platform)
    mapping = _mapping(job.queue, queue, platform)
    return Part(
        [dead, waiting, queue, *policies, subscription, mapping],
        {
            "QueueUrl": Ref(queue),
            "DeadLetterQueueUrl": Ref(dead),
            "QueueBatchSize": str(job.queue.batch_size),
            "QueueMaxConcurrency": str(job.queue.max_concurrency),
        },
    )


def _job_queue(name: str, dead: Queue, limits: JobQueue) -> Queue:
    """Return the queue whose messages start runs."""
    queue = _queue("Queue", name)
    queue.VisibilityTimeout = VISIBILITY_SECONDS
    queue.MessageRetentionPeriod = UNTRIED_SECONDS
    queue.RedrivePolicy = RedrivePolicy(
        deadLetterTargetArn=GetAtt(dead, "Arn"), maxReceiveCount=limits.max_receives
    )
    return queue


def _submissions(queue: Queue, platform: Platform) -> dict[str, object]:
    """Return the right of the submission topic to send messages to the queue."""
    topic = in_account(platform.submission_topic_arn, platform)
    return {
        "Sid": "Submissions",
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": GetAtt(queue, "Arn"),
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }


def _subscription(job: Job, queue: Queue, platform: Platform) -> SubscriptionResource:
    """Return the subscription to those messages of the topic that name the job."""
    return SubscriptionResource(
        "Subscription",
        TopicArn=in_account(platform.submission_topic_arn, platform),
        Protocol="sqs",
        Endpoint=GetAtt(queue, "Arn"),
        RawMessageDelivery=True,
        FilterPolicy={"job_name": [job.job_name]},
    )


def _mapping(limits: JobQueue, queue: Queue, platform: Platform) -> EventSourceMapping:
    """Return what hands the queue's messages to the function that starts runs."""
    mapping = EventSourceMapping(
        "QueueMapping",
        FunctionName=in_account(platform.job_queue_function_arn, platform),
        EventSourceArn=GetAtt(queue, "Arn"),
        BatchSize=limits.batch_size,
        ScalingConfig={"MaximumConcurrency": limits.max_concurrency},
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    if limits.batch_size > 1:
        mapping.MaximumBatchingWindowInSeconds = BATCHING_SECONDS
    return mapping


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
