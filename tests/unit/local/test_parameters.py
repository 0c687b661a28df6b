import re
from pathlib import Path

import pytest

from provisioner.local.errors import LocalError
from provisioner.local.parameters import known, parsed, quoted

CHECKOUT = Path(__file__).parents[3]


def test_pairs_are_read():
    assert parsed(["LogLevel=DEBUG", "NotificationEmail=", "SlackSecretArn=a=b"]) == {
        "LogLevel": "DEBUG",
        "NotificationEmail": "",
        "SlackSecretArn": "a=b",
    }


@pytest.mark.parametrize("text", ["LogLevel", "=DEBUG", ""])
def test_what_is_not_a_pair_is_refused(text):
    with pytest.raises(LocalError, match=re.escape(f"--parameter {text}: NAME=VALUE is expected")):
        parsed([text])


def test_parameters_of_the_bootstrap_are_taken():
    assert known(CHECKOUT, {"LogLevel": "DEBUG"}) == {"LogLevel": "DEBUG"}


def test_an_unknown_parameter_is_refused_with_those_that_there_are():
    with pytest.raises(LocalError, match=r"no parameter Loglevel; it has Prefix, .*LogLevel"):
        known(CHECKOUT, {"Loglevel": "DEBUG"})


@pytest.mark.parametrize(
    ("value", "expected"),
    [("", 'N=""'), ("a b,c", 'N="a b,c"'), ('say "x"', 'N="say \\"x\\""')],
    ids=["empty", "with a blank", "with quotes"],
)
def test_any_value_reaches_the_sam_cli(value, expected):
    assert quoted("N", value) == expected
