"""Lines of the log of a run or of a build."""

from datetime import datetime

from provisioner.api.answers.model import Model


class LogEvent(Model):
    """One event of a log."""

    at: datetime
    message: str


class Log(Model):
    """Lines of a run or a build, oldest first, and how to get those before and after them."""

    events: list[LogEvent]
    older: str | None
    newer: str | None
