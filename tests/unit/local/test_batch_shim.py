"""The parts of the engine's Batch that need no engine; the rest is in tests/local/test_batch.py."""

from __future__ import annotations

import pytest

from provisioner.local.shim.batch.attempts import EXITED, NOT_STARTED, again
from provisioner.local.shim.batch.resources import camel_case

RULES = {
    "evaluateOnExit": [
        {"action": "RETRY", "onStatusReason": "Task failed to start*"},
        {"action": "EXIT", "onExitCode": "3"},
        {"action": "RETRY", "onExitCode": "7*", "onReason": "Out*"},
        {"action": "exit", "onReason": "*"},
    ]
}


@pytest.mark.parametrize(
    ("code", "reason", "status_reason", "repeated"),
    [
        (None, "CannotPullContainerError: x", NOT_STARTED, True),
        (3, "", EXITED, False),
        (75, "OutOfMemoryError: x", EXITED, True),
        (75, "", EXITED, False),
        (1, "", EXITED, False),
    ],
    ids=["not started", "exit code", "all conditions", "one condition", "the last rule"],
)
def test_the_first_rule_that_matches_decides(code, reason, status_reason, repeated):
    assert again(RULES, code, reason, status_reason) is repeated


def test_no_rule_that_matches_means_another_attempt():
    assert again({"evaluateOnExit": [{"action": "EXIT", "onExitCode": "2"}]}, 1, "", EXITED)


def test_properties_are_spelled_as_the_service_spells_them():
    written = {"JobDefinitionName": "a", "Tags": {"Team": "b"}, "List": [{"OnReason": "*"}]}

    assert camel_case(written) == {
        "jobDefinitionName": "a",
        "tags": {"Team": "b"},
        "list": [{"onReason": "*"}],
    }
