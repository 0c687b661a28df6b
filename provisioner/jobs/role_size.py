"""How large a row may make its job's role: IAM counts all inline policies of a role together."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING

from provisioner.jobs.errors import invalid
from provisioner.jobs.grants import LONGEST_PARTITION, LONGEST_PLACE, SubmitGrant
from provisioner.jobs.permissions import all_statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from provisioner.jobs.permissions import Permission

IAM_CHARACTERS = 10_240
"""IAM quotas, aggregate size of a role's inline policies, without white space."""

OWN_CHARACTERS: Mapping[str, int] = MappingProxyType(
    {"lambda": 1_280, "ecs": 1_280, "batch": 1_280, "ec2": 1_600}
)
"""What the provisioner itself puts into the role of a job of each type, at most."""

SUBMIT_CHARACTERS = 400
"""What it adds for a job that may submit to others."""

SECRETS_CHARACTERS = 450
"""What it adds for secrets that the role itself reads, besides their ARNs."""

_AROUND_AN_ARN = len('"-??????",')


def room(job_type: str) -> int:
    """Return how many characters of the role are for what the row grants."""
    return IAM_CHARACTERS - OWN_CHARACTERS[job_type]


def characters(granted: Iterable[Permission], secrets: Iterable[str] = ()) -> int:
    """Return how many characters of the role these take, at most.

    Parameters
    ----------
    secrets
        ARNs of those that the role itself reads: ECS and Batch read theirs with another role.
    """
    known, arns = list(granted), list(secrets)
    statements = all_statements(known, LONGEST_PARTITION, LONGEST_PLACE)
    size = len(json.dumps(statements, separators=(",", ":")))
    if any(isinstance(permission, SubmitGrant) for permission in known):
        size += SUBMIT_CHARACTERS
    if arns:
        size += SECRETS_CHARACTERS + sum(len(arn) + _AROUND_AN_ARN for arn in arns)
    return size


def permissions_fit(granted: Sequence[Permission], job_type: str) -> None:
    """Check that what a row grants fits into the job's role."""
    size, limit = characters(granted), room(job_type)
    if size > limit:
        raise invalid(
            f"has {size} characters as IAM statements; at most {limit} are allowed in the role of "
            f'a "{job_type}" job: name fewer or shorter resources'
        )


def secrets_fit(granted: Sequence[Permission], secrets: Iterable[str], job_type: str) -> None:
    """Check that the right to read secrets fits into the role beside what the row grants."""
    size, limit = characters(granted, secrets), room(job_type)
    if size > limit:
        raise invalid(
            f"have {size} characters in the job's role, together with the row's permissions; at "
            f'most {limit} are allowed for a "{job_type}" job'
        )
