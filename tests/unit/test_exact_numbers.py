"""Numbers of JSON: which a workflow keeps, and that none is written with other digits."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from provisioner.exact_numbers import changed, read, to_json

KEPT = [
    "0",
    "-1",
    "0.1",
    "-0.0",
    "1e22",
    "9007199254740992",
    "100000000000000000000000",
    "1764182113737156",
    "0.30000000000000004",
    "0.10000000000000001",
    "1764182113.7371564",
    "5e-100",
]
"""As they are, or as another spelling of the same double."""

CHANGED = [
    "9007199254740993",
    "-9007199254740993",
    "12345678901234567890",
    "1152921504606846976",
    "0.1000000000000000055",
    "123456789012345678.5",
    "9" * 400,
]

OUT_OF_RANGE = ["1e400", "-1e999", "1e-400", "1e-999999999", "NaN", "Infinity"]


def read_json(text):
    return json.loads(text, parse_float=read, parse_constant=read)


@pytest.mark.parametrize("text", KEPT)
def test_a_workflow_keeps(text):
    assert list(changed({"a": read_json(text)})) == []
    assert float(json.dumps(read_json(text))) == float(text)


@pytest.mark.parametrize("text", CHANGED)
def test_a_workflow_would_change(text):
    [(place, message)] = changed(read_json(f'{{"a": [true, {{"b c": {text}}}]}}'))
    assert place == ".a[1].b c"
    assert "write it as text" in message
    assert len(message) < 250


@pytest.mark.parametrize("text", OUT_OF_RANGE)
def test_out_of_range(text):
    with pytest.raises(ValueError, match="is out of range"):
        read_json(text)


@pytest.mark.parametrize(
    "text",
    ["0.1", "7", "0.1000000000000000055", "1152921504606846976", "-0.1234567890123456789012345678"],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_a_decimal_is_written_with_all_its_digits(text, indent):
    written = to_json({"a": [Decimal(text)], "b": '"1"'}, indent=indent)
    assert json.loads(written, parse_float=Decimal) == {"a": [Decimal(text)], "b": '"1"'}
    assert text in written


def test_what_is_neither_is_left_to_the_caller():
    assert to_json({"a": {1}}, default=sorted) == '{"a": [1]}'
    with pytest.raises(TypeError):
        to_json({"a": {1}})
