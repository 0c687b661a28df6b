"""Words of other tools lead to attributes that there are."""

from __future__ import annotations

import pytest

from provisioner.jobs import BatchJob, Ec2Job, EcsJob, LambdaJob
from provisioner.jobs.attributes import ALIASES
from provisioner.jobs.meanings import MEANT, WITHIN
from provisioner.jobs.run_input import payload_errors

ATTRIBUTES = {
    name for model in (LambdaJob, EcsJob, BatchJob, Ec2Job) for name in model.model_fields
}


def test_every_word_stands_for_an_attribute():
    assert set(MEANT.values()) <= ATTRIBUTES
    assert {name.partition(".")[0] for name in WITHIN.values()} <= ATTRIBUTES


def test_no_word_is_an_attribute_itself_or_stands_for_two_things():
    words = [*MEANT, *WITHIN]

    assert len(words) == len(set(words))
    assert not (ATTRIBUTES | ALIASES.keys()) & set(words)


@pytest.mark.parametrize("key", ["item", "_fan_out"])
def test_the_input_of_a_run_may_not_have_what_each_item_gets(accepted, key):
    plain, many = accepted("lambda", {}), accepted("lambda", {"fan_out": {}})

    assert payload_errors(plain, {key: 1}) == ()
    assert [error.field for error in payload_errors(many, {key: 1})] == [f"payload.{key}"]
