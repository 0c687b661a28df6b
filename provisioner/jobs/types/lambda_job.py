"""A job that runs as a Lambda function."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, ValidationInfo, field_validator, model_validator

from provisioner.jobs import artifacts, functions, sizes
from provisioner.jobs.artifacts import S3Object
from provisioner.jobs.build import OF_IMAGES
from provisioner.jobs.environment import (
    distinct_secrets,
    fits_with_secrets,
    lambda_environment,
    lambda_secrets,
)
from provisioner.jobs.errors import invalid
from provisioner.jobs.failure_rules import FailureRule, lambda_failure_rules
from provisioner.jobs.model import (
    MAX_RUN_SECONDS,
    checked,
    optional,
    within_schema,
    within_timeout,
)
from provisioner.jobs.network import Network, lambda_network
from provisioner.jobs.payload import lambda_payload
from provisioner.jobs.pin import Pin, pin_of
from provisioner.jobs.role_size import secrets_fit
from provisioner.jobs.types.container_job import BUILT
from provisioner.jobs.types.with_image import WithImage
from provisioner.jobs.values import choice, whole

MAX_LAMBDA_SECONDS = 900
"""Lambda quotas, function timeout."""

_REQUIRED = {
    "runtime": 'is required: a Lambda runtime like "python3.14"',
    "handler": 'is required: the function that Lambda calls, like "main.handler"',
    "bundle": 'is required: the code in S3, like "s3://bucket/folder/code.zip"; or build; or, '
    "instead of runtime, handler and bundle, an image",
}
_OF_IMAGES = ("command", "entry_point", "working_directory")


def _of_a_build(name: str, value: object, row: dict[str, Any]) -> None:
    """Check an attribute of a row with `build`, which makes an archive where there is a runtime."""
    if name == "runtime":
        if value and (found := next(_only_for_images(row), None)):
            raise invalid(f"makes the build a zip archive, and {found} is only for an image")
        return
    runtime = row.get("runtime", ...)
    if value and runtime is None:
        raise invalid(
            "is only for code in a zip archive: add runtime, or leave it out to build an image"
        )
    if name == "handler" and value is None and runtime is not None:
        raise invalid(_REQUIRED[name])


def _only_for_images(row: dict[str, Any]) -> Iterator[str]:
    yield from filter(row.get, _OF_IMAGES)
    build = row.get("build")
    yield from (f"build.{name}" for name in OF_IMAGES if getattr(build, name, None))


class Archive(NamedTuple):
    """Code in a zip archive, and how Lambda runs it."""

    runtime: str
    handler: str
    bundle: S3Object


class LambdaJob(WithImage):
    """A job that runs as a Lambda function, its code a zip archive in S3 or an image in ECR."""

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
    reserved_concurrency: Annotated[int | None, checked(functions.reserved_concurrency)] = None
    image: Annotated[str | None, checked(artifacts.ecr_image)] = None
    command: Annotated[tuple[str, ...], checked(artifacts.command)] = ()
    entry_point: Annotated[tuple[str, ...], checked(artifacts.command)] = ()
    working_directory: Annotated[str | None, checked(functions.working_directory)] = None
    runtime: Annotated[str | None, optional(functions.runtime)] = Field(None, validate_default=True)
    handler: Annotated[str | None, optional(functions.handler)] = Field(None, validate_default=True)
    bundle: Annotated[S3Object | None, optional(artifacts.bundle)] = Field(
        None, validate_default=True
    )
    pin: Annotated[Pin | None, checked(pin_of)] = None
    layers: Annotated[tuple[str, ...], checked(functions.layers)] = ()
    secrets: Annotated[dict[str, str], checked(lambda_secrets)] = {}

    _attempt = field_validator("attempt_timeout_seconds")(within_timeout)
    _schema = field_validator("payload")(within_schema)

    @property
    def archive(self) -> Archive | None:
        """What there is instead of `image`."""
        if self.runtime and self.handler and self.bundle:
            return Archive(self.runtime, self.handler, self.bundle)
        return None

    @model_validator(mode="before")
    @classmethod
    def _executable(cls, values: dict[str, object]) -> dict[str, object]:
        runtime = values.get("runtime")
        if isinstance(runtime, str) and runtime.startswith("provided.") and "handler" not in values:
            return {**values, "handler": functions.CUSTOM_HANDLER}
        return values

    @field_validator("image", "bundle")
    @classmethod
    def _built(cls, value: object, info: ValidationInfo) -> object:
        if value and info.data.get("build", ...) is not None:
            raise invalid(BUILT)
        return value

    @field_validator(*_OF_IMAGES)
    @classmethod
    def _of_an_image(cls, value: object, info: ValidationInfo) -> object:
        if info.data.get("image", ...) is None and info.data.get("build", ...) is None:
            raise invalid("is only for an image, which this row does not have")
        return value

    @field_validator("runtime", "handler", "bundle", "layers")
    @classmethod
    def _of_an_archive(cls, value: object, info: ValidationInfo) -> object:
        if info.data.get("build", ...) is not None:
            _of_a_build(str(info.field_name), value, info.data)
            return value
        image = info.data.get("image", ...)
        if image is None and value is None:
            raise invalid(_REQUIRED[str(info.field_name)])
        if isinstance(image, str) and value:
            raise invalid("is only for code in a zip archive; leave it out in a row with an image")
        return value

    @field_validator("secrets")
    @classmethod
    def _readable(cls, secrets: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        if secrets:
            runtime, image = info.data.get("runtime"), info.data.get("image")
            if info.data.get("build") and not runtime:
                image = "built"
            functions.reads_secrets(runtime, image)
            functions.leaves_a_layer(info.data.get("layers", ()))
            distinct_secrets(secrets, info.data.get("environment", {}))
            fits_with_secrets(secrets, info.data.get("environment", {}))
            secrets_fit(info.data.get("permissions", ()), secrets.values(), "lambda")
        return secrets

    @field_validator("handler")
    @classmethod
    def _of_runtime(cls, handler: str | None, info: ValidationInfo) -> str | None:
        if handler is not None:
            functions.handler_of(handler, info.data.get("runtime") or "")
        return handler
