"""How values read on a page."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest

from provisioner.console import assets
from provisioner.console.filters import as_json, command, duration, in_zone, sentence, slow, usd

NOW = datetime(2026, 11, 26, 9, 42, 17, tzinfo=UTC)


@pytest.mark.parametrize(("levels", "is_shown"), [(101, True), (102, False), (5_000, False)])
def test_a_value_that_is_nested_too_deeply_keeps_no_page_away(levels, is_shown):
    value = []
    for number in range(levels - 1):
        value = {"a": value} if number % 2 else [value]

    assert (as_json(value) != "nested too deeply to be shown") == is_shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("there is no job nope", "There is no job nope."),
        ("This address takes GET only.", "This address takes GET only."),
        ('report has no run "x"', 'report has no run "x".'),
    ],
    ids=["an error", "a sentence", "a name first"],
)
def test_an_error_reads_as_a_sentence(text, shown):
    assert sentence(text, ["", "jobs", "report"]) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "–"),
        (-1, "0.0 s"),
        (Decimal("9.94"), "9.9 s"),
        (59.4, "59 s"),
        (timedelta(minutes=3, seconds=4), "3 min 04 s"),
        (3_600, "1 h 00 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_a_duration_has_two_units_at_most(seconds, shown):
    assert duration(seconds) == shown


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(None, "–"), (Decimal(0), "$0"), (Decimal("0.1"), "$0.10"), (Decimal("0.0123"), "$0.0123")],
)
def test_an_amount_has_more_places_the_less_it_is(amount, shown):
    assert usd(amount) == shown


def test_sets_are_shown_in_order():
    assert as_json({"names": {"b", "a"}}) == '{\n  "names": [\n    "a",\n    "b"\n  ]\n}'


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("Asia/Tokyo", "Thu 26 Nov 18:42 JST"),
        ("nowhere", "Thu 26 Nov 09:42 UTC"),
        ("../etc/passwd", "Thu 26 Nov 09:42 UTC"),
        ("", "Thu 26 Nov 09:42 UTC"),
    ],
)
def test_a_zone_that_does_not_exist_is_utc(zone, shown):
    assert in_zone(NOW, zone) == shown


def run(seconds, ended=True):
    return SimpleNamespace(
        started_at=NOW, ended_at=NOW + timedelta(seconds=seconds) if ended else None
    )


@pytest.mark.parametrize(
    ("last", "usual", "shown"),
    [
        (run(30), 10, "3.0"),
        (run(10), 10, ""),
        (run(30), None, ""),
        (None, 10, ""),
        (run(30, ended=False), 10, ""),
    ],
    ids=["slow", "as usual", "nothing is usual", "no run", "it runs"],
)
def test_a_run_that_was_slow_says_by_how_much(last, usual, shown):
    assert slow(SimpleNamespace(last_run=last, usual_seconds=usual)) == shown


@pytest.mark.parametrize(
    ("arguments", "options", "expected"),
    [
        (("get",), {}, "provisioner get"),
        (("get", None, ""), {"tag": "", "owner": None}, "provisioner get"),
        (("items", "a", "b"), {"index": 0}, "provisioner items a b --index 0"),
        (("upgrade",), {"dry_run": True}, "provisioner upgrade --dry-run"),
        (("runs", "$(id)"), {"tag": "it's"}, """provisioner runs '$(id)' --tag 'it'"'"'s'"""),
    ],
)
def test_a_command_is_as_a_shell_reads_it(arguments, options, expected):
    assert command(*arguments, **options) == expected


def test_no_template_makes_a_command_by_itself():
    made = [
        (path.name, found)
        for path in (assets.FOLDER.parent / "templates").glob("*.html")
        if path.name != "macros.html"
        for found in re.findall(r"\bcli\((.{8})", path.read_text())
    ]

    assert len(made) > 20
    assert {found for _, found in made} <= {"command(", "cli_text"}, made
