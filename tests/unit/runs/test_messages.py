"""What the messages of a job's queue become."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.runs.messages import Batch, Limits, Message, batches


def strict(text):
    """Return the value of a text that is JSON as RFC 8259 has it, in UTF-8."""

    def refuse(constant):
        raise AssertionError(constant)

    text.encode()
    return json.loads(text, parse_constant=refuse)


AS_TEXT = [
    '{"a": 1e999}',
    '{"a": [-1e400]}',
    '{"a": NaN}',
    '{"a": Infinity}',
    '{"a": "\\ud800"}',
    '{"\\uDFFF": 1}',
    "[1]",
    "3",
    '"text"',
    "{",
    "",
    "[" * 100_000,
]


@pytest.mark.parametrize("body", AS_TEXT, ids=lambda body: body[:20])
def test_what_is_not_a_json_object_comes_as_text(body):
    assert Message("1", body).content == {"message": body}


@pytest.mark.parametrize(
    "body", ['{"a": 1e308}', '{"a": "\\ud83d\\ude00"}', '{"a": 1e-999}', "{}"], ids=str
)
def test_a_json_object_comes_as_it_is(body):
    assert Message("1", body).content == json.loads(body)


@given(
    st.lists(
        st.one_of(
            st.sampled_from(AS_TEXT[:-1]),
            st.text(st.characters(exclude_categories=["Cs"])),
            st.dictionaries(st.text(), st.floats()).map(json.dumps),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_the_input_of_a_run_is_json_whatever_came(bodies):
    batch = Batch(tuple(Message(str(n), body) for n, body in enumerate(bodies)), whole=False)

    assert len(strict(batch.input())["messages"]) == len(bodies)


def test_no_messages_are_no_run():
    assert list(batches([], Limits(batch_size=10, max_concurrency=1))) == []
