"""Messages that failed for good."""

from datetime import datetime

from provisioner.api.answers.model import Model, Name


class DeadLetter(Model):
    """What failed for good, without its payload."""

    id: Name
    at: datetime
    reason: str
    error_type: str
    source: str
    jobs: list[str]
    redrive: str


class DeadLetters(Model):
    """Dead-letter messages, oldest first; there may be more unless it is `complete`."""

    messages: list[DeadLetter]
    complete: bool


class RedrivenMessage(Model):
    """A message that was redriven; it remains if a part of it could not be redriven."""

    id: Name
    remains: bool


class Redriven(Model):
    """What was redriven, or would be."""

    dry_run: bool
    redriven: list[RedrivenMessage]


class Discarded(Model):
    """What was removed, or would be."""

    dry_run: bool
    discarded: list[str]
