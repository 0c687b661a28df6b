"""Slack queue: what was published of jobs; show it in Slack."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from provisioner.aws.secrets import Secret
from provisioner.aws.slack_queue import SlackQueue
from provisioner.entrypoints.shared import (
    about,
    clients,
    function,
    logger,
    send_to_dead_letter_queue,
    settings,
)
from provisioner.errors import TemporaryError
from provisioner.notifications import slack_blocks, slack_client
from provisioner.notifications.document import of_message
from provisioner.notifications.model import Alarm, Notice
from provisioner.notifications.slack_client import RateLimitedError, StaleSecretError
from provisioner.settings import SlackSettings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

TIME_TO_SEND_MILLISECONDS = 15_000
"""Kept of the function's time: with less than that no other message is begun."""


@cache
def _settings() -> SlackSettings:
    return SlackSettings.from_environ(os.environ)


@cache
def _secret() -> Secret:
    return Secret(clients(), _settings().secret_arn)


@function
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Send a batch of messages; those that fail for the moment only come again.

    When Slack accepts nothing for a while, neither the message that was refused nor those after it
    come sooner. What Slack will never take goes to the dead-letter queue at once.
    """
    again: list[Any] = []
    wait_seconds = 0
    for record in event["Records"]:
        if wait_seconds:
            wait_seconds += 1  # Slack takes a message a second
            _postpone(record, wait_seconds)
        elif context.get_remaining_time_in_millis() >= TIME_TO_SEND_MILLISECONDS:
            try:
                _show(record)
                continue
            except RateLimitedError as error:
                wait_seconds = error.wait_seconds
                logger.warning("Slack accepts nothing", wait_seconds=wait_seconds)
                _postpone(record, wait_seconds)
            except TemporaryError:
                logger.exception("sending failed")
            except Exception as error:  # noqa: BLE001  (whatever a message holds, others go on)
                if send_to_dead_letter_queue(record.get("body", ""), error, "slack"):
                    continue
        again.append(record)
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in again]}


def _show(record: Any) -> None:  # noqa: ANN401
    match of_message(record["body"], settings().platform.prefix):
        case Notice() as notice:
            with about(notice.job_name):
                _send(slack_blocks.message(notice), notice.slack_channel)
                logger.info("shown", notice_id=notice.notice_id)
        case Alarm() as alarm:
            _send(slack_blocks.alarm_message(alarm), None)
            logger.info("shown", alarm=alarm.name)


def _send(message: dict[str, Any], channel: str | None) -> None:
    try:
        slack_client.post(slack_client.destination(_secret().value()), message, channel)
    except StaleSecretError:
        _secret().forget()
        slack_client.post(slack_client.destination(_secret().value()), message, channel)


def _postpone(record: Any, seconds: int) -> None:  # noqa: ANN401
    """Let a message come no sooner; if not even that works, it comes when the queue says."""
    try:
        SlackQueue(clients(), _settings().queue_url).postpone(record["receiptHandle"], seconds)
    except Exception:
        logger.exception("postponing failed")
