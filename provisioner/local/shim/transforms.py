"""SAM's transform knows the values of a stack's parameters.

SAM itself resolves references to parameters in some properties, `LayerName` among them. The engine
hands it no values, so that it takes the parameters' defaults: a bootstrap with another `Prefix`
would get a layer whose name has the default one.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private, wrap

if TYPE_CHECKING:
    from collections.abc import Callable

_CLOUDFORMATION = "ministack.services.cloudformation"


def install() -> None:
    """Let the transform find the values where it looks for defaults."""
    for module in ("changesets", "handlers"):
        wrap(f"{_CLOUDFORMATION}.{module}", "_apply_transforms", _with_values)


def _with_values(apply: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(apply)
    def applying(template: dict[str, Any], provided: Any = None, previous: Any = None) -> Any:  # noqa: ANN401
        declared = template.get("Parameters")
        if not declared:
            return apply(template, provided, previous)
        find = private(f"{_CLOUDFORMATION}.engine", "_transform_parameters")
        values = find(template, provided, previous)
        known = {n: {**d, "Default": values[n]} for n, d in declared.items() if n in values}
        made = apply({**template, "Parameters": {**declared, **known}}, provided, previous)
        return {**made, "Parameters": declared} if type(made) is dict else made

    return applying
