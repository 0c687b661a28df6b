"""What a person sees while an engine comes up: on a terminal, and elsewhere."""

from __future__ import annotations

import io
import re
from contextlib import suppress

import pytest
from rich.console import Console

from provisioner.local.progress import ProgressPrinter


@pytest.fixture
def output():
    return io.StringIO()


def terminal(output):
    return Console(file=output, force_terminal=True, width=80, legacy_windows=False)


def lines(output):
    """Return what is left to read when all that spun is gone."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", output.getvalue())
    return [line.strip() for line in text.replace("\r", "\n").splitlines() if line.strip()]


def test_without_a_terminal_each_event_is_a_line(output):
    with ProgressPrinter(Console(file=output)) as say:
        say("starting [the] engine")
        say("it is up")

    assert [line.split(" s  ")[1] for line in lines(output)] == [
        "starting [the] engine",
        "it is up",
    ]


def test_on_a_terminal_what_is_done_is_ticked(output):
    with ProgressPrinter(terminal(output)) as say:
        say("starting the engine")
        say("it is up")

    done = [line for line in lines(output) if line.startswith("✓")]
    assert [line.split(" s  ")[1] for line in done] == ["starting the engine", "it is up"]


def test_on_a_terminal_what_failed_is_crossed(output):
    with suppress(RuntimeError), ProgressPrinter(terminal(output)) as say:
        say("starting the engine")
        say("deploying")
        raise RuntimeError

    marks = [(line[0], line.split(" s  ")[1]) for line in lines(output) if line[0] in "✓✗"]
    assert marks == [("✓", "starting the engine"), ("✗", "deploying")]


def test_a_failure_before_the_first_event_shows_nothing(output):
    with suppress(RuntimeError), ProgressPrinter(terminal(output)):
        raise RuntimeError

    assert lines(output) == []
