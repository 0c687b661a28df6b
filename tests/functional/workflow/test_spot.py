"""Runs on Spot capacity: what it takes back or does not have, and what comes of it."""

from __future__ import annotations

import json

import boto3
import pytest

import templates
from tests.functional.step_functions import TaskError
from tests.functional.workflow.test_failure_rules import ENDS, exits
from tests.functional.workflow.test_workflow import (
    CONTAINER,
    free,
    machine,
    only_run,
    table,
)
from tests.support.generated_rows import job_of
from tests.support.platforms import PLATFORM

__all__ = ["table"]

JOB = {"Name": "job", "ExitCode": 0}
DONE = {"TaskArn": "arn:task", "Containers": [JOB], "StopCode": "EssentialContainerExited"}
TIDY = {**DONE, "StopCode": "SpotInterruption", "StoppedReason": "Your Spot Task was interrupted."}
LOST = {
    "interrupted": (ENDS["a spot interruption"], 1),
    "interrupted, and ends tidily": (ENDS["a spot interruption of one that ends tidily"], 1),
    "interrupted, which Step Functions takes for a success": (TIDY, 1),
    "no capacity when it is placed": (ENDS["no room"], 0),
    "no capacity when it is started": (ENDS["no room when it is started"], 0),
    "no capacity provider yet": (ENDS["a capacity provider that is not there yet"], 0),
}
"""How an attempt ends, and how many interruptions that are."""


class Tasks:
    """Tasks that end one after the other as the test says, and what each was started on."""

    def __init__(self, *ends):
        self.ends = list(ends)
        self.started_on = []

    def __call__(self, arguments):
        [strategy] = arguments["CapacityProviderStrategy"]
        assert "LaunchType" not in arguments
        self.started_on.append(strategy["CapacityProvider"])
        end = self.ends.pop(0)
        if isinstance(end, TaskError):
            raise end
        return end


@pytest.mark.parametrize(("end", "interruptions"), LOST.values(), ids=LOST)
def test_what_spot_loses_starts_again_on_demand_at_once(table, end, interruptions):
    tasks = Tasks(end, DONE)
    steps = machine(CONTAINER, tasks, spot="prefer")
    before = steps.now

    execution = steps.run("first", {})

    run = only_run(table)
    assert (run["status"], run["attempts"], run["capacity_type"]) == ("SUCCEEDED", 2, "on_demand")
    assert run["spot_interruptions"] == interruptions
    assert tasks.started_on == ["FARGATE_SPOT", "FARGATE"]
    assert "OnDemand" in execution.states
    assert "WaitBeforeRetry" not in execution.states
    assert (steps.now - before).total_seconds() < 2
    assert free(table)


def test_what_goes_well_on_spot_stays_there(table):
    tasks = Tasks(DONE)

    machine(CONTAINER, tasks, spot="prefer").run("first", {})

    run = only_run(table)
    assert (run["status"], run["attempts"], run["capacity_type"]) == ("SUCCEEDED", 1, "spot")
    assert (run["spot_interruptions"], run["exit_code"]) == (0, 0)


def test_the_jobs_own_failures_use_retries_and_stay_on_spot(table):
    tasks = Tasks(exits(1), exits(1), DONE)

    machine(CONTAINER, tasks, spot="prefer", retries=1).run("first", {})

    run = only_run(table)
    assert (run["status"], run["error"], run["attempts"]) == ("FAILED", "ContainerFailed", 2)
    assert tasks.started_on == ["FARGATE_SPOT"] * 2


def test_an_interruption_leaves_all_retries(table):
    tasks = Tasks(exits(1), TIDY, exits(1), exits(1), DONE)

    machine(CONTAINER, tasks, spot="prefer", retries=2).run("first", {})

    run = only_run(table)
    assert (run["status"], run["attempts"], run["spot_interruptions"]) == ("FAILED", 4, 1)
    assert tasks.started_on == ["FARGATE_SPOT"] * 2 + ["FARGATE"] * 2


def test_a_task_that_a_person_stops_does_not_start_again(table):
    tasks = Tasks(ENDS["stopped by a person"], DONE)

    machine(CONTAINER, tasks, spot="prefer").run("first", {})

    run = only_run(table)
    assert (run["status"], run["error"], run["attempts"]) == ("FAILED", "Stopped", 1)


class TestOnly:
    def test_rules_say_what_an_interruption_leads_to(self, table):
        tasks = Tasks(TIDY, TIDY, DONE)
        rules = [{"action": "retry", "errors": ["SpotInterruption"]}]

        machine(CONTAINER, tasks, spot="only", retries=1, failure_rules=rules).run("first", {})

        run = only_run(table)
        assert (run["status"], run["error"]) == ("FAILED", "SpotInterruption")
        assert (run["attempts"], run["spot_interruptions"]) == (2, 2)
        assert (run["capacity_type"], tasks.started_on) == ("spot", ["FARGATE_SPOT"] * 2)

    def test_missing_capacity_is_waited_for_longer_each_time(self, table):
        tasks = Tasks(*[ENDS["no room when it is started"]] * 3, DONE)
        steps = machine(CONTAINER, tasks, spot="only")
        before = steps.now

        execution = steps.run("first", {})

        run = only_run(table)
        assert (run["status"], run["attempts"], run["spot_interruptions"]) == ("SUCCEEDED", 4, 0)
        assert execution.states.count("WaitBeforeRetry") == 3
        assert 50 < (steps.now - before).total_seconds() < 120

    def test_capacity_that_never_comes_is_a_failure(self, table):
        tasks = Tasks(*[ENDS["no room when it is started"]] * 9)

        machine(CONTAINER, tasks, spot="only").run("first", {})

        run = only_run(table)
        assert (run["status"], run["error"], run["attempts"]) == (
            "FAILED",
            "InsufficientCapacity",
            7,
        )


def test_capacity_that_is_missing_on_demand_is_waited_for_too(table):
    tasks = Tasks(*[ENDS["no room when it is started"]] * 3, DONE)

    machine(CONTAINER, tasks, spot="prefer").run("first", {})

    run = only_run(table)
    assert (run["status"], run["attempts"]) == ("SUCCEEDED", 4)
    assert tasks.started_on == ["FARGATE_SPOT"] + ["FARGATE"] * 3


def test_each_item_has_its_own_capacity(table):
    tasks = Tasks(TIDY, DONE, DONE)

    execution = machine(CONTAINER, tasks, spot="prefer", fan_out={}).run(
        "first", {"items": ["a", "b"]}
    )

    assert tasks.started_on == ["FARGATE_SPOT", "FARGATE", "FARGATE_SPOT"]
    results = [result(execution, index) for index in range(2)]
    assert [(each["capacity_type"], each["spot_interruptions"]) for each in results] == [
        ("on_demand", 1),
        ("spot", 0),
    ]
    assert only_run(table)["status"] == "SUCCEEDED"


def result(execution, index):
    place = execution.output["results"].removeprefix("s3://").split("/", 1)
    body = boto3.client("s3", region_name="eu-west-1").get_object(
        Bucket=place[0], Key=f"{place[1]}succeeded/{index}.json"
    )
    return json.loads(body["Body"].read())


def test_a_container_is_given_all_the_time_that_spot_gives():
    def stop_timeouts(spot):
        template = templates.build(job_of(CONTAINER | {"spot": spot}), PLATFORM).to_dict()
        [task] = [r for r in template["Resources"].values() if "TaskDef" in r["Type"]]
        return [c.get("StopTimeout") for c in task["Properties"]["ContainerDefinitions"]]

    assert [stop_timeouts(spot) for spot in ("never", "prefer", "only")] == [[None], [120], [120]]
