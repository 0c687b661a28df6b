"""What a container leaves as its result, by the workflow's own definition."""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

import boto3
import pytest

from tests.functional.workflow.test_workflow import CONTAINER, PLATFORM, machine, only_run, table

__all__ = ["table"]

DONE = {"Containers": [{"Name": "job", "ExitCode": 0}], "TaskArn": "arn:task"}
PLAIN = {"exit_code": 0, "task_arn": "arn:task"}


def variables(arguments):
    (container,) = arguments["Overrides"]["ContainerOverrides"]
    return {each["Name"]: each["Value"] for each in container["Environment"]}


def run(left, **row):
    """Run a container that leaves a text as its result; None leaves nothing."""

    def work(arguments):
        if left is not None:
            uri = variables(arguments)["RESULT_URI"]
            bucket, _, key = uri.removeprefix("s3://").partition("/")
            boto3.client("s3", "eu-west-1").put_object(Bucket=bucket, Key=key, Body=left.encode())
        return DONE

    return machine(CONTAINER, work, result=True, **row).run("first", {})


RESULTS = {
    "an object": ('{"rows": 3}', {"rows": 3}),
    "a number": ("3", 3),
    "a list of one": ("[3]", [3]),
    "nothing": (None, PLAIN),
    "no JSON": ("3 rows", PLAIN | {"result": "not read: States.QueryEvaluationError"}),
    "more than ASCII": ('{"name": "Zoë"}', {"name": "Zoë"}),
}


@pytest.mark.parametrize(("left", "output"), RESULTS.values(), ids=RESULTS)
def test_it_is_the_output_of_the_run(table, left, output):
    execution = run(left)

    assert execution.states[-3:] == ["Run", "ReadResult", "Record"]
    assert execution.status == "SUCCEEDED"
    assert json.loads(only_run(table)["output"]) == output


def test_a_large_one_is_recorded_by_its_address(table):
    run(json.dumps("x" * 50_000))

    bucket = PLATFORM.artifacts_bucket
    key = "results/nightly/2026-11-21T09-00-00.000Z-first.json"
    assert only_run(table)["output"] == f"s3://{bucket}/{key}"


NAMES = {
    "a name": "first",
    "a message's": "queue-0b8f6f9e-4a9b",
    "dots": "..",
    "all that Step Functions allows": "a@b=c+d'(e)!é日",
    "the longest": "x" * 80,
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize(
    "waited", [None, "2026-11-21T08:00:00.000Z#a/../b#c?d"], ids=["", "waited"]
)
@pytest.mark.usefixtures("table")
def test_addresses_are_uris(name, waited):
    seen = []

    def work(arguments):
        seen.append(variables(arguments)["RESULT_URI"])
        return DONE

    metadata = {"waited": waited} if waited else {}
    machine(CONTAINER, work, result=True).run(name, {"_run": metadata})

    [uri] = seen
    read = urlsplit(uri)
    assert re.fullmatch(r"s3://[a-z0-9-]+/[A-Za-z0-9/_.-]+", uri)
    assert f"s3://{read.netloc}{read.path}" == uri
    assert len(read.path.split("/")) == 4


@pytest.mark.usefixtures("table")
def test_runs_of_different_names_have_different_addresses():
    seen = []

    def work(arguments):
        seen.append(variables(arguments)["RESULT_URI"])
        return DONE

    names = ["a", "a+", "a=", "a-", "b"]
    for name in names:
        machine(CONTAINER, work, result=True, overlap="allow").run(name, {})

    assert len(set(seen)) == len(names)


def test_a_job_without_one_has_neither_the_state_nor_the_variable(table):
    seen = []

    def work(arguments):
        seen.append(variables(arguments))
        return DONE

    execution = machine(CONTAINER, work).run("first", {})

    assert execution.states == ["Prepare", "Admit", "Run", "Record"]
    assert "RESULT_URI" not in seen[0]
    assert json.loads(only_run(table)["output"]) == PLAIN
