"""A part of a job's stack: some resources, and what the stack says of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from troposphere import AWSHelperFn, AWSObject
    from troposphere.stepfunctions import StateMachine


@dataclass(frozen=True, slots=True)
class Part:
    """Resources, and outputs by their names."""

    resources: Sequence[AWSObject] = ()
    outputs: dict[str, str | AWSHelperFn] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobResources(Part):
    """What a job type makes: its own part, with the workflow that all others refer to."""

    workflow: StateMachine = field(kw_only=True)
