"""Stacks and rows that people change, delete, import or leave behind.

The statuses are read off the stacks' own events.
"""

from __future__ import annotations

import json

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.together]

CREATED = ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
UPDATED = ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"]
DELETED = ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
REVIEWED = ["REVIEW_IN_PROGRESS"]
IMPORTED = ["IMPORT_IN_PROGRESS", "IMPORT_COMPLETE"]
NOT_IMPORTED = [
    "IMPORT_IN_PROGRESS",
    "IMPORT_ROLLBACK_IN_PROGRESS",
    "IMPORT_ROLLBACK_COMPLETE",
]

BY_HAND = {
    "Resources": {
        "Parameter": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "x"}}
    }
}
"""A template that is nobody's job."""


def ready(engine, name, memory_mb=128, **changes):
    """Write a job's row and wait until its stack is what the row says."""
    engine.put(engine.lambda_row(name, memory_mb=memory_mb, **changes))
    return engine.wait_for(
        name, "READY", in_sync=True, until=lambda: engine.function_memory_mb(name) == memory_mb
    )


def failed(engine, name, memory_mb=128):
    """Write a job's row and wait until its very spec has FAILED."""
    before = engine.record(name).get("spec_digest")
    engine.put(engine.lambda_row(name, memory_mb=memory_mb))
    return engine.wait_for(
        name, "FAILED", until=lambda: engine.record(name)["spec_digest"] != before
    )


def gone(engine, name):
    """Delete a job's row and wait for its stack's end."""
    engine.delete(name)
    return engine.wait_for(name, "DELETED")


def path(engine, stack_id):
    """Return a stack's statuses without the repetitions of one operation.

    A doomed operation that ends before it is written down that it was made is made once more. Only
    the engine is as fast as that.
    """
    statuses = engine.statuses(stack_id)
    for length in range(2, 6):
        for start in range(len(statuses), -1, -1):
            end = start + length
            if statuses[start:end] == statuses[end : end + length]:
                del statuses[start:end]
    return statuses


def test_created_updated_deleted(engine):
    name = engine.unique("plain")
    stack_id = ready(engine, name)["stack_id"]
    ready(engine, name, 256)
    gone(engine, name)

    assert path(engine, stack_id) == CREATED + UPDATED + DELETED


def test_a_change_set_nobody_executed_makes_way(engine):
    name = engine.unique("review")
    made = engine.client("cloudformation").create_change_set(
        StackName=f"jobs-{name}",
        ChangeSetName="by-hand",
        ChangeSetType="CREATE",
        TemplateBody=json.dumps(BY_HAND),
    )

    stack_id = ready(engine, name)["stack_id"]

    assert engine.statuses(made["StackId"]) == REVIEWED + DELETED
    assert engine.statuses(stack_id) == CREATED


def test_a_stack_deleted_by_hand_is_made_again(engine):
    name = engine.unique("byhand")
    stack_id = ready(engine, name)["stack_id"]

    engine.client("cloudformation").delete_stack(StackName=stack_id)

    row = engine.wait_for(name, "READY", until=lambda: engine.record(name)["stack_id"] != stack_id)
    assert engine.statuses(stack_id) == CREATED + DELETED
    assert engine.statuses(row["stack_id"]) == CREATED


def test_a_stack_changed_by_hand_is_updated_back(engine):
    name = engine.unique("changed")
    row = ready(engine, name)

    engine.client("cloudformation").update_stack(
        StackName=row["stack_id"],
        UsePreviousTemplate=True,
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[
            {"ParameterKey": "SpecDigest", "ParameterValue": "0" * 64},
            {"ParameterKey": "DeletionPolicy", "UsePreviousValue": True},
            {"ParameterKey": "TemplateVersion", "UsePreviousValue": True},
        ],
    )

    expected = CREATED + UPDATED + UPDATED
    engine.wait(lambda: engine.statuses(row["stack_id"]) == expected, "the update back")
    back = engine.wait_for(name, "READY", in_sync=True)
    assert back["deployed_digest"] == row["deployed_digest"]


@pytest.mark.parametrize("owner", [None, "others"])
def test_a_stack_of_our_name_that_is_not_ours_is_never_touched(engine, owner):
    name = engine.unique("foreign")
    tags = [{"Key": "provisioner", "Value": owner}] if owner else []
    foreign = engine.client("cloudformation").create_stack(
        StackName=f"jobs-{name}", TemplateBody=json.dumps(BY_HAND), Tags=tags
    )["StackId"]

    reason = failed(engine, name)["failure"]["reason"]
    assert foreign in reason
    assert (owner or "not ours") in reason
    failed(engine, name, 256)
    engine.delete(name)
    engine.wait_for(name, "DELETED")
    assert engine.statuses(foreign) == CREATED

    failed(engine, name)
    engine.client("cloudformation").delete_stack(StackName=foreign)
    engine.wait_for(name, "READY")


def test_a_retained_stack_is_adopted_when_its_row_returns(engine):
    name = engine.unique("retain")
    before = ready(engine, name, deletion_policy="retain")
    engine.delete(name)
    engine.wait_for(name, "RETAINED")

    again = ready(engine, name, deletion_policy="retain")
    assert again["stack_id"] == before["stack_id"]
    assert engine.statuses(before["stack_id"]) == CREATED

    ready(engine, name, 256)
    gone(engine, name)
    assert engine.statuses(before["stack_id"]) == CREATED + UPDATED + DELETED


def test_imports_by_hand_are_taken_for_what_they_are(engine):
    name = engine.unique("import")
    stack_id = ready(engine, name)["stack_id"]

    import_parameter(engine, stack_id, name)
    engine.wait(lambda: engine.stack(name)["StackStatus"] == "IMPORT_COMPLETE", "the import")
    ready(engine, name, 256)
    import_parameter(engine, stack_id, name, is_there=False)
    engine.wait(
        lambda: engine.stack(name)["StackStatus"] == "IMPORT_ROLLBACK_COMPLETE", "its rollback"
    )
    ready(engine, name, 512)

    assert engine.statuses(stack_id) == CREATED + IMPORTED + UPDATED + NOT_IMPORTED + UPDATED


def import_parameter(engine, stack_id, name, *, is_there=True):
    """Import a parameter into a stack as a person would; one that is gone by then fails."""
    cloudformation, parameters = engine.client("cloudformation"), engine.client("ssm")
    body = cloudformation.get_template(StackName=stack_id)["TemplateBody"]
    template = json.loads(body) if isinstance(body, str) else json.loads(json.dumps(body))
    template["Resources"]["Imported"] = BY_HAND["Resources"]["Parameter"] | {
        "DeletionPolicy": "Retain",
        "Properties": {"Name": f"/by-hand/{name}", "Type": "String", "Value": "x"},
    }
    parameters.put_parameter(Name=f"/by-hand/{name}", Type="String", Value="x", Overwrite=True)
    made = cloudformation.create_change_set(
        StackName=stack_id,
        ChangeSetName=engine.unique("import"),
        ChangeSetType="IMPORT",
        TemplateBody=json.dumps(template),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[
            {"ParameterKey": key, "UsePreviousValue": True} for key in template["Parameters"]
        ],
        ResourcesToImport=[
            {
                "ResourceType": "AWS::SSM::Parameter",
                "LogicalResourceId": "Imported",
                "ResourceIdentifier": {"Name": f"/by-hand/{name}"},
            }
        ],
    )
    if not is_there:
        parameters.delete_parameter(Name=f"/by-hand/{name}")
    cloudformation.execute_change_set(ChangeSetName=made["Id"])
