"""Slack queue: what was published of jobs; show it in Slack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provisioner.entrypoints.batch import failures, payload_of
from provisioner.entrypoints.function import about, function, logger, send_to_dead_letter_queue
from provisioner.errors import TemporaryError
from provisioner.notifications import slack_blocks, slack_client
from provisioner.notifications.document import of_message
from provisioner.notifications.model import Alarm, Notification
from provisioner.notifications.slack_client import RateLimitedError, StaleSecretError

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from provisioner.entrypoints.wiring import Runtime

TIME_TO_SEND_MILLISECONDS = 15_000
"""Kept of the function's time: with less than that no other message is begun."""


@function
def handler(event: dict[str, Any], context: LambdaContext, runtime: Runtime) -> dict[str, Any]:
    """Send a batch of messages; those that fail only for the moment are delivered again.

    When Slack accepts nothing for a while, neither the message that was refused nor those after it
    come sooner. What Slack will never take goes to the dead-letter queue at once.
    """
    again: list[Any] = []
    wait_seconds = 0
    for record in event["Records"]:
        if wait_seconds:
            wait_seconds += 1  # Slack takes a message a second
            _postpone(runtime, record, wait_seconds)
        elif context.get_remaining_time_in_millis() >= TIME_TO_SEND_MILLISECONDS:
            try:
                _show(runtime, record)
                continue
            except RateLimitedError as error:
                wait_seconds = error.wait_seconds
                logger.warning("Slack accepts nothing", wait_seconds=wait_seconds)
                _postpone(runtime, record, wait_seconds)
            except TemporaryError:
                logger.exception("sending failed", message_id=record.get("messageId"))
            except Exception as error:  # noqa: BLE001  (whatever a message holds, others continue)
                if send_to_dead_letter_queue(runtime, payload_of(record), error, "slack"):
                    continue
        again.append(record)
    return failures(again)


def _show(runtime: Runtime, record: Any) -> None:  # noqa: ANN401
    match of_message(record["body"], runtime.settings.platform.prefix):
        case Notification() as notification:
            with about(runtime, notification.job_name):
                _send(runtime, slack_blocks.message(notification), notification.slack_channel)
                logger.info("shown", notification_id=notification.notification_id)
        case Alarm() as alarm:
            _send(runtime, slack_blocks.alarm_message(alarm), None)
            logger.info("shown", alarm=alarm.name)


def _send(runtime: Runtime, message: dict[str, Any], channel: str | None) -> None:
    try:
        slack_client.post(slack_client.destination(runtime.slack_secret.value()), message, channel)
    except StaleSecretError:
        runtime.slack_secret.forget()
        slack_client.post(slack_client.destination(runtime.slack_secret.value()), message, channel)


def _postpone(runtime: Runtime, record: Any, seconds: int) -> None:  # noqa: ANN401
    """Let a message come no sooner; if not even that works, it comes when the queue says."""
    try:
        runtime.slack_queue.postpone(record["receiptHandle"], seconds)
    except Exception:
        logger.exception("postponing failed", message_id=record.get("messageId"))
