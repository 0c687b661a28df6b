"""Nested stacks: their templates may use SAM, and an update keeps the attributes of what it keeps.

The engine transforms the templates of root stacks only, so that a nested one with a function of
SAM's is refused for its type.

It forgets the attributes of each resource that an update does not change, so that `GetAtt` of them,
in a resource that does change or in an output, ends the update: "Requested attribute Arn does not
exist in schema for AWS::IAM::Role". The rollback ends the same way.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private, wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_CLOUDFORMATION = "ministack.services.cloudformation"
_ENGINE = f"{_CLOUDFORMATION}.engine"


def install() -> None:
    """Do for nested stacks what the engine itself does for root stacks."""
    # Root stacks took the parser when their modules were imported; nested ones look it up.
    wrap(_ENGINE, "_parse_template", _transforming(private(_ENGINE, "_apply_transforms")))
    wrap(f"{_CLOUDFORMATION}.provisioners", "_update_resource", _knowing_the_attributes)


def _transforming(transform: Callable[[Any], Any]) -> Callable[[Callable[[str], Any]], Any]:
    def transformed(parse: Callable[[str], Any]) -> Callable[[str], Any]:
        @functools.wraps(parse)
        def parsing(body: str) -> Any:  # noqa: ANN401
            return transform(parse(body))

        return parsing

    return transformed


def _knowing_the_attributes(update: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(update)
    def updating(
        resource_type: str,
        physical_id: str,
        before: Mapping[str, Any],
        wanted: Mapping[str, Any],
        stack_name: str,
        logical_id: str | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        known = attributes or _attributes(stack_name, logical_id)
        return update(resource_type, physical_id, before, wanted, stack_name, logical_id, known)

    return updating


def _attributes(stack_name: str, logical_id: str | None) -> Any:  # noqa: ANN401
    stack = private(_CLOUDFORMATION, "_stacks").get(stack_name) or {}
    return stack.get("_resources", {}).get(logical_id, {}).get("Attributes")
