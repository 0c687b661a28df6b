"""What the messages of a job's queue become."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.runs.messages import Limits, Message, MessageBatch, batches, received, request


def strict(text):
    """Return the value of a text that is JSON as RFC 8259 has it, in UTF-8."""

    def refuse(constant):
        raise AssertionError(constant)

    text.encode()
    return json.loads(text, parse_constant=refuse)


AS_TEXT = [
    '{"a": 1e999}',
    '{"a": [-1e400]}',
    '{"a": 1e-999}',
    '{"a": {"b": 9007199254740993}}',
    '{"a": 0.1000000000000000055}',
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
    "body", ['{"a": 1e308}', '{"a": "\\ud83d\\ude00"}', '{"a": 1e-99}', "{}"], ids=str
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
    batch = MessageBatch(tuple(Message(str(n), body) for n, body in enumerate(bodies)), whole=False)

    assert len(strict(batch.input())["messages"]) == len(bodies)


def test_no_messages_start_no_run():
    assert list(batches([], Limits(batch_size=10, max_concurrency=1))) == []


NESTED = {"job_name": "other", "payload": {"n": 1}}


@pytest.mark.parametrize(
    ("body", "content", "followed"),
    [
        (request("report", "order-7", {"n": 1}), {"n": 1}, True),
        (request("report", "order-7", NESTED), NESTED, True),
        (json.dumps({"job_name": "report", "payload": {"n": 1}}), {"n": 1}, False),
        (request("report", "", {"n": 1}), {"n": 1}, False),
        (
            json.dumps({"job_name": "report", "payload": 1}),
            {"job_name": "report", "payload": 1},
            False,
        ),
        (json.dumps(NESTED | {"more": 1}), NESTED | {"more": 1}, False),
        (json.dumps({"payload": {}}), {"payload": {}}, False),
        (json.dumps({"job_name": 1, "payload": {}}), {"job_name": 1, "payload": {}}, False),
    ],
    ids=[
        "request",
        "a request in it",
        "unnamed",
        "empty name",
        "no payload",
        "more",
        "no job",
        "?",
    ],
)
def test_a_request_as_over_http_comes_as_its_payload(body, content, followed):
    message = Message("1", body)

    assert message.content == content
    assert message.is_followed == followed


def test_a_request_passes_its_depth_on():
    assert Message("1", request("report", "a", {"_run": {"depth": 2}, "n": 1})).depth == 3


@pytest.mark.parametrize(
    ("body", "attribute", "identity"),
    [
        (request("report", "order-7", {}), None, "order-7"),
        (request("report", "order-7", {}), "given", "given"),
        (request("report", "order 7!", {}), None, "b310a38c3e06116f1069def9ee6e93b9"),
        ("{}", None, "own"),
        ("{}", "given", "given"),
        ("{}", "not one!", "own"),
    ],
    ids=["named", "sent on", "any text", "nothing", "attribute", "odd attribute"],
)
def test_the_identity_of_a_message(body, attribute, identity):
    assert received(body, attribute, "own").id == identity
