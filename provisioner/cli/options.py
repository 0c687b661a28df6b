"""Options and arguments that several commands have."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

import typer

from provisioner.errors import InvalidRequestError
from provisioner.runs.model import time_of

DEFAULT_STACK = "jobs"

_DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>[smhd]?)")
_LIKE_A_TIME = re.compile(r"\s*\d{4}-")
_UNIT_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


class Format(StrEnum):
    """How a result is written."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


class OverlapOption(StrEnum):
    """What a run does if another one has not ended."""

    SKIP = "skip"
    QUEUE_ONE = "queue_one"
    QUEUE_ALL = "queue_all"
    CANCEL_OTHER = "cancel_other"
    ALLOW = "allow"


OVERLAP_HELP = "If another run has not ended: skip, queue_one, queue_all, cancel_other or allow"
"""Of an option whose values are too long for its metavar."""


def one_command() -> typer.Typer:
    """Return the app of a command's module.

    Help is plain text: Typer's Rich help takes longer to import than all the rest of `--help`.
    """
    return typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


@contextmanager
def usage_errors() -> Iterator[None]:
    """Let a request that is not valid be an error of the command line."""
    try:
        yield
    except InvalidRequestError as error:
        raise typer.BadParameter(str(error)) from error


def seconds_of(text: str) -> float:
    """Return the seconds of a duration like `90`, `90s`, `10m`, `2h`, `1d`."""
    found = _DURATION.fullmatch(text.strip())
    if not found:
        message = f'"{text}" is not a valid duration: write 90s, 10m, 2h or 1d'
        raise typer.BadParameter(message)
    return float(found["number"]) * _UNIT_SECONDS[found["unit"]]


def time_before(now: datetime, ago: str) -> datetime:
    """Return the time that is a duration before another."""
    seconds = seconds_of(ago)
    try:
        return now - timedelta(seconds=seconds)
    except OverflowError as error:
        message = f"{seconds:.0f} seconds ago is before the year 1: write 90s, 10m, 2h or 7d"
        raise typer.BadParameter(message) from error


def time_at(now: datetime, text: str) -> datetime:
    """Return the time that a text means: a duration before `now`, or a time with its zone."""
    at = time_of(text)
    if at is None and _LIKE_A_TIME.match(text):
        message = f'"{text}" is not a time like 2026-11-21T09:00:00Z: it needs a zone'
        raise typer.BadParameter(message)
    return at or time_before(now, text)


StackOption = Annotated[
    str,
    typer.Option(
        "--stack", envvar="PROVISIONER_STACK", metavar="NAME", help="The bootstrap stack."
    ),
]
JobArgument = Annotated[
    str, typer.Argument(metavar="JOB", show_default=False, help="Name of the job.")
]
FormatOption = Annotated[
    Format, typer.Option("--output", "-o", case_sensitive=False, help="Output format.")
]
TimeoutOption = Annotated[
    str,
    typer.Option(
        "--timeout",
        metavar="DURATION",
        help="How long --wait waits, such as 90s, 10m or 2h.",
    ),
]

UntilOption = Annotated[
    str | None,
    typer.Option(
        "--until",
        metavar="TIME",
        show_default=False,
        help="Only before 10m, 2h, 7d ago, or a time such as 2026-11-21T09:00:00Z.",
    ),
]
