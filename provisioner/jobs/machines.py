"""What a machine of a job is: its instance types, and the image that it boots from."""

from __future__ import annotations

import re

from provisioner.jobs.errors import InvalidValueError, invalid, shown
from provisioner.jobs.values import each, text_list, whole

MAX_INSTANCE_TYPES = 6
"""Ours: each is tried in every subnet."""

RUN_TAG, DEADLINE_TAG = "provisioner:run", "provisioner:deadline"
"""Tags of a machine: which execution it works for, and when that is over at the latest."""

HEARTBEATS_LOST = 3
"""After how many missing heartbeats a machine counts as lost."""

MIN_HEARTBEAT_SECONDS = 30
MAX_HEARTBEAT_SECONDS = 600
USUAL_HEARTBEAT_SECONDS = 60

DEFAULT_AMIS = {
    ("arm64", False): "/aws/service/ecs/optimized-ami/amazon-linux-2023/arm64/recommended/image_id",
    ("x86_64", False): "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id",
    ("x86_64", True): "/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu/recommended/image_id",
}
"""Public parameters with the newest ECS-optimized AMI, which has Docker; by architecture and GPUs.

Amazon ECS Developer Guide, retrieving Amazon ECS-optimized Linux AMI metadata.
"""

disk_gb = whole(30, 16_384, "GB")
"""The ECS-optimized AMI needs 30; EBS has gp3 volumes up to 16,384 (EBS User Guide)."""

heartbeat_seconds = whole(MIN_HEARTBEAT_SECONDS, MAX_HEARTBEAT_SECONDS, "seconds")

_INSTANCE_TYPE = re.compile(r"[a-z][a-z0-9-]{0,31}\.[a-z0-9][a-z0-9-]{0,31}")
_ARM_FAMILY = re.compile(r"a1|[a-z]+[0-9]+g[a-z]*|.*-gb[0-9]+")
_AMI_ID = re.compile(r"ami-[0-9a-f]{8,17}")
_AMI_PARAMETER = re.compile(r"/aws/service(?:/[A-Za-z0-9_.-]+){1,13}")
"""Of Systems Manager's public parameters: every account may read them."""


def instance_types(value: object) -> tuple[str, ...]:
    """Check one instance type, or the several that will do, the first before the others."""
    types = text_list(value)
    if not types:
        raise invalid("is empty; name at least one instance type")
    if len(types) > MAX_INSTANCE_TYPES:
        raise invalid(f"has {len(types)} entries; at most {MAX_INSTANCE_TYPES} are allowed")
    if len(set(types)) < len(types):
        raise invalid("names one of them twice")
    if len(types) == 1:
        return (_instance_type(types[0]),)
    return tuple(each(((f"[{index}]", one) for index, one in enumerate(types)), _instance_type))


def fit(types: tuple[str, ...], architecture: str) -> None:
    """Check that all types have the processor that the job's image is for."""
    violations = [one for one in types if architecture_of(one) != architecture]
    if violations:
        other = architecture_of(violations[0])
        raise invalid(
            f'{", ".join(violations)}: that is "{other}", and architecture is "{architecture}"; '
            f'write architecture "{other}" if the image is for it'
        )


def architecture_of(instance_type: str) -> str:
    """Return the processor architecture that an instance type's name tells.

    >>> architecture_of("m7g.large"), architecture_of("g5.xlarge"), architecture_of("g5g.xlarge")
    ('arm64', 'x86_64', 'arm64')
    """
    family = instance_type.partition(".")[0]
    return "arm64" if _ARM_FAMILY.fullmatch(family) else "x86_64"


def silence_seconds(heartbeat: int) -> int:
    """Return how long a machine may be silent before it counts as lost."""
    return HEARTBEATS_LOST * heartbeat


MIN_TIMEOUT_SECONDS = silence_seconds(MIN_HEARTBEAT_SECONDS) + 1
"""An attempt lasts longer than a machine may be silent (States Language, HeartbeatSeconds)."""


def usual_heartbeat(attempt_seconds: int) -> int:
    """Return the interval of a row that says none: a shorter one for a short attempt."""
    fitting = (attempt_seconds - 1) // HEARTBEATS_LOST
    return max(MIN_HEARTBEAT_SECONDS, min(USUAL_HEARTBEAT_SECONDS, fitting))


def within_attempt(heartbeat: int, attempt_seconds: int) -> None:
    """Check that a machine is missed before its attempt is over."""
    if silence_seconds(heartbeat) >= attempt_seconds:
        raise invalid(
            f"must be less than a third of attempt_timeout_seconds, which is {attempt_seconds}"
        )


def ami(value: object) -> str:
    """Check an AMI: its id, or the path of the public parameter that holds one."""
    if isinstance(value, str) and (_AMI_ID.fullmatch(value) or _AMI_PARAMETER.fullmatch(value)):
        return value
    raise invalid(
        'must be an AMI like "ami-0123456789abcdef0", or a public parameter of AWS like '
        f'"{DEFAULT_AMIS["x86_64", False]}", not {shown(value)}'
    )


def has_default_ami(architecture: str, *, gpus: bool) -> None:
    """Check that AWS publishes an AMI for such a machine, for a row that names none."""
    if (architecture, gpus) not in DEFAULT_AMIS:
        raise InvalidValueError(
            ("", f'needs an ami in the row: "{architecture}" with GPUs has no default')
        )


def _instance_type(name: str) -> str:
    if not _INSTANCE_TYPE.fullmatch(name):
        raise invalid(f'must be an instance type like "m7g.large", not {shown(name)}')
    if name.startswith("mac"):
        raise invalid(f"{shown(name)} runs macOS, and no Linux containers")
    return name
