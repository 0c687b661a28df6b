"""What `provisioner local up` says of the examples when they do not go as they should."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from botocore.exceptions import EndpointConnectionError

from provisioner.local.commands import _print_outcomes
from provisioner.local.errors import LocalError
from provisioner.local.examples import Example
from provisioner.local.outcomes import ExampleOutcome, _wait

ENGINE = SimpleNamespace(check=lambda: None, state=SimpleNamespace(container_host=None))


def example(**row):
    return Example(row={"job_name": "report", "type": "lambda", **row}, folder=None)


REASONS = {
    "its cause": ({"status": "FAILED", "error": "ValueError", "cause": "no good"}, "no good"),
    "its error, without a cause": ({"status": "TIMED_OUT", "error": "Timeout"}, "Timeout"),
    "nothing": ({"status": "STOPPED"}, None),
    "no run": (None, None),
}


@pytest.mark.parametrize(("run", "reason"), REASONS.values(), ids=REASONS)
def test_why_a_run_failed(run, reason):
    assert ExampleOutcome(example(), {}, run).reason == reason


def test_all_that_is_known_is_printed(capsys):
    run = {"status": "FAILED", "duration_ms": 1500, "cause": "no good"}
    ready = {"stack_name": "jobs-report", "status": "READY"}
    _print_outcomes(
        ENGINE,
        [ExampleOutcome(example(), ready, run), ExampleOutcome(example(job_name="b"), {}, None)],
    )

    printed = capsys.readouterr().out
    assert "The last run of report is FAILED:\nno good" in printed
    assert [line.split() for line in printed.splitlines()[2:4]] == [
        ["report", "lambda", "READY", "FAILED", "1.5", "s"],
        ["b", "lambda", "-", "-", "-"],
    ]
    assert "podman" in printed.lower()


def test_without_examples_nothing_is_printed(capsys):
    _print_outcomes(ENGINE, [])
    assert capsys.readouterr().out == ""


class TestWaiting:
    def test_has_an_end(self):
        with pytest.raises(LocalError, match="waited 0 s for the stack"):
            _wait(ENGINE, lambda: None, "stack", 0.2)

    def test_ends_with_the_engine(self):
        def check():
            raise LocalError("the engine has crashed")

        with pytest.raises(LocalError, match="has crashed"):
            _wait(SimpleNamespace(check=check), lambda: None, "stack", 60)

    def test_an_engine_that_does_not_answer_is_said(self):
        def look():
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")

        with pytest.raises(LocalError, match="while waiting for the stack: Could not connect"):
            _wait(ENGINE, look, "stack", 60)
