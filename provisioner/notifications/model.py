"""Notifications of runs and stacks, and alarms: what a notification is about. Pure data."""

from __future__ import annotations

from dataclasses import dataclass

from provisioner.jobs import Event

_SEVERITIES = {
    Event.STARTED: "info",
    Event.SUCCEEDED: "info",
    Event.FAILED: "error",
    Event.TIMED_OUT: "error",
    Event.STOPPED: "warning",
    Event.SKIPPED: "warning",
    Event.QUEUED_TOO_LONG: "warning",
    Event.SLOW: "warning",
    Event.STACK_FAILED: "error",
    Event.CANARY_PASSED: "info",
    Event.ROLLED_BACK: "warning",
}


@dataclass(frozen=True, slots=True)
class Notification:
    """One thing that has happened to a job.

    `about` is the run's `trigger_id`, or says which version of the Stacks row it is about. `source`
    is what started the run, or `stack`. Times are ISO 8601 in UTC.
    """

    event: Event
    job_name: str
    about: str
    status: str
    source: str
    error: str | None = None
    cause: str | None = None
    scheduled_for: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    duration_ms: int | None = None
    attempts: int | None = None
    exit_code: int | None = None
    execution_arn: str | None = None
    log_url: str | None = None
    stack_id: str | None = None
    slack_channel: str | None = None

    @property
    def notification_id(self) -> str:
        """The same each time the same thing is published, so that receivers can drop duplicates."""
        return f"{self.job_name}/{self.about}/{self.event}"

    @property
    def severity(self) -> str:
        """`info`, `warning` or `error`."""
        return _SEVERITIES[self.event]


@dataclass(frozen=True, slots=True)
class Alarm:
    """A change of state of an alarm that no notification covers, as that on dead-letter messages.

    `state` is ALARM, OK or INSUFFICIENT_DATA.
    """

    name: str
    state: str
    at: str
    description: str
    reason: str
    arn: str
