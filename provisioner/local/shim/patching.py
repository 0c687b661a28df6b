"""Reach into the engine's private functions, and say so loudly when they are not there."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class EngineMismatchError(RuntimeError):
    """The installed engine is not the one that the shim was written for."""


def private(module_name: str, attribute: str) -> Any:  # noqa: ANN401 - the engine is untyped
    """Return an engine module's attribute.

    Raises
    ------
    EngineMismatchError
        There is no such name: a shim that silently did nothing would be a wrong engine.
    """
    module = importlib.import_module(module_name)
    if not hasattr(module, attribute):
        message = f"this version of MiniStack has no {module_name}.{attribute}"
        raise EngineMismatchError(message)
    return getattr(module, attribute)


def wrap(
    module_name: str, attribute: str, wrapper: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> None:
    """Replace a function of the engine by what `wrapper` makes of it."""
    original = private(module_name, attribute)
    setattr(importlib.import_module(module_name), attribute, wrapper(original))
