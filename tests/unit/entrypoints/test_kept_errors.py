"""No error is lost: what is caught whole is logged with what it is about, or handed on."""

from __future__ import annotations

import ast
import random
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from provisioner.aws.stack_items import entry_of
from provisioner.entrypoints import notify, reconciling
from provisioner.entrypoints.function import send_to_dead_letter_queue
from provisioner.entrypoints.metrics import Count
from provisioner.entrypoints.wiring import Runtime
from provisioner.errors import PermanentError, TemporaryError, attempt_each
from provisioner.events import ReconcileRequest
from provisioner.jobs import guarded
from tests.simulation.faults import NoClients
from tests.support.functions import Context, Unavailable, having
from tests.support.platforms import SETTINGS

ROOT = Path(__file__).parents[3]
MODULES = sorted(path for path in (ROOT / "provisioner").rglob("*.py") if "local" not in path.parts)
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
RUN = f"{NOW:%FT%T}.000Z#run-1"


_REPORTING = {"self.report", "self._failed", "self._broken"}


def handlers(tree):
    """Yield the handlers of any error whatever."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and ast.unparse(node.type or node) == "Exception":
            yield node


def is_kept(handler):
    """Tell whether a handler raises, logs, reports or uses the error that it has caught."""
    names = {node.id for node in ast.walk(handler) if isinstance(node, ast.Name)}
    raises = any(isinstance(node, ast.Raise) for node in ast.walk(handler))
    reports = any(
        isinstance(node, ast.Call) and ast.unparse(node.func) in _REPORTING
        for node in ast.walk(handler)
    )
    return raises or reports or handler.name in names or bool(names & {"logger", "_log"})


def test_whoever_catches_any_error_does_something_with_it():
    found = {
        f"{path.relative_to(ROOT)}:{handler.lineno}": is_kept(handler)
        for path in MODULES
        for handler in handlers(ast.parse(path.read_text()))
    }

    assert len(found) > 25
    assert [place for place, kept in found.items() if not kept] == []


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("pass", False),
        ("return ''", False),
        ("raise", True),
        ("failed = error", True),
        ("logger.exception('x')", True),
    ],
)
def test_the_check_finds_what_is_lost(text, kept):
    tree = ast.parse(f"try:\n  f()\nexcept Exception as error:\n  {text}")

    assert [is_kept(handler) for handler in handlers(tree)] == [kept]


class Counted(Counter):
    """The metrics of an invocation."""

    def count(self, what, times=1):
        self[what] += times

    def publish(self):
        pass


class Waiting:
    """One run that waits, and cannot be noted as alerted."""

    def queued(self, **_):
        return [{"job_name": "report", "trigger_id": RUN, "queued_at": "x"}]


def record():
    image = {"status": {"S": "FAILED"}, "started_at": {"S": RUN.partition("#")[0]}}
    keys = {"job_name": {"S": "report"}, "trigger_id": {"S": RUN}}
    arn = f"arn:aws:dynamodb:eu-west-1:1:table/{SETTINGS.platform.triggers_table}/stream/x"
    return {
        "eventName": "MODIFY",
        "eventSourceARN": arn,
        "dynamodb": {"Keys": keys, "NewImage": image, "SequenceNumber": "1"},
    }


RECEIVED = {"receiptHandle": "handle", "messageId": "id-1"}
ERROR = PermanentError("no state machine")
CASES = {
    "sending a dead letter": (
        lambda each: send_to_dead_letter_queue(each, "{}", ERROR, "notify", "report"),
        {"source": "notify", "reason": "no state machine"},
    ),
    "reading rows": (
        lambda each: notify.handler({"Records": [record()]}, Context(), each),
        {"job_names": ["report"]},
    ),
    "queueing jobs for later": (
        lambda each: reconciling.queued_for_later(each, iter(["report"])),
        {"job_names": ["report"]},
    ),
    "taking messages out": (
        lambda each: reconciling.forget(each, [RECEIVED]),
        {"message_ids": ["id-1"]},
    ),
    "removing results of builds": (lambda each: reconciling.remove_old_code(each, "report"), {}),
    "detecting drift": (lambda each: reconciling.drift_error(each, "report"), {}),
    "queueing a job": (
        lambda each: reconciling.queued_again(each, ReconcileRequest("report")),
        {},
    ),
}


@pytest.mark.parametrize(("act", "said"), CASES.values(), ids=CASES)
def test_what_fails_is_logged_with_what_it_is_about_and_counted(caplog, act, said):
    metrics = Counted()
    names = (
        "dead_letters",
        "jobs",
        "reconcile_queue",
        "stacks",
        "ports",
        "built_images",
        "built_archives",
    )
    adapters = {name: Unavailable() for name in names}
    runtime = having(
        Runtime(SETTINGS, NoClients(), lambda: NOW, random.Random(0)), metrics=metrics, **adapters
    )

    act(runtime)

    [line] = [each for each in caplog.records if each.exc_info]
    assert said.items() <= vars(line).items()
    assert metrics[Count.RECONCILE_ERRORS] == 1


def test_of_several_errors_none_is_lost():
    def fails(error):
        raise error

    with pytest.raises(TemporaryError) as raised:
        attempt_each([PermanentError("a"), TemporaryError("b"), PermanentError("c")], fails)

    assert raised.value.__notes__ == [
        "besides, PermanentError('a')",
        "besides, PermanentError('c')",
    ]


def test_an_attribute_that_a_list_leaves_out_is_logged(caplog):
    entry = entry_of({"job_name": "report", "updated_at": "yesterday"})

    assert entry.updated_at is None
    assert "updated_at of report cannot be read" in caplog.text


def test_a_row_without_a_digest_is_logged_without_its_values(caplog):
    row = {"job_name": "report", "environment": {"TOKEN": "x", 1: "y"}}

    assert guarded.row_digest(row, guarded.parse(row)) == ""

    assert "the row of report has no digest: TypeError" in caplog.text
