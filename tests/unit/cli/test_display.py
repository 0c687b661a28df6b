from __future__ import annotations

import io
from contextlib import redirect_stdout
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from rich.console import Console
from rich.text import Text
from typer.testing import CliRunner

from provisioner.cli.commands import app
from provisioner.cli.display import table, usd
from provisioner.cli.runs import runs_table
from provisioner.cli.schedule import local_time
from provisioner.terminal import CleanConsole

ROWS = [
    ("5d ago", "FAILED", "manual", "manual-20261121T030444Z-83d0aa9b"),
    ("", "└", "", "ValueError: something went wrong and the message is long"),
    ("6d ago", "SUCCEEDED", "schedule", "20261121T090000Z-83d0aa9b"),
]


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_no_width_loses_a_word(width):
    listed = table("STARTED", "STATUS", "SOURCE", "RUN", keep=("STARTED", "STATUS"))
    for row in ROWS:
        listed.add_row(*map(Text, row))
    output = io.StringIO()

    Console(width=width, file=output).print(listed)

    lines = output.getvalue().splitlines()
    squeezed = "".join(output.getvalue().split())
    assert max(map(len, lines)) <= width
    assert (lines[0].split()[:2] == ["STARTED", "STATUS"]) is (width > 40)
    for word in ("5d", "FAILED", "manual-2026", "SUCCEEDED", "schedule"):
        assert word in squeezed
    if width >= 40:
        assert "manual-20261121T030444Z-83d0aa9b" in squeezed


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_width_loses_a_part_of_a_run(width):
    run = {
        "started_at": "2026-11-21T09:00:00.000Z",
        "trigger_id": "2026-11-21T09:00:00.000Z#manual-20261121T090000Z-83d0aa9b",
        "status": "RUNNING",
        "pending_reason": "is number 3 in the queue jobs_normal_spot",
        "capacity_type": "spot",
        "spot_interruptions": Decimal(1),
        "instance_type": "m7g.large",
        "queued_ms": Decimal(12_000),
        "pull_ms": Decimal(31_000),
        "run_ms": Decimal(245_000),
        "type": "batch",
    }
    output = io.StringIO()

    Console(width=width, file=output).print(runs_table([run], wide=True))

    squeezed = "".join(output.getvalue().split())
    assert max(map(len, output.getvalue().splitlines())) <= width
    for part in ("m7g.large,spot,1interruption", "12.0s", "31.0s", "4min5s", "isnumber3inthequeue"):
        assert part in squeezed


def test_no_colour_when_none_is_wanted(monkeypatch):
    def error():
        result = CliRunner().invoke(app, ["run", "report", "--payload", "{"], color=True)
        return result.stderr

    assert "\x1b[31m" in error()
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[31m" not in error()


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("UTC", "Sat 2026-11-21 20:54"),
        ("Europe/Berlin", "Sat 2026-11-21 21:54 +01:00"),
        ("America/St_Johns", "Sat 2026-11-21 17:24 -03:30"),
    ],
)
def test_a_scheduled_time_of_a_rate_is_shown_to_the_minute(zone, shown):
    moment = datetime(2026, 11, 21, 20, 54, 3, 88000, tzinfo=UTC)

    assert local_time(moment, zone) == shown


@pytest.mark.parametrize(
    ("most", "least", "shown"),
    [
        (None, None, "-"),
        ("x", None, "-"),
        (Decimal(0), None, "0.00"),
        (Decimal("12.3"), None, "12.30"),
        (Decimal("0.000112117"), None, "0.00011"),
        (Decimal("0.0999"), None, "0.100"),
        (Decimal("0.1"), Decimal("0.03"), "0.030 - 0.10"),
        (Decimal("0.1"), Decimal("0.1"), "0.10"),
    ],
)
def test_dollars(most, least, shown):
    assert usd(most, least) == shown


def test_an_output_that_is_not_a_file_is_printed_to_as_well():
    with redirect_stdout(io.StringIO()) as output:
        CleanConsole().print("a\x1b[2Jb")
    assert "\x1b" not in output.getvalue()
    assert output.getvalue().startswith("a")
