"""cfn-lint with its rules read once; importing it takes seconds, which only tests that lint pay."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cfnlint.rules import Match
    from cfnlint.runner import Runner

REGION = "us-east-1"


def lint(text: str) -> list[Match]:
    """Return what cfn-lint finds in a template, as `cfnlint.api.lint` does."""
    from cfnlint.decode.decode import decode_str

    template, problems = decode_str(text)
    return problems or list(_runner().validate_template(template))


def schema_of(resource_type: str) -> dict[str, Any]:
    """Return the schema that AWS publishes of a type of resource."""
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

    found = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, resource_type)
    schema: dict[str, Any] = found.schema
    return schema


@cache
def _runner() -> Runner:
    from cfnlint.config import ConfigMixIn
    from cfnlint.runner import Runner

    return Runner(ConfigMixIn(regions=[REGION]))
