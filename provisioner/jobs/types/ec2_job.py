"""A job that runs on a machine of its own."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from provisioner.jobs import machines
from provisioner.jobs.model import MAX_RUN_SECONDS, checked
from provisioner.jobs.role_size import secrets_fit
from provisioner.jobs.types.container_job import ContainerJob
from provisioner.jobs.values import choice, flag, whole, words

OVERRIDABLE = ("command", "environment")
"""What a row may leave to a single run."""

_seconds = whole(machines.MIN_TIMEOUT_SECONDS, MAX_RUN_SECONDS)


class Ec2Job(ContainerJob):
    """A job that runs as a container on an EC2 instance, made for one run."""

    type: Annotated[Literal["ec2"], checked(choice(("ec2",)))]
    timeout_seconds: Annotated[int, checked(_seconds)] = 86_400
    attempt_timeout_seconds: Annotated[int, checked(_seconds)] = Field(
        default_factory=lambda data: data["timeout_seconds"]
    )
    instance_type: Annotated[tuple[str, ...], checked(machines.instance_types)]
    ami: Annotated[str | None, checked(machines.ami)] = None
    gpus: Annotated[bool, checked(flag)] = False
    disk_gb: Annotated[int, checked(machines.disk_gb)] = 30
    heartbeat_seconds: Annotated[int, checked(machines.heartbeat_seconds)] = Field(
        default_factory=lambda data: machines.usual_heartbeat(data["attempt_timeout_seconds"])
    )
    allow_overrides: Annotated[tuple[str, ...], checked(words(OVERRIDABLE))] = ()

    @property
    def image_id(self) -> str:
        """The AMI as a launch template names it; a parameter is read when a machine starts."""
        named = self.ami or machines.DEFAULT_AMIS[self.architecture, self.gpus]
        return f"resolve:ssm:{named}" if named.startswith("/") else named

    @field_validator("heartbeat_seconds")
    @classmethod
    def _shorter(cls, heartbeat: int, info: ValidationInfo) -> int:
        if "attempt_timeout_seconds" in info.data:
            machines.within_attempt(heartbeat, info.data["attempt_timeout_seconds"])
        return heartbeat

    @field_validator("secrets")
    @classmethod
    def _readable(cls, secrets: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        secrets_fit(info.data.get("permissions", ()), secrets.values(), "ec2")
        return secrets

    @field_validator("instance_type")
    @classmethod
    def _fit(cls, types: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if (architecture := info.data.get("architecture")) is not None:
            machines.fit(types, architecture)
        return types

    @field_validator("gpus")
    @classmethod
    def _published(cls, gpus: bool, info: ValidationInfo) -> bool:  # noqa: FBT001  (pydantic's)
        if "architecture" in info.data and info.data.get("ami", "") is None:
            machines.has_default_ami(info.data["architecture"], gpus=gpus)
        return gpus
