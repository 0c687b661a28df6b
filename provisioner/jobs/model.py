"""What a row says whatever its type of job; `types` has a module for each type.

Every field's check says in plain words what is wrong; a check that compares two fields stands with
the later one, so that a single pass finds every error of a row.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationInfo,
    field_validator,
)

from provisioner.jobs.dependencies import job_names
from provisioner.jobs.deploy import Deploy, deploy_options
from provisioner.jobs.errors import InvalidValueError, invalid
from provisioner.jobs.fan_out import TAKEN, FanOut, fan_out_map, taken_keys
from provisioner.jobs.grants import Grant, SubmitGrant
from provisioner.jobs.names import valid_job_name
from provisioner.jobs.notify import Event, channel, default_events, events
from provisioner.jobs.payload_schema import default_fits, valid_schema
from provisioner.jobs.permissions import Permission
from provisioner.jobs.permissions import permissions as permissions_of
from provisioner.jobs.queue import Queue, queue_options
from provisioner.jobs.role_size import permissions_fit
from provisioner.jobs.schedule import expressions
from provisioner.jobs.scheduled_times import all_come
from provisioner.jobs.tags import tag_map
from provisioner.jobs.values import choice, decimal, flag, known, line, whole
from provisioner.jobs.zones import instant, zone_name

MAX_RUN_SECONDS = 365 * 24 * 3600
"""Step Functions, maximum execution time of a Standard workflow."""

MAX_JITTER_MINUTES = 1440
"""EventBridge Scheduler, MaximumWindowInMinutes."""

MAX_CATCH_UP_MINUTES = 1440
"""EventBridge Scheduler, MaximumEventAgeInSeconds of a RetryPolicy: a day."""

MAX_QUEUED_ALERT_MINUTES = 7 * 24 * 60

LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557),
    *(2922, 3288, 3653),
)
"""CloudWatch Logs, PutRetentionPolicy."""


Overlap: TypeAlias = Literal["skip", "queue_one", "queue_all", "cancel_other", "allow"]
OVERLAPS = get_args(Overlap)


def checked(check: Callable[[object], object]) -> PlainValidator:
    """Return the validator of a field: `check`, unless the value's fault is already known."""
    return PlainValidator(lambda value: check(known(value)))


def optional(check: Callable[[object], object]) -> PlainValidator:
    """Return the validator of a field whose default, None, is validated as well."""
    return PlainValidator(lambda value: None if value is None else check(known(value)))


def _retention_days(value: object) -> int:
    days = whole(LOG_RETENTION_DAYS[0], LOG_RETENTION_DAYS[-1], "days")(value)
    if days not in LOG_RETENTION_DAYS:
        nearest = min(LOG_RETENTION_DAYS, key=lambda known: abs(known - days))
        raise invalid(f"must be a number of days that CloudWatch Logs accepts; nearest: {nearest}")
    return days


def within_timeout(seconds: int, info: ValidationInfo) -> int:
    """Check that an attempt is not given more time than the whole run."""
    timeout_seconds = info.data.get("timeout_seconds")
    if timeout_seconds is not None and seconds > timeout_seconds:
        raise invalid(f"must not exceed timeout_seconds, which is {timeout_seconds}")
    return seconds


def within_schema(payload: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
    """Check the row's own payload against its schema and its fan-out."""
    if taken := taken_keys(info.data.get("fan_out"), payload):
        raise InvalidValueError(*((f".{key}", TAKEN) for key in taken))
    default_fits(payload, info.data.get("payload_schema"))
    return payload


class RowModel(BaseModel):
    """What a row says whatever its type, all its values in one form."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    job_name: Annotated[str, checked(valid_job_name)]
    type: Annotated[str, checked(choice(("lambda", "ecs", "batch", "ec2")))]
    description: Annotated[str, checked(line(256))] = ""
    owner: Annotated[str, checked(line(128))] = ""
    tags: Annotated[dict[str, str], checked(tag_map)] = {}
    architecture: Annotated[Literal["arm64", "x86_64"], checked(choice(("arm64", "x86_64")))] = (
        "arm64"
    )
    timezone: Annotated[str, checked(zone_name)] = "UTC"
    schedule: Annotated[tuple[str, ...], checked(expressions)] = ()
    schedule_enabled: Annotated[bool, checked(flag)] = True
    schedule_note: Annotated[str, checked(line(256))] = ""
    schedule_start: str | None = None
    schedule_end: str | None = None
    jitter_minutes: Annotated[int, checked(whole(0, MAX_JITTER_MINUTES))] = 0
    queue: Annotated[Queue | None, checked(queue_options)] = None
    overlap: Annotated[Overlap, checked(choice(OVERLAPS))] = Field(
        default_factory=lambda data: "allow" if data["queue"] else "skip"
    )
    depends_on: Annotated[tuple[str, ...], checked(job_names)] = ()
    fan_out: Annotated[FanOut | None, checked(fan_out_map)] = None
    retries: Annotated[int, checked(whole(0, 10))] = 0
    retry_interval_seconds: Annotated[int, checked(whole(1, 86_400))] = 10
    retry_backoff: Annotated[float, checked(decimal(1, 10))] = 2.0
    catch_up_minutes: Annotated[int, checked(whole(1, MAX_CATCH_UP_MINUTES))] = 60
    pause_on_failures: Annotated[int | None, checked(whole(1, 100))] = None
    run_retention_days: Annotated[int, checked(whole(1, 3650))] = 90
    history_limit: Annotated[int | None, checked(whole(1, 10_000))] = None
    payload_schema: Annotated[dict[str, Any] | None, checked(valid_schema)] = None
    permissions: Annotated[
        tuple[dict[str, Any] | Grant | SubmitGrant, ...], checked(permissions_of)
    ] = ()
    alarms: Annotated[bool, checked(flag)] = True
    slow_percent: Annotated[int | None, checked(whole(10, 10_000))] = None
    deploy: Annotated[Deploy | None, checked(deploy_options)] = None
    notify: Annotated[tuple[Event, ...], checked(events)] = Field(
        default_factory=lambda data: default_events(data.get("slow_percent"), data.get("deploy"))
    )
    slack_channel: Annotated[str | None, checked(channel)] = None
    queued_alert_minutes: Annotated[int, checked(whole(1, MAX_QUEUED_ALERT_MINUTES))] = 60
    log_retention_days: Annotated[int | None, checked(_retention_days)] = None
    deletion_policy: Annotated[
        Literal["delete", "retain"], checked(choice(("delete", "retain")))
    ] = "delete"
    deployment_mode: Annotated[
        Literal["standard", "express"] | None, checked(choice(("standard", "express")))
    ] = None
    paused: Annotated[bool, checked(flag)] = False

    @property
    def submits(self) -> bool:
        """Whether the job may send messages to the queues of jobs."""
        return any(isinstance(granted, SubmitGrant) for granted in self.permissions)

    @field_validator("schedule")
    @classmethod
    def _comes(cls, texts: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if (timezone := info.data.get("timezone")) is not None:
            all_come(texts, timezone)
        return texts

    @field_validator("overlap")
    @classmethod
    def _of_queue(cls, overlap: Overlap, info: ValidationInfo) -> Overlap:
        if info.data.get("queue") and overlap != "allow":
            raise invalid(
                'must be "allow" or left out in a row with queue, where max_concurrency says how '
                "many runs there are at once"
            )
        return overlap

    @field_validator("depends_on")
    @classmethod
    def _on_others(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if info.data.get("job_name") in names:
            raise invalid("names the job itself")
        return names

    @field_validator("permissions")
    @classmethod
    def _in_the_role(
        cls, granted: tuple[Permission, ...], info: ValidationInfo
    ) -> tuple[Permission, ...]:
        if job_type := info.data.get("type"):
            permissions_fit(granted, job_type)
        return granted

    @field_validator("schedule_start", "schedule_end", mode="plain")
    @classmethod
    def _instant(cls, value: object, info: ValidationInfo) -> str:
        moment = instant(known(value), info.data.get("timezone", "UTC"))
        start = info.data.get("schedule_start")
        if info.field_name == "schedule_end" and start is not None and moment <= start:
            raise invalid(f"must be after schedule_start, which is {start}")
        return moment

    @field_validator("notify")
    @classmethod
    def _slow(cls, named: tuple[Event, ...], info: ValidationInfo) -> tuple[Event, ...]:
        if Event.SLOW in named and info.data.get("slow_percent", 0) is None:
            raise invalid('names "slow", which needs slow_percent')
        return named
