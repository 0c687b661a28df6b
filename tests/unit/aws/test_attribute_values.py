"""Attribute values are those of boto3, for whatever an item may have."""

from __future__ import annotations

from decimal import Decimal, DecimalException

import hypothesis.strategies as st
import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given, settings

from provisioner.aws.attribute_values import deserialize, serialize
from tests.support.drawn import examples

FINITE = st.decimals(allow_nan=False, allow_infinity=False)
NUMBERS = st.integers() | FINITE | st.integers(-(10**40), 10**40)
TEXTS = st.text(max_size=5)
LEAVES = (
    st.none()
    | st.booleans()
    | NUMBERS
    | TEXTS
    | st.binary(max_size=5)
    | st.floats()
    | st.frozensets(NUMBERS, max_size=3)
    | st.frozensets(TEXTS, max_size=3)
    | st.frozensets(st.binary(max_size=5), max_size=3)
    | st.frozensets(TEXTS | st.integers(), max_size=3)
    | st.just(object())
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
)


@settings(max_examples=examples(300))
@given(VALUES)
def test_serialized_as_by_boto3(value):
    try:
        theirs = TypeSerializer().serialize(value)
    except (TypeError, DecimalException) as error:
        with pytest.raises(type(error)):
            serialize(value)
        return

    assert serialize(value) == theirs
    assert deserialize(theirs) == TypeDeserializer().deserialize(theirs)


def test_a_number_may_have_more_digits_than_boto3_reads():
    digits = "1." + 50 * "0"

    assert deserialize({"N": digits}) == Decimal(1)


@pytest.mark.parametrize("value", [{}, {"X": 1}, {"s": "text"}], ids=repr)
def test_what_is_not_an_attribute_value(value):
    with pytest.raises(TypeError, match="not an attribute value"):
        deserialize(value)


@pytest.mark.parametrize("value", [{"B": "YWJj"}, {"BS": ["YWJj"]}], ids=repr)
def test_the_text_of_binary_in_an_event_is_not_binary(value):
    with pytest.raises(TypeError, match="is not binary"):
        deserialize(value)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_is_not_a_number_of_dynamodb(number):
    with pytest.raises(TypeError, match="has no number"):
        serialize(Decimal(number))
