"""Requests of updates."""

from __future__ import annotations

from provisioner.aws.updates import assignments, names, update

KEY = {"job_name": "report", "trigger_id": "#lock"}


def test_an_update_has_the_names_and_values_of_its_expressions():
    request = update("T", KEY, "SET #status = :free", "#owner = :me", free="FREE", me="run-1")

    assert request == {
        "TableName": "T",
        "Key": {"job_name": {"S": "report"}, "trigger_id": {"S": "#lock"}},
        "UpdateExpression": "SET #status = :free",
        "ConditionExpression": "#owner = :me",
        "ExpressionAttributeNames": {"#owner": "owner", "#status": "status"},
        "ExpressionAttributeValues": {":free": {"S": "FREE"}, ":me": {"S": "run-1"}},
    }


def test_what_is_empty_is_left_out_as_dynamodb_wants_it():
    assert update("T", KEY, "REMOVE waiting").keys() == {"TableName", "Key", "UpdateExpression"}
    assert names("trigger_id, cause") == {}


def test_assignments():
    assert assignments({"status": "x", "cause": "y"}) == "#status = :status, #cause = :cause"
