"""What to do about a run that has failed."""

from __future__ import annotations

import pytest

from provisioner.runs.remedies import REMEDIES, what_to_do

SAID = {each.said for each in REMEDIES}


@pytest.mark.parametrize(
    ("error", "cause", "word"),
    [
        ("OutOfMemoryError", None, "memory_mb"),
        ("ContainerFailed", "OutOfMemoryError: Container killed due to memory usage", "memory_mb"),
        ("ContainerFailed", "Exit code 137 on i-1", "memory_mb"),
        ("TaskFailedToStart", "CannotPullContainerError: pull image manifest", "image"),
        ("TaskFailedToStart", "ResourceInitializationError: unable to pull secrets", "secrets"),
        (
            "Runtime.ExitError",
            "Runtime exited with error: signal: killed",
            "memory_mb",
        ),
        ("Runtime.ImportModuleError", "No module named 'requests'", "handler"),
        ("Sandbox.Timedout", "Task timed out after 3.00 seconds", "timeout_seconds"),
        (
            "ClientError",
            "ada is not authorized to perform: s3:PutObject",
            "permissions",
        ),
        (
            "ClientError",
            "AccessDenied: an explicit deny in a permissions boundary",
            "platform",
        ),
        ("FanOutFailed", "{}", "tolerated_failure_percent"),
    ],
)
def test_known_failures(error, cause, word):
    said = what_to_do(error, cause)

    assert said in SAID
    assert word in said


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (None, None),
        ("ValueError", "the line is Busy and was Missed: Overlap"),
        ("ValueError", "MyAccessDeniedError, NotAccessDenied, x.OutOfMemoryError"),
        ("ContainerFailed", "Exit code 1374"),
        ("ContainerFailed", "Exit code 3"),
        (7, ["AccessDenied"]),
        (["Busy"], {}),
    ],
)
def test_what_the_error_does_not_tell(error, cause):
    assert what_to_do(error, cause) is None


def test_what_is_more_exact_comes_first():
    boundary = REMEDIES[0].in_cause[0]

    assert what_to_do("AccessDenied", f"not allowed: {boundary}") == REMEDIES[0].said


def test_each_error_has_one():
    errors = [error for each in REMEDIES for error in each.errors]

    assert len(errors) == len(set(errors))
