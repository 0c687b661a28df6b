"""Dead-letter messages: listed, redriven, discarded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.aws import dead_letters
from provisioner.errors import NotFoundError
from provisioner.service.audit import recorded
from provisioner.service.rights import Action

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from provisioner.aws.dead_letters import HeldMessages
    from provisioner.dead_letters.model import DeadLetterMessage
    from provisioner.service.context import Service


@dataclass(frozen=True, slots=True)
class DeadLetterList:
    """Dead-letter messages, oldest first; there may be more unless this is `complete`."""

    messages: Sequence[DeadLetterMessage]
    complete: bool


@dataclass(frozen=True, slots=True)
class Redriven:
    """A message that was redriven; it `remains` when a part of it, or all, could not be."""

    message: DeadLetterMessage
    remains: bool


def list_messages(service: Service, *, at_once: bool = False) -> DeadLetterList:
    """Return the dead-letter messages of the queue, and the stream records that Lambda gave up.

    Parameters
    ----------
    at_once
        Believe SQS how many messages there are, which may be a minute old, instead of waiting for a
        second until it has none left.
    """
    expected = how_many(service) if at_once else None
    with dead_letters.hold(service.clients, service.dead_letters, expected) as found:
        return DeadLetterList(tuple(found.messages.values()), found.is_complete)


def how_many(service: Service) -> int:
    """Return about how many messages the queue has."""
    return dead_letters.about_how_many(service.clients, service.dead_letters.dead_letter_queue_url)


def find(service: Service, ids: Iterable[str]) -> list[DeadLetterMessage]:
    """Return the messages with these ids.

    Raises
    ------
    NotFoundError
        If one of these messages is not in the queue.
    """
    with dead_letters.hold(service.clients, service.dead_letters) as found:
        return _chosen(found, ids)


def redrive(service: Service, ids: Iterable[str] | None) -> Iterator[Redriven]:
    """Do again what messages ask for, and remove them; all of them without `ids`.

    Raises
    ------
    NotFoundError
        If there is no message with one of the ids.
    TemporaryError
        If what a message asks for fails again.
    """
    with dead_letters.hold(service.clients, service.dead_letters) as found:
        for message in _chosen(found, ids):
            with recorded(service, Action.REDRIVE_DEAD_LETTERS, detail=f"message {message.id}"):
                found.redrive(message)
            yield Redriven(message, remains=message.id in found.messages)


def discard(service: Service, ids: Iterable[str]) -> Iterator[DeadLetterMessage]:
    """Remove messages without doing anything.

    Raises
    ------
    NotFoundError
        If there is no message with one of the ids.
    """
    with dead_letters.hold(service.clients, service.dead_letters) as found:
        for message in _chosen(found, ids):
            with recorded(service, Action.DISCARD_DEAD_LETTERS, detail=f"message {message.id}"):
                found.discard(message)
            yield message


def _chosen(found: HeldMessages, ids: Iterable[str] | None) -> list[DeadLetterMessage]:
    if ids is None:
        return list(found.messages.values())
    wanted = dict.fromkeys(ids)
    if unknown := [each for each in wanted if each not in found.messages]:
        message = (
            f"there is no dead-letter message {', '.join(unknown)}: it may have been redriven or "
            "discarded in the meantime"
        )
        raise NotFoundError(message)
    return [found.messages[each] for each in wanted]
