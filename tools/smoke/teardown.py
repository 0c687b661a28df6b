"""Remove what `make smoke` deployed, and nothing else: each part can be repeated."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tools.smoke import images
from tools.smoke.state import SmokeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tools.smoke.state import State
    from tools.smoke.targets import Target

TABLE, BUCKET, POOL = "AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::Cognito::UserPool"
_GONE = {"ResourceNotFoundException", "NoSuchBucket", "404", "NotFound"}
_SECONDS = 3600.0
"""The longest that jobs' stacks, or the bootstrap's, may take to go."""


def find_stack(target: Target, name: str) -> dict[str, Any] | None:
    """Return a stack by its name or ARN, None if there is none or it has been deleted."""
    try:
        stack: dict[str, Any] = target.client("cloudformation").describe_stacks(StackName=name)[
            "Stacks"
        ][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return None if stack["StackStatus"] == "DELETE_COMPLETE" else stack


def other_prefixes(target: Target, own: str) -> list[str]:
    """Return the prefixes of the other bootstraps that are deployed here."""
    pages = target.client("cloudformation").get_paginator("describe_stacks").paginate()
    found = []
    for stack in (stack for page in pages for stack in page["Stacks"]):
        outputs = {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", ())}
        if "JobsTableName" in outputs and stack["StackName"] != own and "RootId" not in stack:
            found.append(outputs["Prefix"])
    return found


def tear_down(target: Target, state: State, prefix: str, say: Callable[[str], None]) -> None:
    """Remove all rows, then the stack, then what it keeps and what was pushed.

    Raises
    ------
    SmokeError
        A job's stack, or the bootstrap's, does not go; the rest is left as it is.
    """
    stack = find_stack(target, state.stack_id) if state.stack_id else None
    if stack is not None:
        outputs = {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", ())}
        say("removing all rows, and waiting until the stacks of their jobs are deleted")
        _remove_rows(target, outputs["JobsTableName"], outputs["StacksTableName"])
        state.kept = _kept(target, stack["StackId"])
        state.kept += [[POOL, outputs[name]] for name in ("UserPoolId",) if name in outputs]
        state.save()
        say(f"deleting stack {prefix}")
        _delete_stack(target, stack["StackId"])
    for kind, name in state.kept:
        say(f"deleting {name}")
        _DELETE[kind](target, name)
    images.remove(target.client("ecr"), prefix)
    state.began, state.stack_id, state.kept = False, None, []
    state.save()


def _remove_rows(target: Target, jobs: str, stacks: str) -> None:
    table = target.client("dynamodb")
    for item in _items(table, jobs):
        table.delete_item(TableName=jobs, Key={"job_name": item["job_name"]})
    deadline = time.monotonic() + _SECONDS
    while left := _stacks_left(table, stacks):
        if time.monotonic() > deadline:
            message = f"stacks of jobs are not deleted: {', '.join(left)}; the bootstrap stays"
            raise SmokeError(message)
        time.sleep(2)


def _stacks_left(table: Any, stacks: str) -> list[str]:
    states = {i["job_name"]["S"]: i["status"]["S"] for i in _items(table, stacks) if "status" in i}
    # A row that was never valid has no stack.
    return [f"{name} ({status})" for name, status in states.items() if status != "DELETED"]


def _items(table: Any, name: str) -> Iterator[dict[str, Any]]:
    for page in table.get_paginator("scan").paginate(TableName=name, ConsistentRead=True):
        yield from page["Items"]


def _kept(target: Target, stack_id: str) -> list[list[str]]:
    pages = target.client("cloudformation").get_paginator("list_stack_resources")
    found = [
        [resource["ResourceType"], resource["PhysicalResourceId"]]
        for page in pages.paginate(StackName=stack_id)
        for resource in page["StackResourceSummaries"]
    ]
    return [each for each in found if each[0] in {TABLE, BUCKET}]


def _delete_stack(target: Target, stack_id: str) -> None:
    target.client("cloudformation").delete_stack(StackName=stack_id)
    deadline = time.monotonic() + _SECONDS
    while stack := find_stack(target, stack_id):
        if stack["StackStatus"] == "DELETE_FAILED" or time.monotonic() > deadline:
            reason = stack.get("StackStatusReason", "no reason")
            message = f"stack {stack['StackName']} is {stack['StackStatus']}: {reason}"
            raise SmokeError(message)
        time.sleep(2)


def _delete_table(target: Target, name: str) -> None:
    table = target.client("dynamodb")
    try:
        protected = table.describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled")
        if protected:
            table.update_table(TableName=name, DeletionProtectionEnabled=False)
        table.get_waiter("table_exists").wait(TableName=name)
        table.delete_table(TableName=name)
    except ClientError as error:
        _unless_gone(error)


def _delete_bucket(target: Target, name: str) -> None:
    s3 = target.client("s3")
    try:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
            found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
            if objects:
                s3.delete_objects(Bucket=name, Delete={"Objects": objects, "Quiet": True})
        s3.delete_bucket(Bucket=name)
    except ClientError as error:
        _unless_gone(error)


def _delete_pool(target: Target, name: str) -> None:
    try:
        target.client("cognito-idp").delete_user_pool(UserPoolId=name)
    except ClientError as error:
        _unless_gone(error)


_DELETE = {TABLE: _delete_table, BUCKET: _delete_bucket, POOL: _delete_pool}


def _unless_gone(error: ClientError) -> None:
    if error.response["Error"]["Code"] not in _GONE:
        raise error
