"""The syntax of schedules: what EventBridge Scheduler takes, and what it would refuse."""

from __future__ import annotations

import pytest

from provisioner.jobs.errors import InvalidValueError
from provisioner.jobs.schedule import expression

# The first ten are the examples of AWS's documentation.
ACCEPTED = [
    "cron(0 10 * * ? *)",
    "cron(15 12 * * ? *)",
    "cron(0 18 ? * MON-FRI *)",
    "cron(0 8 1 * ? *)",
    "cron(0/15 * * * ? *)",
    "cron(0/10 * ? * MON-FRI *)",
    "cron(0/5 8-17 ? * MON-FRI *)",
    "cron(0/30 20-2 ? * MON-FRI *)",
    "cron(15 10 ? * 6L 2022-2023)",
    "cron(30 0 1 JAN,JUL ? 2030/2)",
    "cron(0-15/1 8-8 ? * 2,3,4,5,6,7 *)",
    "cron(*/59 */23 */31 */12 ? *)",
    "cron(0 0 L * ? *)",
    "cron(0 0 LW * ? *)",
    "cron(0 0 L-3 * ? *)",
    "cron(0 0 15W * ? *)",
    "cron(0 0 1,15,28-31 * ? *)",
    "cron(0 0 29 2 ? *)",
    "cron(0 0 31 FEB-MAR ? *)",
    "cron(0 0 31 NOV-FEB ? *)",
    "cron(0 0 25-5 2 ? *)",
    "cron(0 0 ? * L *)",
    "cron(0 0 ? * FRIL *)",
    "cron(0 0 ? * 3#2 *)",
    "cron(0 0 ? * TUE#5 *)",
    "cron(0 0 ? * FRI-MON *)",
    "cron(0 0 ? * */2 *)",
    "cron(0 0 ? * * 1970-2199)",
    "rate(1 minute)",
    "rate(15 minutes)",
    "rate(1 hour)",
    "rate(12 hours)",
    "rate(1 day)",
    "rate(999999 days)",
    "at(2030-01-31T09:00:00)",
    "at(2028-02-29T23:59:59)",
]


@pytest.mark.parametrize("text", ACCEPTED)
def test_accepted_as_it_stands(text):
    assert expression(text) == text


@pytest.mark.parametrize(
    ("text", "usual"),
    [
        ("  CRON( 0   6 ? jan mon-fri  * ) ", "cron(0 6 ? JAN MON-FRI *)"),
        ("cron(0\t6 ? * fril *)", "cron(0 6 ? * FRIL *)"),
        ("rate(1 minutes)", "rate(1 minute)"),
        ("rate(5 minute)", "rate(5 minutes)"),
        ("Rate ( 05 Hours )", "rate(5 hours)"),
        ("at( 2030-01-31T09:00:00 )", "at(2030-01-31T09:00:00)"),
    ],
)
def test_kept_in_one_spelling(text, usual):
    assert expression(text) == usual


REFUSED = {
    "": "must be like",
    "0 6 * * ? *": "must be like",
    "cron 0 6 * * ? *": "must be like",
    "cron(0 6 * * ? *": "must be like",
    "cron((0 6 * * ? *))": "must be like",
    f"cron({'0,' * 128}0 6 * * ? *)": "must be like",
    "corn(0 6 * * ? *)": 'did you mean "cron"?',
    "every(5 minutes)": '"every()" is none of cron(), rate() and at()',
    "cron()": "6 fields (minutes, hours, day of month, month, day of week, year), not 0",
    "cron(0 6 * * ?)": 'not 5; add a year: "*"',
    "cron(0 0 6 * * ? *)": "not 7",
    "cron(60 6 * * ? *)": "minutes: 60 is not within 0 to 59",
    "cron(0 24 * * ? *)": "hours: 24 is not within 0 to 23",
    "cron(0 6 0 * ? *)": "day of month: 0 is not within 1 to 31",
    "cron(0 6 32 * ? *)": "day of month: 32 is not within 1 to 31",
    "cron(0 6 * 13 ? *)": "month: 13 is not within 1 to 12",
    "cron(0 6 * JANUARY ? *)": 'month: "JANUARY" is not 1 to 12 or JAN to DEC',
    "cron(0 6 ? * 0 *)": "day of week: 0 is not within 1 to 7",
    "cron(0 6 ? * 8 *)": "day of week: 8 is not within 1 to 7",
    "cron(0 6 ? * MNO *)": 'did you mean "MON"?',
    "cron(0 6 * * ? 1969)": "year: 1969 is not within 1970 to 2199",
    "cron(0 6 * * ? 2200)": "year: 2200 is not within 1970 to 2199",
    "cron(0 6 * * ? 2031-2030)": "year: 2031-2030 runs backwards",
    "cron(0 6 * * * *)": "exactly one of day of month and day of week must be ?",
    "cron(0 6 1 * MON *)": "exactly one of day of month and day of week must be ?",
    "cron(0 6 ? * ? *)": "exactly one of day of month and day of week must be ?",
    "cron(? 6 * * ? *)": 'minutes: "?" is not 0 to 59',
    "cron(0 6 1,? * ? *)": 'day of month: "?" is not 1 to 31',
    "cron(*/0 6 * * ? *)": 'minutes: the step "/0" is not within /1 to /59',
    "cron(*/60 6 * * ? *)": 'minutes: the step "/60" is not within /1 to /59',
    "cron(0/ 6 * * ? *)": 'the step "/" is not',
    "cron(0/5/5 6 * * ? *)": 'the step "/5/5" is not',
    "cron(0/x 6 * * ? *)": 'the step "/X" is not',
    "cron(0/00005 6 * * ? *)": 'the step "/00005" is not',
    "cron(1- 6 * * ? *)": 'minutes: "" is not 0 to 59',
    "cron(1-2-3 6 * * ? *)": 'minutes: "2-3" is not 0 to 59',
    "cron(1,,2 6 * * ? *)": 'minutes: "" is not 0 to 59',
    "cron(-1 6 * * ? *)": 'minutes: "" is not 0 to 59',
    "cron(1.5 6 * * ? *)": 'minutes: "1.5" is not 0 to 59',
    "cron(² 6 * * ? *)": 'minutes: "²" is not 0 to 59',
    "cron(0 6 1,L * ? *)": "stand alone; use a list of schedules",
    "cron(0 6 L-31 * ? *)": "stand alone; use a list of schedules",
    "cron(0 6 W * ? *)": "stand alone; use a list of schedules",
    "cron(0 6 32W * ? *)": "day of month: 32 is not within 1 to 31",
    "cron(0 6 30 2 ? *)": "no such day in these months",
    "cron(0 6 31 APR,JUN,SEP,NOV ? *)": "no such day in these months",
    "cron(0 6 ? * 3#6 *)": "day of week: #6 is not within #1 to #5",
    "cron(0 6 ? * 3#0 *)": "day of week: #0 is not within #1 to #5",
    "cron(0 6 ? * 8#1 *)": "day of week: 8 is not within 1 to 7",
    "cron(0 6 ? * 3#1,6#3 *)": "stand alone; use a list of schedules",
    "cron(0 6 ? * FRIL,MON *)": "stand alone; use a list of schedules",
    "cron(0 6 ? * XL *)": 'day of week: "X" is not',
    "rate()": "a number and a unit",
    "rate(5)": "a number and a unit",
    "rate(5minutes)": "a number and a unit",
    "rate(1.5 hours)": "a number and a unit",
    "rate(-5 minutes)": "a number and a unit",
    "rate(0 minutes)": "a whole number from 1",
    "rate(1000000 minutes)": "a whole number from 1",
    "rate(30 seconds)": 'takes minutes, hours or days, not "seconds"',
    "rate(1 week)": 'takes minutes, hours or days, not "week"',
    "at(tomorrow)": "a date and time without zone",
    "at(2030-01-31)": "a date and time without zone",
    "at(2030-01-31T09:00)": "a date and time without zone",
    "at(2030-01-31T09:00:00Z)": "a date and time without zone",
    "at(2030-01-31 09:00:00)": "a date and time without zone",
    "at(2030-02-30T09:00:00)": "no such date and time",
    "at(2029-02-29T09:00:00)": "no such date and time",
    "at(2030-01-31T24:00:01)": "no such date and time",
    "at(2030-01-31T09:60:00)": "no such date and time",
    "at(0000-01-01T00:00:00)": "no such date and time",
    "at(0001-01-01T00:00:00)": "year: 1 is not within 1970 to 2199",
    "at(9999-12-31T23:59:59)": "year: 9999 is not within 1970 to 2199",
    "cron(*-5 6 * * ? *)": 'minutes: "*" is not 0 to 59',
    "cron(0 6 * *-JUN ? *)": 'month: "*" is not 1 to 12',
}


@pytest.mark.parametrize(("text", "message"), REFUSED.items(), ids=REFUSED)
def test_refused(text, message):
    with pytest.raises(InvalidValueError) as refused:
        expression(text)

    assert message in str(refused.value)
