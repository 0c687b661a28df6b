"""Streams of the Triggers and the Stacks table: something has happened; tell who wants to know.

Nothing waits for it: a notification that cannot be published goes to the dead-letter queue.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from provisioner.entrypoints.batch import Batch, failures
from provisioner.entrypoints.function import about, function, logger, send_to_dead_letter_queue
from provisioner.jobs import Event, InvalidRow, guarded
from provisioner.notifications import detection
from provisioner.notifications.detection import COMPARED_RUNS
from provisioner.notifications.document import of_document, to_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from provisioner.entrypoints.wiring import Runtime
    from provisioner.jobs import Job
    from provisioner.notifications.model import Notification

_SHORTEST_ALERT = timedelta(minutes=1)
"""The least that `queued_alert_minutes` may be."""

TIME_TO_PUBLISH_MILLISECONDS = 15_000
"""Kept of the function's time: with less than that no other notification is begun."""


@function
def handler(event: dict[str, Any], context: LambdaContext, runtime: Runtime) -> dict[str, Any]:
    """Publish the notifications of a batch of stream records; again one that is redriven alone.

    Only records for which tables could not be read come again, and those that the function's time
    did not suffice for.
    """
    if "Records" not in event:
        runtime.topic.publish(of_document(event))
        return {}
    batch = Batch(event["Records"], detection.of_record)
    read = [(record, notification) for record, notification in batch.read if notification]
    again = batch.send_unreadable(runtime, "notify")
    return failures([*again, *_told(runtime, read, context)])


def _told(
    runtime: Runtime, read: list[tuple[Any, Notification]], context: LambdaContext
) -> Iterator[Any]:
    """Tell what was read; yield the records that have to come again."""
    try:
        wanting = _wanting(runtime, [notification.job_name for _, notification in read])
    except Exception:
        logger.exception("reading rows failed")
        yield from (record for record, _ in read)
        return
    for record, notification in read:
        if context.get_remaining_time_in_millis() < TIME_TO_PUBLISH_MILLISECONDS:
            yield record
            continue
        with about(runtime, notification.job_name):
            try:
                wanted = list(_of_job(runtime, notification, wanting.get(notification.job_name)))
            except Exception:
                logger.exception("comparing a run failed")
                yield record
                continue
        if not all(_published(runtime, each) for each in wanted):
            yield record


def _wanting(runtime: Runtime, job_names: Iterable[str]) -> Mapping[str, Job | InvalidRow]:
    allowed = runtime.settings.platform.allowed
    wanting: dict[str, Job | InvalidRow] = {}
    for some in guarded.few(job_names):
        rows = runtime.jobs.get_many(some)
        wanting |= {name: guarded.parse(row, allowed) for name, row in rows.items()}
    return wanting


def _of_job(
    runtime: Runtime, notification: Notification, job: Job | InvalidRow | None
) -> Iterator[Notification]:
    """Yield what the job wants published: the notification, and that the run was slow."""
    if wanted := detection.wanted(notification, job):
        yield wanted
    if notification.event is not Event.SUCCEEDED or job is None or isinstance(job, InvalidRow):
        return
    if job.slow_percent is None or Event.SLOW not in job.notify:
        return
    took = runtime.history.durations_ms(notification.job_name, notification.about, COMPARED_RUNS)
    slow = detection.slow(notification, job.slow_percent, took)
    if slow and (wanted := detection.wanted(slow, job)):
        yield wanted


def _published(runtime: Runtime, notification: Notification) -> bool:
    """Publish a notification or keep it in the dead-letter queue; False when neither works."""
    with about(runtime, notification.job_name):
        try:
            runtime.topic.publish(notification)
        except Exception as error:  # noqa: BLE001  (a broken topic blocks no stream)
            payload = json.dumps(to_document(notification), ensure_ascii=False)
            return send_to_dead_letter_queue(
                runtime, payload, error, "notify", notification.job_name
            )
        logger.info("notified", notification_id=notification.notification_id)
    return True


def queued_too_long(runtime: Runtime, now: datetime) -> int:
    """Tell, once each, of runs that wait for longer than their jobs allow; return how many."""
    waiting = list(runtime.history.queued(until=now - _SHORTEST_ALERT))
    wanting = _wanting(runtime, [run["job_name"] for run in waiting])
    published = 0
    for run in waiting:
        job = wanting.get(run["job_name"])
        try:
            published += _published_waiting(runtime, run, job, now)
        except Exception:
            logger.exception("publishing that a run waits failed", job_name=run["job_name"])
    return published


def _published_waiting(
    runtime: Runtime, run: Mapping[str, Any], job: Job | InvalidRow | None, now: datetime
) -> bool:
    if job is None or isinstance(job, InvalidRow):
        return False
    notification = detection.queued_too_long(run, job.queued_alert_minutes, now)
    wanted = notification and detection.wanted(notification, job)
    if not wanted or not runtime.history.mark_alerted(run["job_name"], run["trigger_id"], now):
        return False
    return _published(runtime, wanted)
