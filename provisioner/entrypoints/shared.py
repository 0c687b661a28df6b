"""What all functions have: their settings, their log, and a place for what fails for good."""

from __future__ import annotations

import os
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from aws_lambda_powertools import Logger

from provisioner.aws.clients import Clients
from provisioner.aws.dead_letter_queue import DeadLetterQueue
from provisioner.entrypoints.metrics import Count, count, known_digest, measured
from provisioner.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager

P = ParamSpec("P")
R = TypeVar("R")

logger = Logger()

_WHOLE_BATCH = ""
"""An item identifier that fails the whole batch (Lambda's partial batch responses)."""


@cache
def settings() -> Settings:
    """Return the function's settings."""
    return Settings.from_environ(os.environ)


@cache
def clients() -> Clients:
    """Return the function's clients."""
    return Clients()


@cache
def dead_letters() -> DeadLetterQueue:
    """Return the dead-letter queue."""
    return DeadLetterQueue(clients(), settings().dead_letter_queue_url)


def function(handler: Callable[P, R]) -> Callable[P, R]:
    """Make a handler log its context and publish what it counted."""
    return logger.inject_lambda_context(measured(lambda: settings().platform.prefix)(handler))


def about(job_name: str, digest: str | None = None) -> AbstractContextManager[None]:
    """Let every line that is logged inside say which job, and which spec of it, it is about."""
    return logger.append_context_keys(
        job_name=job_name, digest=digest or known_digest(job_name) or "unknown"
    )


def send_to_dead_letter_queue(
    payload: str,
    error: Exception,
    source: str,
    job_name: str | None = None,
    more: Mapping[str, str] = MappingProxyType({}),
) -> bool:
    """Send what failed for good to the dead-letter queue; False when that fails, too.

    Parameters
    ----------
    payload
        What the function was given, as text.
    source
        The function.
    job_name
        The job that it is about, if that is known.
    more
        Further attributes of the message, which redriving it needs.
    """
    kind = type(error).__name__
    reason = str(error) or kind
    with about(job_name or "unknown"):
        try:
            dead_letters().send(
                payload,
                {
                    "reason": reason,
                    "error_type": kind,
                    "source": source,
                    "job_name": job_name or "",
                    **more,
                },
            )
        except Exception:
            logger.exception("sending to the dead-letter queue failed")
            return False
        logger.error("sent to the dead-letter queue", reason=reason, error_type=kind)
        count(Count.DEAD_LETTERS)
        return True


def item_failures(records: Iterable[object]) -> dict[str, list[dict[str, str]]]:
    """Return a stream function's answer: these records have to come again."""
    return {"batchItemFailures": [{"itemIdentifier": _identifier(record)} for record in records]}


def _identifier(record: object) -> str:
    match record:
        case {"dynamodb": {"SequenceNumber": str(sequence_number)}}:
            return sequence_number
        case _:
            return _WHOLE_BATCH
