"""The generated rows are of every type and option."""

from __future__ import annotations

import pytest

from provisioner.jobs import BatchJob, Ec2Job, EcsJob, LambdaJob
from tests.support import generated_rows


@pytest.mark.parametrize(
    ("model", "options"),
    [
        (LambdaJob, generated_rows.LAMBDA | generated_rows.LAMBDA_IMAGE),
        (EcsJob, generated_rows.ECS),
        (BatchJob, generated_rows.BATCH),
        (Ec2Job, generated_rows.EC2),
    ],
    ids=["lambda", "ecs", "batch", "ec2"],
)
def test_every_attribute_of_a_row_is_among_the_options(model, options):
    assert {*generated_rows.COMMON, *options, "build"} == set(model.model_fields) - {"job_name"}


def test_every_value_of_every_option_stands_in_some_row_of_each_type():
    rows = list(generated_rows.rows())

    assert len(rows) >= 300
    assert rows == list(generated_rows.rows())
    for options in generated_rows.OPTIONS:
        own = [row for row in rows if row["type"] in options["type"]]
        for name, values in options.items():
            for value in values:
                assert any(row.get(name) == value for row in own), (name, value)
