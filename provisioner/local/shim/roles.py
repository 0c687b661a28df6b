"""A role of a template has the permissions boundary that the template gives it.

The engine evaluates boundaries, but its CloudFormation leaves them out, so that a job's code could
do whatever its row's `permissions` say. It also parses each policy of a role again with each
request.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private, wrap

if TYPE_CHECKING:
    from collections.abc import Callable

_IAM = "ministack.services.iam"
_PROVISIONERS = "ministack.services.cloudformation.provisioners"
# Where a handler is given the properties that are wanted.
_WANTED = {"create": 1, "update": 2}


def install() -> None:
    """Adapt how roles are made and changed."""
    private(_IAM, "_roles")
    handlers = private(_PROVISIONERS, "_RESOURCE_HANDLERS")["AWS::IAM::Role"]
    for operation, position in _WANTED.items():
        handlers[operation] = _under_the_boundary(handlers[operation], position)
    wrap("ministack.core.iam_evaluator", "parse_policy_document", _once)


def _once(parse: Callable[[Any], list[Any]]) -> Callable[[Any], list[Any]]:
    of_text = functools.lru_cache(maxsize=1000)(parse)

    @functools.wraps(parse)
    def parsing(document: Any) -> list[Any]:  # noqa: ANN401
        return list(of_text(document) if isinstance(document, str) else parse(document))

    return parsing


def _under_the_boundary(handle: Callable[..., Any], position: int) -> Callable[..., Any]:
    @functools.wraps(handle)
    def handling(*arguments: Any) -> Any:  # noqa: ANN401
        name, attributes = handle(*arguments)
        boundary = arguments[position].get("PermissionsBoundary")
        private(_IAM, "_roles")[name]["PermissionsBoundary"] = boundary
        return name, attributes

    return handling
