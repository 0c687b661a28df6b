"""An object in what people write has no name twice."""

from __future__ import annotations

import json

import pytest

from provisioner.json_objects import distinct

KEPT = ["{}", '{"a": 1, "A": 2}', '{"a": {"a": [{"a": 1}, {"a": 2}]}}', "[]", "1"]


@pytest.mark.parametrize("text", KEPT)
def test_others_are_as_they_are(text):
    assert json.loads(text, object_pairs_hook=distinct) == json.loads(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('{"a": 1, "b": 2, "a": 1}', "a"),
        ('{"x": [{"y": {"": null, "": null}}]}', ""),
        ('{"a": 1, "\\u0061": 2}', "a"),
        ('{"\\u001b[2J": 1, "\\u001b[2J": 2}', "\\x1b[2J"),
        ('{"' + "n" * 99 + '": 1, "' + "n" * 99 + '": 2}', "n" * 60),
    ],
    ids=["two", "deep and empty", "spelt in two ways", "what a terminal obeys", "long"],
)
def test_one_that_would_be_lost_is_named(text, name):
    with pytest.raises(ValueError) as refused:  # noqa: PT011  (its whole text follows)
        json.loads(text, object_pairs_hook=distinct)

    assert str(refused.value) == f'an object has "{name}" twice'
