"""What one run may have otherwise than its row."""

from __future__ import annotations

import pytest

from provisioner.jobs.errors import InvalidValueError
from provisioner.jobs.overrides import run_overrides

ALL = {"allow_overrides": ["command", "environment", "size"]}
SECRET = {"DB": "arn:aws:ssm:eu-west-1:123456789012:parameter/db"}

GOOD = {
    "nothing": ({}, {}, {}),
    "command as text": (ALL, {"command": "a 'b c'"}, {"command": ["a", "b c"]}),
    "command as a shell splits it": (ALL, {"command": '"\\$" a\\\nb'}, {"command": ["$", "ab"]}),
    "command as a list": (ALL, {"command": ["a", "b c"]}, {"command": ["a", "b c"]}),
    "environment": (ALL, {"environment": {"DAY": "x"}}, {"environment": {"DAY": "x"}}),
    "memory with the row's cpu": (ALL, {"memory_mb": "2048"}, {"memory_mb": 2048}),
    "size": (ALL, {"cpu": ".5 vCPU", "memory_mb": 1024}, {"cpu": 512, "memory_mb": 1024}),
    "only what the row allows": (
        {"allow_overrides": "size"},
        {"memory_mb": 1024},
        {"memory_mb": 1024},
    ),
}


@pytest.mark.parametrize(("row", "wanted", "found"), GOOD.values(), ids=GOOD)
def test_allowed(accepted, row, wanted, found):
    assert run_overrides(accepted("ecs", row), wanted, {}) == found


BAD = {
    "not allowed": ({}, {"command": "a"}, ".command", 'allow_overrides lacks "command"'),
    "size not allowed": (
        {"allow_overrides": ["command"]},
        {"cpu": 512},
        ".cpu",
        'allow_overrides lacks "size"',
    ),
    "empty command": (ALL, {"command": ""}, ".command", "is empty"),
    "reserved variable": (ALL, {"environment": {"PAYLOAD": "x"}}, ".environment.PAYLOAD", "is set"),
    "bad name": (ALL, {"environment": {"A B": "x"}}, ".environment.A B", "cannot be the name"),
    "secret": (
        ALL | {"secrets": SECRET},
        {"environment": {"DB": "x"}},
        ".environment.DB",
        "is a secret of the row",
    ),
    "no size": (ALL, {"cpu": 3}, ".cpu", "must be one of"),
    "no memory": (ALL, {"memory_mb": 700}, ".memory_mb", "the nearest is 512"),
    "no pair with the row's memory": (ALL, {"cpu": 1024}, "", "with cpu 1024, memory_mb may be"),
    "no pair": (ALL, {"cpu": 256, "memory_mb": 4096}, "", "Fargate has no task of"),
    "too long with the payload": (
        ALL | {"payload": {"x": "y" * 6000}},
        {"environment": {"DAY": "z" * 2000}},
        "",
        "together with the payload; the most is 7168",
    ),
}


@pytest.mark.parametrize(("row", "wanted", "path", "words"), BAD.values(), ids=BAD)
def test_refused(accepted, row, wanted, path, words):
    with pytest.raises(InvalidValueError) as raised:
        run_overrides(accepted("ecs", row), wanted, {})

    ((found, message),) = raised.value.problems
    assert found == path
    assert words in message


@pytest.mark.parametrize("kind", ["batch", "ec2"])
def test_a_job_that_is_not_of_a_task_of_fargate_keeps_its_size(accepted, kind):
    job = accepted(kind, {"allow_overrides": ["command", "environment"]})
    assert run_overrides(job, {"command": "a"}, {}) == {"command": ["a"]}
    with pytest.raises(InvalidValueError) as raised:
        run_overrides(job, {"memory_mb": 1024}, {})
    ((path, _),) = raised.value.problems
    assert path == ".memory_mb"


def test_a_function_has_nothing_to_override(accepted):
    with pytest.raises(InvalidValueError, match="only containers"):
        run_overrides(accepted("lambda", {}), {"command": "a"}, {})
