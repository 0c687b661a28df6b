"""Each row of the corpus is INVALID, by the name of what reaches too far."""

from __future__ import annotations

import json

import pytest

import templates
from provisioner.jobs import InvalidRow, parse, permitted
from provisioner.jobs.grants import grant, statements
from tests.attacks.calls import AT_HOME, HERE
from tests.attacks.rows import ALLOWED, CONTAINER, FUNCTION, IN_WORDS, REFUSED
from tests.attacks.test_calls import policy
from tests.support.generated_rows import job_of
from tests.support.platforms import PLATFORM


@pytest.mark.parametrize("attack", REFUSED, ids=str)
def test_a_row_that_reaches_too_far(attack):
    verdict = permitted(parse({"job_name": "report"} | attack.row), ALLOWED)
    assert isinstance(verdict, InvalidRow)
    assert [error.field for error in verdict.errors] == [attack.field]


@pytest.mark.parametrize("text", IN_WORDS.values(), ids=[w.replace(" ", "-") for w in IN_WORDS])
def test_words_that_validation_let_through_would_be_denied(text):
    written = json.dumps(statements(grant(text), "aws", HERE))
    written = written.replace("jobs-artifacts", "ArtifactsBucket")
    for statement in json.loads(written.replace("jobs-bundles", "BundleBucket")):
        for resource in statement["Resource"]:
            _, _, _, region, account, _ = resource.split(":", 5)
            where = {"aws:RequestedRegion": region, "aws:ResourceAccount": account}
            context = AT_HOME | {key: value for key, value in where.items() if value}
            assert all(
                policy("JobBoundary").deny(action, resource.replace("??????", "a1b2c3"), context)
                for action in statement["Action"]
                if action not in {"s3:ListBucket", "secretsmanager:DescribeSecret"}
            )


@pytest.mark.parametrize("row", [FUNCTION, CONTAINER], ids=["lambda", "ecs"])
def test_the_rows_behind_them_are_valid(row):
    assert not isinstance(permitted(parse({"job_name": "report"} | row), ALLOWED), InvalidRow)


@pytest.mark.parametrize("row", [FUNCTION, CONTAINER], ids=["lambda", "ecs"])
def test_a_row_s_tags_are_not_attributes_of_its_role(row):
    """`aws:PrincipalTag` is what the account's policies may decide by."""
    job = job_of({"job_name": "report", "tags": {"team": "payroll"}} | row)
    resources = json.loads(templates.to_json(templates.build(job, PLATFORM)))["Resources"]
    assert "Tags" not in resources["Role"]["Properties"]
    assert any("payroll" in json.dumps(resource) for resource in resources.values())
