"""The job that a row describes, one model a type.

Every field's check says in plain words what is wrong; a check that compares two fields stands with
the later one, so that a single pass finds every error of a row.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal, Self, TypeAlias, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    PrivateAttr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from provisioner.jobs import artifacts, sizes
from provisioner.jobs.artifacts import S3Object
from provisioner.jobs.dependencies import job_names
from provisioner.jobs.environment import (
    container_environment,
    distinct_secrets,
    lambda_environment,
    secret_arns,
)
from provisioner.jobs.errors import InvalidValueError, invalid
from provisioner.jobs.failure_rules import (
    FailureRule,
    container_failure_rules,
    lambda_failure_rules,
)
from provisioner.jobs.fan_out import TAKEN, FanOut, fan_out_map, taken_keys
from provisioner.jobs.names import valid_job_name
from provisioner.jobs.network import Network, container_network, lambda_network
from provisioner.jobs.notify import Event, channel, default_events, events
from provisioner.jobs.payload import container_payload, lambda_payload
from provisioner.jobs.permissions import Submit, grants
from provisioner.jobs.queue import Queue, queue_options
from provisioner.jobs.schedule import expressions
from provisioner.jobs.scheduled_times import all_come
from provisioner.jobs.schema_dialect import contract, default_fits
from provisioner.jobs.tags import tag_map
from provisioner.jobs.values import choice, decimal, flag, known, line, whole, words
from provisioner.jobs.zones import instant, zone_name

MAX_RUN_SECONDS = 365 * 24 * 3600
"""Step Functions, maximum execution time of a Standard workflow."""

MAX_LAMBDA_SECONDS = 900
"""Lambda quotas, function timeout."""

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

OVERRIDABLE = ("command", "environment", "size")
"""What a row may leave to a single run."""


def checked(check: Callable[[object], object]) -> PlainValidator:
    """Return the validator of a field: `check`, unless the value's fault is already known."""
    return PlainValidator(lambda value: check(known(value)))


def _retention_days(value: object) -> int:
    days = whole(LOG_RETENTION_DAYS[0], LOG_RETENTION_DAYS[-1], "days")(value)
    if days not in LOG_RETENTION_DAYS:
        nearest = min(LOG_RETENTION_DAYS, key=lambda known: abs(known - days))
        raise invalid(f"must be a number of days that CloudWatch Logs knows; nearest: {nearest}")
    return days


def _within_timeout(seconds: int, info: ValidationInfo) -> int:
    timeout_seconds = info.data.get("timeout_seconds")
    if timeout_seconds is not None and seconds > timeout_seconds:
        raise invalid(f"must not exceed timeout_seconds, which is {timeout_seconds}")
    return seconds


def _within_contract(payload: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
    if taken := taken_keys(info.data.get("fan_out"), payload):
        raise InvalidValueError(*((f".{key}", TAKEN) for key in taken))
    default_fits(payload, info.data.get("payload_schema"))
    return payload


class RowModel(BaseModel):
    """What a row says whatever its type, all its values in one form."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    job_name: Annotated[str, checked(valid_job_name)]
    type: Annotated[str, checked(choice(("lambda", "ecs"), planned=("batch", "ec2")))]
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
    payload_schema: Annotated[dict[str, Any] | None, checked(contract)] = None
    permissions: Annotated[tuple[dict[str, Any] | Submit, ...], checked(grants)] = ()
    alarms: Annotated[bool, checked(flag)] = True
    slow_percent: Annotated[int | None, checked(whole(10, 10_000))] = None
    notify: Annotated[tuple[Event, ...], checked(events)] = Field(
        default_factory=lambda data: default_events(data.get("slow_percent"))
    )
    slack_channel: Annotated[str | None, checked(channel)] = None
    queued_alert_minutes: Annotated[int, checked(whole(1, MAX_QUEUED_ALERT_MINUTES))] = 60
    log_retention_days: Annotated[int | None, checked(_retention_days)] = None
    deletion_policy: Annotated[
        Literal["delete", "retain"], checked(choice(("delete", "retain")))
    ] = "delete"
    paused: Annotated[bool, checked(flag)] = False

    @property
    def submits(self) -> bool:
        """Whether the job may send messages to the queues of jobs."""
        return any(isinstance(granted, Submit) for granted in self.permissions)

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


class LambdaJob(RowModel):
    """A job that runs as a Lambda function, its code a zip archive in S3."""

    type: Annotated[Literal["lambda"], checked(choice(("lambda",)))]
    memory_mb: Annotated[int, checked(sizes.lambda_memory_mb)] = 128
    ephemeral_storage_mb: Annotated[int | None, checked(sizes.lambda_storage_mb)] = None
    timeout_seconds: Annotated[int, checked(whole(1, MAX_RUN_SECONDS))] = 3600
    attempt_timeout_seconds: Annotated[int, checked(whole(1, MAX_LAMBDA_SECONDS))] = Field(
        default_factory=lambda data: min(data["timeout_seconds"], MAX_LAMBDA_SECONDS)
    )
    payload: Annotated[dict[str, Any], checked(lambda_payload)] = {}
    failure_rules: Annotated[tuple[FailureRule, ...], checked(lambda_failure_rules)] = ()
    environment: Annotated[dict[str, str], checked(lambda_environment)] = {}
    network: Annotated[Network | None, checked(lambda_network)] = None
    runtime: Annotated[str, checked(artifacts.runtime)]
    handler: Annotated[str, checked(artifacts.handler)]
    bundle: Annotated[S3Object, checked(artifacts.bundle)]

    _attempt = field_validator("attempt_timeout_seconds")(_within_timeout)
    _contract = field_validator("payload")(_within_contract)

    @model_validator(mode="before")
    @classmethod
    def _executable(cls, values: dict[str, object]) -> dict[str, object]:
        runtime = values.get("runtime")
        if isinstance(runtime, str) and runtime.startswith("provided.") and "handler" not in values:
            return {**values, "handler": artifacts.CUSTOM_HANDLER}
        return values

    @field_validator("handler")
    @classmethod
    def _of_runtime(cls, handler: str, info: ValidationInfo) -> str:
        artifacts.handler_of(handler, info.data.get("runtime", ""))
        return handler


class EcsJob(RowModel):
    """A job that runs as a container, a task of ECS on Fargate."""

    type: Annotated[Literal["ecs"], checked(choice(("ecs",)))]
    cpu: Annotated[int, checked(sizes.fargate_cpu)] = 256
    memory_mb: Annotated[int, checked(sizes.fargate_memory_mb)] = Field(
        default_factory=lambda data: sizes.FARGATE_MEMORY_MB[data["cpu"]][0]
    )
    ephemeral_storage_mb: Annotated[int | None, checked(sizes.fargate_storage_mb)] = None
    timeout_seconds: Annotated[int, checked(whole(1, MAX_RUN_SECONDS))] = 86_400
    attempt_timeout_seconds: Annotated[int, checked(whole(1, MAX_RUN_SECONDS))] = Field(
        default_factory=lambda data: data["timeout_seconds"]
    )
    payload: Annotated[dict[str, Any], checked(container_payload)] = {}
    failure_rules: Annotated[tuple[FailureRule, ...], checked(container_failure_rules)] = ()
    environment: Annotated[dict[str, str], checked(container_environment)] = {}
    network: Annotated[Network | None, checked(container_network)] = None
    image: Annotated[str, checked(artifacts.image)]
    command: Annotated[tuple[str, ...], checked(artifacts.command)] = ()
    secrets: Annotated[dict[str, str], checked(secret_arns)] = {}
    result: Annotated[bool, checked(flag)] = False
    allow_overrides: Annotated[tuple[str, ...], checked(words(OVERRIDABLE))] = ()

    _tag: str | None = PrivateAttr(None)

    _attempt = field_validator("attempt_timeout_seconds")(_within_timeout)
    _contract = field_validator("payload")(_within_contract)

    def with_image(self, image: str, *, tag: str | None) -> Self:
        """Return the job with its image pinned to a digest.

        `tag` is what the row calls it, for people: another tag of the same image is no change.
        """
        job = self.model_copy(update={"image": image})
        job._tag = tag or self._tag  # noqa: SLF001  (of its own class)
        return job

    @property
    def image_name(self) -> str:
        """The image as its row names it, without its digest."""
        name = self.image.partition("@")[0]
        return f"{name}:{self._tag}" if self._tag else name

    @field_validator("memory_mb")
    @classmethod
    def _pair(cls, memory_mb: int, info: ValidationInfo) -> int:
        if "cpu" in info.data:
            sizes.fargate_pair(info.data["cpu"], memory_mb)
        return memory_mb

    @field_validator("secrets")
    @classmethod
    def _distinct(cls, secrets: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        distinct_secrets(secrets, info.data.get("environment", {}))
        return secrets

    @field_validator("command", "secrets")
    @classmethod
    def _texts(cls, value: object, info: ValidationInfo) -> object:
        texts = {**info.data, str(info.field_name): value}
        sizes.task_definition(
            texts.get("command", ()), texts.get("environment", {}), texts.get("secrets", {})
        )
        return value


Job: TypeAlias = LambdaJob | EcsJob
