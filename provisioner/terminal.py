"""The one way to a terminal: whatever is printed is cleaned, and nothing is read as markup."""

from __future__ import annotations

import io
import os
import re
import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from provisioner.plain_text import cleaned

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import ConsoleOptions, RenderableType
    from rich.segment import Segment

_UNBOUNDED_COLUMNS = 100_000
_COLOUR = re.compile(r"(\x1b\[[0-9;]{0,64}m)")


class CleanConsole(Console):
    """Shows control characters as escapes, in every part of whatever is printed.

    A terminal gets colours and its own width; a pipe or a file gets plain text in lines as long as
    they need to be.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        stream = sys.stderr if stderr else sys.stdout
        if isinstance(stream, io.TextIOWrapper):  # of ASCII or Latin-1, it may be
            stream.reconfigure(errors="backslashreplace")
        super().__init__(
            stderr=stderr,
            markup=False,
            emoji=False,
            highlight=False,
            width=None if stream.isatty() else _UNBOUNDED_COLUMNS,
        )

    def on_broken_pipe(self) -> None:
        """Write to nowhere from now on, and let the command end as it sees fit.

        Raises
        ------
        BrokenPipeError
            Always.
        """
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())
        raise BrokenPipeError

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Return the segments of anything that can be printed; Rich's own controls stay."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=cleaned(segment.text))


def coloured(text: str) -> Text:
    """Return text with the colours that its own escape sequences ask for, and no other of them."""
    parts = _COLOUR.split(text)
    plain = (part if index % 2 else cleaned(part) for index, part in enumerate(parts))
    return Text.from_ansi("".join(plain))
