"""A job that runs as a container on AWS Batch: in a queue, by priority and fair share."""

import re
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, ValidationInfo, field_validator

from provisioner.jobs import sizes
from provisioner.jobs.environment import without_batchs_own
from provisioner.jobs.errors import invalid, shown
from provisioner.jobs.model import MAX_RUN_SECONDS, checked, within_timeout
from provisioner.jobs.network import Network, batch_network
from provisioner.jobs.types.container_job import Spot
from provisioner.jobs.types.fargate_job import FargateJob
from provisioner.jobs.values import choice, whole

MIN_ATTEMPT_SECONDS = 60
"""AWS Batch, JobTimeout: the shortest `attemptDurationSeconds`."""

MAX_ATTEMPT_SECONDS = 14 * 86_400
"""AWS Batch, SubmitJob: Fargate may end a job that runs longer."""

MAX_ARRAY_SIZE = 10_000
"""AWS Batch quotas, array size."""

MAX_ARRAY_RETRIES = 9
"""AWS Batch, RetryStrategy: ten attempts, the first included."""

MIN_QUEUED_SECONDS = 600
"""AWS Batch, JobStateTimeLimitAction: jobs wait for at least so long."""

MAX_SHARE_CHARACTERS = 255
"""AWS Batch, SubmitJob, shareIdentifier."""

NO_OWNER = "default"
"""The share of jobs without an owner."""

Priority: TypeAlias = Literal["high", "normal", "low"]

_SHARE = re.compile(rf"[A-Za-z0-9]{{1,{MAX_SHARE_CHARACTERS}}}")


def _spot(value: object) -> str:
    if value == "only":
        raise invalid(
            'must be "never" or "prefer": where Spot has no capacity the queues of Batch use '
            "on-demand capacity"
        )
    return choice(("never", "prefer"))(value)


def _share(value: object) -> str:
    if not isinstance(value, str) or not _SHARE.fullmatch(value):
        raise invalid(
            f"must be 1 to {MAX_SHARE_CHARACTERS} ASCII letters and digits, not {shown(value)}"
        )
    return value


def _share_of(owner: str) -> str:
    return re.sub("[^A-Za-z0-9]", "", owner) or NO_OWNER


class BatchJob(FargateJob):
    """A job that runs as a container which AWS Batch starts when it is its turn."""

    type: Annotated[Literal["batch"], checked(choice(("batch",)))]
    timeout_seconds: Annotated[int, checked(whole(MIN_ATTEMPT_SECONDS, MAX_RUN_SECONDS))] = 86_400
    attempt_timeout_seconds: Annotated[
        int, checked(whole(MIN_ATTEMPT_SECONDS, MAX_ATTEMPT_SECONDS))
    ] = Field(default_factory=lambda data: min(data["timeout_seconds"], MAX_ATTEMPT_SECONDS))
    network: Annotated[Network | None, checked(batch_network)] = None
    spot: Annotated[Spot, checked(_spot)] = "never"
    priority: Annotated[Priority, checked(choice(("high", "normal", "low")))] = "normal"
    share: Annotated[str, checked(_share)] = Field(
        default_factory=lambda data: _share_of(data.get("owner", ""))
    )
    queued_timeout_seconds: Annotated[
        int | None, checked(whole(MIN_QUEUED_SECONDS, MAX_RUN_SECONDS))
    ] = None
    array_size: Annotated[int | None, checked(whole(2, MAX_ARRAY_SIZE))] = None

    _attempt = field_validator("attempt_timeout_seconds", "queued_timeout_seconds")(within_timeout)

    @field_validator("environment", "secrets")
    @classmethod
    def _names(cls, variables: dict[str, str]) -> dict[str, str]:
        without_batchs_own(variables)
        return variables

    @field_validator("command", "secrets")
    @classmethod
    def _definition(cls, value: object, info: ValidationInfo) -> object:
        texts = {**info.data, str(info.field_name): value}
        sizes.job_definition(
            texts.get("command", ()), texts.get("environment", {}), texts.get("secrets", {})
        )
        return value

    @field_validator("array_size")
    @classmethod
    def _children(cls, size: int, info: ValidationInfo) -> int:
        if info.data.get("fan_out"):
            raise invalid("cannot be combined with fan_out: use one of them")
        if info.data.get("result"):
            raise invalid(
                "cannot be combined with result: the children of an array run at once, and each "
                "would write to the same RESULT_URI"
            )
        if info.data.get("failure_rules"):
            raise invalid(
                "cannot be combined with failure_rules: Batch itself retries the children of an "
                "array; use fan_out for rules"
            )
        if info.data.get("retries", 0) > MAX_ARRAY_RETRIES:
            raise invalid(f"allows at most {MAX_ARRAY_RETRIES} retries, which are each child's own")
        return size
