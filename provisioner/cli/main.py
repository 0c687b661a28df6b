"""The program `provisioner`, which Ctrl-C ends quietly from its first moment."""

from __future__ import annotations

_INTERRUPTED = 130
"""128 + SIGINT, as Typer ends a command; the codes in `exits` cannot be imported in time."""

try:
    import signal
    from importlib import import_module
    from typing import TYPE_CHECKING
except KeyboardInterrupt:  # before `signal` is imported, this cannot be prevented
    raise SystemExit(_INTERRUPTED) from None

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> None:
    """Run the command that the arguments name."""
    app = _imported()
    try:
        app()
    except KeyboardInterrupt:  # Typer handles it, but not while it puts the commands together
        raise SystemExit(_INTERRUPTED) from None


def _imported() -> Callable[[], object]:
    """Import the commands; until then Ctrl-C ends the process as if it were not Python."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:  # and not ignored, as by nohup
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        app: Callable[[], object] = import_module("provisioner.cli.commands").app
    finally:
        signal.signal(signal.SIGINT, handler)
    return app
