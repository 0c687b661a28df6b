"""The outputs of a job's stack: in snake_case, the attributes of its row in the Stacks table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from troposphere import Output

if TYPE_CHECKING:
    from collections.abc import Mapping

    from troposphere import AWSHelperFn


def outputs(values: Mapping[str, str | AWSHelperFn]) -> list[Output]:
    """Return an output for each value, of the same name."""
    return [Output(name, Value=value) for name, value in values.items()]
