"""Streams of the Triggers and the Stacks table: something has happened; tell who wants to know.

Nothing waits for it: a notification that cannot be published goes to the dead-letter queue.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from provisioner.entrypoints.batch import RecordBatch, failures
from provisioner.entrypoints.function import about, function, logger, send_to_dead_letter_queue
from provisioner.entrypoints.metrics import Count
from provisioner.jobs import Event, InvalidRow, guarded
from provisioner.notifications import detection
from provisioner.notifications.detection import COMPARED_RUNS
from provisioner.notifications.document import of_document, to_document
from provisioner.runs.canary import CanaryVerdict, progress_of
from provisioner.stacks.model import JUDGED

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

    Only records for which tables could not be read are delivered again, and those that the
    function's time did not suffice for.
    """
    if "Records" not in event:
        runtime.topic.publish(of_document(event))
        return {}
    batch = RecordBatch(event["Records"], detection.of_record)
    read = [(record, notification) for record, notification in batch.read if notification]
    again = batch.send_unreadable(runtime, "notify")
    return failures([*again, *_publish(runtime, read, context)])


def _publish(
    runtime: Runtime, read: list[tuple[Any, Notification]], context: LambdaContext
) -> Iterator[Any]:
    """Publish what was read; yield the records that must be delivered again."""
    names = sorted({notification.job_name for _, notification in read})
    try:
        wanting = _wanting(runtime, names)
    except Exception:
        logger.exception("reading rows failed", job_names=names)
        runtime.metrics.count(Count.RECONCILE_ERRORS)
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
                logger.exception(
                    "comparing a run failed", notification_id=notification.notification_id
                )
                runtime.metrics.count(Count.RECONCILE_ERRORS)
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
    """Yield what the job wants published: the notification, and what else a run has shown."""
    if wanted := detection.wanted(notification, job):
        yield wanted
    if notification.event is not Event.SUCCEEDED or job is None or isinstance(job, InvalidRow):
        return
    for found in (_slow(runtime, notification, job), _canary_passed(runtime, notification, job)):
        if found and (wanted := detection.wanted(found, job)):
            yield wanted


def _slow(runtime: Runtime, succeeded: Notification, job: Job) -> Notification | None:
    if job.slow_percent is None or Event.SLOW not in job.notify:
        return None
    took = runtime.history.durations_ms(succeeded.job_name, succeeded.about, COMPARED_RUNS)
    return detection.slow(succeeded, job.slow_percent, took)


def _canary_passed(runtime: Runtime, succeeded: Notification, job: Job) -> Notification | None:
    """Tell whether a run was the last that a new deployment needed to stay."""
    canary = job.deploy.canary if job.deploy else None
    if canary is None or Event.CANARY_PASSED not in job.notify:
        return None
    record = runtime.stacks.get_many([job.job_name]).get(job.job_name)
    newest = record.deployments[0] if record and record.deployments else None
    if record is None or newest is None or newest.cause not in JUDGED:
        return None
    now, settled_at = runtime.clock(), record.ready_since
    progress = progress_of(runtime.triggers, job, newest.at, now, settled_at=settled_at)
    by = progress.run if progress and progress.verdict is CanaryVerdict.PASSED else None
    return detection.canary_passed(succeeded, newest.number, by, canary.runs)


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
            key = {name: run[name] for name in ("job_name", "trigger_id")}
            logger.exception("publishing that a run waits failed", extra=key)
            runtime.metrics.count(Count.RECONCILE_ERRORS)
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
