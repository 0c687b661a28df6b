"""Times in words, exit codes, formats."""

from datetime import UTC, datetime, timedelta

import pytest
import typer

from provisioner.cli.display import ago, duration, span
from provisioner.cli.exits import OF_RUN, ExitCode
from provisioner.cli.options import seconds_of
from provisioner.runs.model import FINAL

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7200), ("1d", 86_400)]
)
def test_durations_are_read(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "-5s", "5 weeks", "1h30m"])
def test_other_texts_are_not_durations(text):
    with pytest.raises(typer.BadParameter, match="is not a valid duration"):
        seconds_of(text)


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=5), "5s"),
        (timedelta(minutes=2), "2m"),
        (timedelta(hours=2), "2h"),
        (timedelta(days=3), "3d"),
    ],
)
def test_spans_in_their_largest_unit(length, words):
    assert span(length) == words
    assert ago(NOW - length, NOW) == f"{words} ago"


def test_times_as_rows_hold_them():
    assert ago("2026-11-21T08:59:50.000Z", NOW) == "10s ago"
    assert ago(None) == "-"
    assert ago(NOW, NOW) == "just now"


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [
        (None, "-"),
        (840, "0.84 s"),
        (12_340, "12.3 s"),
        (245_000, "4 min 5 s"),
        (7_800_000, "2 h 10 min"),
    ],
)
def test_how_long_a_run_took(milliseconds, words):
    assert duration(milliseconds) == words


def test_every_end_of_a_run_has_its_own_exit_code():
    assert OF_RUN.keys() == FINAL
    assert len(set(OF_RUN.values())) == len(OF_RUN)
    assert not {ExitCode.ERROR, ExitCode.USAGE} & set(OF_RUN.values())
