"""What the terminal shows: tables, colours, times in words.

Results go to stdout, everything else to stderr, both through `provisioner.terminal`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import typer
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from provisioner.plain_text import cleaned
from provisioner.runs.model import time_of
from provisioner.terminal import CleanConsole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console, ConsoleOptions, RenderResult

_UNBOUNDED_COLUMNS = 100_000
_WRAPPED_COLUMNS = 12
"""The least width of a column whose texts may be wrapped; a narrower one cannot be read."""

STYLES = {
    **dict.fromkeys(("READY", "SUCCEEDED", "created", "updated", "True"), "green"),
    **dict.fromkeys(("FAILED", "INVALID", "TIMED_OUT", "False"), "red"),
    **dict.fromkeys(
        ("PENDING", "CREATING", "UPDATING", "DELETING", "RUNNING", "QUEUED", "queued"), "cyan"
    ),
    **dict.fromkeys(("RETRYING", "STOPPED", "SKIPPED", "PAUSED", "RETAINED", "no"), "yellow"),
    **dict.fromkeys(("DELETED", "unchanged", "-"), "dim"),
}
"""How a word that says a status looks."""


def stdout() -> CleanConsole:
    """Return the console for results."""
    return CleanConsole()


def stderr() -> CleanConsole:
    """Return the console for everything that is not the result."""
    return CleanConsole(stderr=True)


def say(text: str | Text) -> None:
    """Print something that is not the result."""
    stderr().print(text, overflow="fold")


def confirm(question: str) -> None:
    """Ask, and end the command unless the answer is yes."""
    typer.confirm(cleaned(question), abort=True, err=True)


def hint(text: str) -> None:
    """Print something less important: what was done, or what to do next."""
    say(Text(text, "dim"))


def status(word: str) -> Text:
    """Return a status in its colour."""
    return Text(word, STYLES.get(word, ""))


class Listing(Table):
    """A table, or on a terminal that is too narrow for it a paragraph a row."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self._needed(console, options) <= options.max_width:
            yield from super().__rich_console__(console, options)
            return
        label_columns = max(len(str(column.header)) for column in self.columns)
        for number, row in enumerate(zip(*(column.cells for column in self.columns), strict=True)):
            if row[0] and number:
                yield Text()
            paragraph = Table.grid(padding=(0, 1, 0, 0))
            paragraph.add_column(no_wrap=True, style="bold", min_width=label_columns)
            paragraph.add_column(overflow="fold")
            for column, cell in zip(self.columns, row, strict=True):
                # A row without its first cell belongs to the row before it.
                if cell and (row[0] or cell is row[-1]):
                    paragraph.add_row(column.header if row[0] else "", cell)
            yield paragraph

    def _needed(self, console: Console, options: ConsoleOptions) -> int:
        unbounded = options.update(width=_UNBOUNDED_COLUMNS)
        wide = [
            max(Measurement.get(console, unbounded, cell).maximum for cell in (c.header, *c.cells))
            for c in self.columns
        ]
        return sum(
            (width if column.no_wrap else min(width, _WRAPPED_COLUMNS)) + 2
            for column, width in zip(self.columns, wide, strict=True)
        )


def table(*headers: str, keep: Iterable[str] = ()) -> Listing:
    """Return an empty table; the columns in `keep` are never wrapped."""
    made = Listing(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    kept = frozenset(keep)
    for header in headers:
        made.add_column(header, no_wrap=header in kept, overflow="fold")
    return made


def ago(time: object, now: datetime | None = None) -> str:
    """Return how long ago a time was, as `3m ago`; "-" for None; what is not a time as it is."""
    moment = time if isinstance(time, datetime) else time_of(time)
    if moment is None:
        return str(time or "-")
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    return "just now" if seconds < 1 else f"{span(timedelta(seconds=seconds))} ago"


def span(length: timedelta) -> str:
    """Return a length of time in its largest unit, as `90s`, `15m`, `30h`, `12d`."""
    seconds = length.total_seconds()
    if seconds < 120:
        return f"{seconds:.0f}s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f}m"
    if seconds < 2 * 86_400:
        return f"{seconds / 3600:.0f}h"
    return f"{seconds / 86_400:.0f}d"


def usd(most: object, least: object = None) -> str:
    """Return dollars as `12.30`, `0.0041`, `0.00012`, and a range as `0.030 - 0.10`."""
    if not isinstance(most, Decimal):
        return "-"
    shown = [_dollars(one) for one in (least, most) if isinstance(one, Decimal)]
    return " - ".join(dict.fromkeys(shown))


def _dollars(amount: Decimal) -> str:
    if amount == 0 or amount >= 1 or not amount.is_finite():
        return f"{amount:.2f}"
    return f"{round(amount, 1 - amount.adjusted()):f}"


def duration(milliseconds: object) -> str:
    """Return how long a run took, as `0.84 s`, `12.3 s`, `4 min 5 s`, `2 h 10 min`."""
    if not isinstance(milliseconds, int | float | Decimal):
        return "-"
    seconds = float(milliseconds) / 1000
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
