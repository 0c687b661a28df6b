"""A job that runs as a Lambda function."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from provisioner.jobs import artifacts, functions, sizes
from provisioner.jobs.artifacts import S3Object
from provisioner.jobs.environment import lambda_environment
from provisioner.jobs.failure_rules import FailureRule, lambda_failure_rules
from provisioner.jobs.model import (
    MAX_RUN_SECONDS,
    RowModel,
    checked,
    within_schema,
    within_timeout,
)
from provisioner.jobs.network import Network, lambda_network
from provisioner.jobs.payload import lambda_payload
from provisioner.jobs.values import choice, whole

MAX_LAMBDA_SECONDS = 900
"""Lambda quotas, function timeout."""


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
    runtime: Annotated[str, checked(functions.runtime)]
    handler: Annotated[str, checked(functions.handler)]
    bundle: Annotated[S3Object, checked(artifacts.bundle)]
    layers: Annotated[tuple[str, ...], checked(functions.layers)] = ()
    reserved_concurrency: Annotated[int | None, checked(functions.reserved_concurrency)] = None

    _attempt = field_validator("attempt_timeout_seconds")(within_timeout)
    _schema = field_validator("payload")(within_schema)

    @model_validator(mode="before")
    @classmethod
    def _executable(cls, values: dict[str, object]) -> dict[str, object]:
        runtime = values.get("runtime")
        if isinstance(runtime, str) and runtime.startswith("provided.") and "handler" not in values:
            return {**values, "handler": functions.CUSTOM_HANDLER}
        return values

    @field_validator("handler")
    @classmethod
    def _of_runtime(cls, handler: str, info: ValidationInfo) -> str:
        functions.handler_of(handler, info.data.get("runtime", ""))
        return handler
