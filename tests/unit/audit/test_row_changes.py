"""What the audit shows of a change of a row, and what it hides."""

from __future__ import annotations

from decimal import Decimal

import pytest

from provisioner.audit.row_changes import ChangeKind, RowChange, row_changes

ADDED, CHANGED, REMOVED = ChangeKind
ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf"
OTHER_ARN = "arn:aws:ssm:eu-west-1:123456789012:parameter/db"

SECRETS = {
    "an ARN instead of another": (ARN, OTHER_ARN, RowChange("secrets.DB", CHANGED, ARN, OTHER_ARN)),
    "an ARN comes": (None, ARN, RowChange("secrets.DB", ADDED, None, ARN)),
    "an ARN goes": (ARN, None, RowChange("secrets.DB", REMOVED, ARN, None)),
    "a secret comes": (None, "hunter2", RowChange("secrets.DB", ADDED, hidden=True)),
    "a secret goes": ("hunter2", None, RowChange("secrets.DB", REMOVED, hidden=True)),
    "an ARN instead of a secret": ("hunter2", ARN, RowChange("secrets.DB", CHANGED, hidden=True)),
    "a secret instead of an ARN": (ARN, "hunter2", RowChange("secrets.DB", CHANGED, hidden=True)),
    "what is not a text": (ARN, [ARN], RowChange("secrets.DB", CHANGED, hidden=True)),
}


@pytest.mark.parametrize("values", [False, True], ids=["values hidden", "values shown"])
@pytest.mark.parametrize(("before", "after", "change"), SECRETS.values(), ids=SECRETS)
def test_of_secrets_everyone_sees_arns_and_nobody_anything_else(before, after, change, values):
    rows = [{} if each is None else {"secrets": {"DB": each}} for each in (before, after)]

    assert row_changes(*rows, values=values) == (change,)


FOR_SOME = {
    "an environment variable": ({"environment": {"A": "1"}}, "environment.A", "1"),
    "an environment without a variable": ({"environment": {}}, "environment", {}),
    "an environment that is a text": ({"environment": "A=1"}, "environment", "A=1"),
    "an attribute that no job has": ({"password": "1"}, "password", "1"),
    "a map that no job has": ({"passwords": {"A": "1"}}, "passwords", {"A": "1"}),
    "one whose name begins like a job's": ({"memory_mb.A": "1"}, "memory_mb.A", "1"),
}


@pytest.mark.parametrize(("row", "path", "value"), FOR_SOME.values(), ids=FOR_SOME)
def test_what_may_hold_a_secret_is_shown_only_with_values(row, path, value):
    assert row_changes(None, row, values=False) == (RowChange(path, ADDED, hidden=True),)
    assert row_changes(None, row, values=True) == (RowChange(path, ADDED, None, value),)


def test_an_attribute_of_a_job_is_one_change_even_if_it_is_a_map():
    before = {"memory_mb": Decimal(128), "tags": {"a": "1", "b": "2"}, "type": "lambda"}
    after = {"memory_mb": Decimal(256), "tags": {"a": "1"}, "type": "lambda"}

    assert row_changes(before, after, values=False) == (
        RowChange("memory_mb", CHANGED, Decimal(128), Decimal(256)),
        RowChange("tags", CHANGED, {"a": "1", "b": "2"}, {"a": "1"}),
    )


@pytest.mark.parametrize(
    ("path", "is_variable"),
    [("environment", True), ("environment.A", True), ("environments", False), ("type", False)],
)
def test_which_changes_are_of_environment_variables(path, is_variable):
    assert RowChange(path, CHANGED).is_variable is is_variable


LINES = {
    "texts as they are": (RowChange("p", CHANGED, "a b", "é"), ("a b", "é")),
    "nothing for what is absent": (RowChange("p", ADDED, None, ""), ("", "")),
    "JSON": (RowChange("p", CHANGED, 1, {"b": "é", "a": [True]}), ("1", '{"a": [true], "b": "é"}')),
    "sets in order": (RowChange("p", CHANGED, {"b", "a"}, frozenset("c")), ('["a", "b"]', '["c"]')),
    "bytes": (RowChange("p", CHANGED, b"a", [b"b"]), ('"…"', '["…"]')),
    "hidden, added": (RowChange("p", ADDED, hidden=True), ("", "…")),
    "hidden, changed": (RowChange("p", CHANGED, hidden=True), ("…", "…")),
    "hidden, removed": (RowChange("p", REMOVED, hidden=True), ("…", "")),
}


@pytest.mark.parametrize(("change", "line"), LINES.values(), ids=LINES)
def test_both_values_in_a_line(change, line):
    assert change.in_a_line == line
