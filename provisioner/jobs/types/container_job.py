"""What all jobs have that run a container image, wherever it runs."""

from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import Field, ValidationInfo, field_validator

from provisioner.jobs import artifacts, sizes
from provisioner.jobs.environment import container_environment, distinct_secrets, secret_arns
from provisioner.jobs.errors import invalid
from provisioner.jobs.failure_rules import FailureRule, container_failure_rules
from provisioner.jobs.model import (
    MAX_RUN_SECONDS,
    checked,
    optional,
    within_schema,
    within_timeout,
)
from provisioner.jobs.network import Network, container_network
from provisioner.jobs.payload import container_payload
from provisioner.jobs.pin import Pin, pin_of
from provisioner.jobs.types.with_image import WithImage
from provisioner.jobs.values import choice, flag, whole

Spot: TypeAlias = Literal["never", "prefer", "only"]
SPOT = get_args(Spot)

BUILT = "is what build makes; leave it out, or leave out build"
_REQUIRED = (
    'is required: a container image like "public.ecr.aws/docker/library/busybox:1.37"; or build'
)


class ContainerJob(WithImage):
    """A job whose code is a container image."""

    timeout_seconds: Annotated[int, checked(whole(1, MAX_RUN_SECONDS))] = 86_400
    attempt_timeout_seconds: Annotated[int, checked(whole(1, MAX_RUN_SECONDS))] = Field(
        default_factory=lambda data: data["timeout_seconds"]
    )
    payload: Annotated[dict[str, Any], checked(container_payload)] = {}
    failure_rules: Annotated[tuple[FailureRule, ...], checked(container_failure_rules)] = ()
    environment: Annotated[dict[str, str], checked(container_environment)] = {}
    network: Annotated[Network | None, checked(container_network)] = None
    image: Annotated[str, optional(artifacts.image)] = Field(None, validate_default=True)
    pin: Annotated[Pin | None, checked(pin_of)] = None
    command: Annotated[tuple[str, ...], checked(artifacts.command)] = ()
    secrets: Annotated[dict[str, str], checked(secret_arns)] = {}
    spot: Annotated[Spot, checked(choice(SPOT))] = "never"
    result: Annotated[bool, checked(flag)] = False
    allow_overrides: tuple[str, ...] = ()

    _attempt = field_validator("attempt_timeout_seconds")(within_timeout)
    _schema = field_validator("payload")(within_schema)

    @property
    def image_name(self) -> str:
        """The image as its row names it, without its digest."""
        return self.name_of(self.image)

    @field_validator("image")
    @classmethod
    def _named_or_built(cls, image: str | None, info: ValidationInfo) -> str:
        """Return "" for an image that is yet to be built."""
        is_built = info.data.get("build", ...) is not None
        if image is None and not is_built:
            raise invalid(_REQUIRED)
        if image and is_built:
            raise invalid(BUILT)
        return image or ""

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
