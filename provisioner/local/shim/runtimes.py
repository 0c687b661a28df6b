"""Functions that this machine cannot run end with an error that says why.

Lambda has every runtime. The engine runs archives on the machine's own Python and Node.js; for a
runtime that is missing it answers with a success that says "Mock response", or with the name of a
program that it did not find.
"""

from __future__ import annotations

import functools
import shutil
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def install() -> None:
    """Refuse what cannot run."""
    wrap("ministack.services.lambda_svc", "_execute_function_dispatch", _refusing)


def problem(config: Mapping[str, Any], which: Callable[[str], str | None]) -> str | None:
    """Return why a function cannot run here, None if it can.

    >>> problem({"Runtime": "ruby4.0"}, which=lambda _: None)
    'ruby4.0 does not run on the embedded engine: give the code as an image'
    """
    runtime = str(config.get("Runtime") or "")
    if runtime.startswith("nodejs") and which("node") is None:
        return (
            "Node.js is not installed on this machine, so that functions of runtime "
            f'{runtime} cannot run here: install it, and "provisioner local up" again'
        )
    if runtime.startswith(("java", "dotnet", "ruby")):
        return f"{runtime} does not run on the embedded engine: give the code as an image"
    return None


def _refusing(execute: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(execute)
    def executing(func: Any, config: Mapping[str, Any], *more: Any) -> Any:  # noqa: ANN401
        if message := problem(config, shutil.which):
            return {
                "body": {"errorType": "Runtime.Unavailable", "errorMessage": message},
                "error": True,
                "log": message,
            }
        return execute(func, config, *more)

    return executing
