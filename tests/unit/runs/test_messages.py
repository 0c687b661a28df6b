"""What the messages of a job's queue become."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.errors import PermanentError
from provisioner.runs.messages import (
    MAX_INPUT_BYTES,
    Limits,
    Message,
    MessageBatch,
    batches,
    identity,
    received,
    request,
    submission_of,
)


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


DEPTHS = {
    '{"_run": {"depth": 0}}': 1,
    '{"_run": {"depth": 7}}': 8,
    '{"_run": {"depth": 999999}}': 1_000_000,
    '{"_run": {"depth": 1000000}}': 0,
    '{"_run": {"depth": -1}}': 0,
    '{"_run": {"depth": "7"}}': 0,
    '{"_run": {}}': 0,
    '{"_run": 7}': 0,
    "{}": 0,
    "7": 0,
}


@pytest.mark.parametrize(("body", "depth"), DEPTHS.items(), ids=DEPTHS)
def test_a_message_is_one_deeper_than_the_run_that_sent_it(body, depth):
    assert Message("1", body).depth == depth


def test_nobody_else_says_what_a_run_is():
    assert Message("1", '{"_run": {"depth": 7, "source": "manual"}, "n": 1}').content == {"n": 1}


def batch_of(*bodies, whole=False):
    return MessageBatch(tuple(Message(f"m{n}", body) for n, body in enumerate(bodies)), whole=whole)


def test_the_input_of_a_run_with_one_message():
    batch = batch_of('{"n": "é", "_run": {"depth": 2}}', whole=True)

    assert batch.run == "queue-m0"
    assert batch.input() == '{"n":"é","_run":{"source":"queue","depth":3}}'


def test_the_input_of_a_run_with_several_messages():
    batch = batch_of('{"n": 1, "_run": {"depth": 2}}', '{"_run": {"depth": 5}}', "text")

    messages = '[{"n":1},{},{"message":"text"}]'
    assert batch.input() == f'{{"messages":{messages},"_run":{{"source":"queue","depth":6}}}}'
    assert batch.run == "queue-f39e898b6b2e56ed1ee31aaaac538002"
    assert batch_of("a").input() == ('{"messages":[{"message":"a"}],"_run":{"source":"queue"}}')


@pytest.mark.parametrize(("more", "fits"), [(0, True), (1, False)])
def test_how_large_an_input_may_be(more, fits):
    around = len(batch_of('{"n":""}', whole=True).input())
    batch = batch_of(json.dumps({"n": "n" * (MAX_INPUT_BYTES - around + more)}), whole=True)

    assert MAX_INPUT_BYTES == 262_144
    assert batch.fits is fits
    if fits:
        assert len(batch.input()) == MAX_INPUT_BYTES
    else:
        with pytest.raises(PermanentError, match="would have 262145"):
            batch.input()


def test_a_size_is_in_bytes():
    assert not batch_of(json.dumps({"n": "é" * 140_000}), whole=True).fits


def test_a_surrogate_alone_counts():
    assert batch_of("\ud800").fits
    assert identity("\ud800") == identity("?")


HALF = "x" * (MAX_INPUT_BYTES // 2)
BATCHES = {
    "one each": (["a", "b", "c"], 1, [["m0"], ["m1"], ["m2"]]),
    "two each": (["a", "b", "c"], 2, [["m0", "m1"], ["m2"]]),
    "all together": (["a", "b", "c"], 3, [["m0", "m1", "m2"]]),
    "what is together too large": (["a", HALF, HALF, "b"], 10, [["m0", "m1"], ["m2", "m3"]]),
    "what is too large alone": (["a", HALF * 3, "b"], 10, [["m0"], ["m1"], ["m2"]]),
}


@pytest.mark.parametrize(("bodies", "size", "ids"), BATCHES.values(), ids=BATCHES)
def test_which_messages_are_one_run(bodies, size, ids):
    messages = [Message(f"m{n}", body) for n, body in enumerate(bodies)]

    found = list(batches(messages, Limits(size, max_concurrency=1)))

    assert [[message.id for message in batch.messages] for batch in found] == ids
    assert {batch.whole for batch in found} == {size == 1}


NAMES = {
    '{"job_name": "other", "submission_id": "one", "payload": {}}': "one",
    '{"job_name": "other", "submission_id": "", "payload": {}}': None,
    '{"job_name": "other", "submission_id": 5, "payload": {}}': None,
    '{"job_name": "other", "payload": {}}': None,
    '{"submission_id": "one", "payload": {}}': None,
    '{"job_name": "other", "submission_id": "one"}': None,
    '{"job_name": "other", "submission_id": "one", "payload": {}, "more": 1}': None,
    "text": None,
}


@pytest.mark.parametrize(("body", "name"), NAMES.items(), ids=NAMES)
def test_what_its_producer_calls_a_message(body, name):
    assert submission_of(body) == name
    assert Message("1", body).is_followed is (name is not None)


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
