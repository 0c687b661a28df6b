"""Runs on machines of their own, by the workflow's own definition."""

from __future__ import annotations

import base64
import json
import re

import boto3
import pytest

from tests.functional.step_functions import TaskError
from tests.functional.workflow.test_workflow import CONTAINER, free, machine, only_run, table
from tests.support.platforms import PLATFORM

__all__ = ["table"]

ROW = CONTAINER | {"type": "ec2", "instance_type": ["m7g.large", "c7g.large"]}
SUCCESS = {"exit_code": 0, "instance_id": "i-1"}
TYPES, SUBNETS = ROW["instance_type"], list(PLATFORM.subnets)

# As EC2's API Reference has the messages of its errors, and Step Functions' SDK the rest.
_SERVICE = "(Service: Ec2, Status Code: 500, Request ID: 0b8f)"
INSUFFICIENT_CAPACITY = [
    TaskError("Ec2.Ec2Exception", f"{message} {_SERVICE}")
    for message in (
        "We currently do not have sufficient m7g.large capacity in the Availability Zone you "
        "requested (eu-west-1a).",
        "There is no Spot capacity available that matches your request.",
        "Your requested instance type (m7g.large) is not supported in your requested Availability "
        "Zone (eu-west-1c).",
        "You have requested more vCPU capacity than your current vCPU limit of 5 allows.",
        "Max spot instance count exceeded",
    )
]
REFUSED = TaskError("Ec2.Ec2Exception", f"You are not authorized to perform this. {_SERVICE}")
NEW = TaskError(
    "Ec2.Ec2Exception", f"Value (arn:x) is invalid. Invalid IAM Instance Profile ARN {_SERVICE}"
)
THROTTLED = TaskError("Ec2.Ec2Exception", f"Request limit exceeded. {_SERVICE}")
FAILED = TaskError("ContainerFailed", "Exit code 3 on i-1")
LOST = TaskError("States.HeartbeatTimeout")
INTERRUPTED = TaskError("SpotInterruption", "EC2 took the Spot instance back")


class Launches:
    """What the workflow asks of EC2: each launch ends as is said, the last one for ever."""

    def __init__(self, *ends):
        self.ends = list(ends)
        self.launched = []
        self.terminated = []

    def __call__(self, arguments):
        self.launched.append(arguments)
        end = self.ends.pop(0) if len(self.ends) > 1 else self.ends[0]
        if isinstance(end, Exception):
            raise end
        return end

    def ec2(self, action, arguments):
        if action == "describeInstances":
            [asked] = arguments["Filters"]
            tokens = [each["ClientToken"] for each in self.launched]
            assert asked["Name"] == "client-token"
            found = [f"i-{tokens.index(one) + 1}" for one in asked["Values"] if one in tokens]
            return {"Reservations": [{"Instances": [{"InstanceId": one}]} for one in found]}
        self.terminated += arguments["InstanceIds"]
        return {}

    @property
    def places(self):
        return [
            (each["InstanceType"], each["NetworkInterfaces"][0]["SubnetId"])
            for each in self.launched
        ]

    @property
    def markets(self):
        return ["spot" if "InstanceMarketOptions" in each else "-" for each in self.launched]


STREAM = "job/2026-11-21T09-00-00.000Z-first"


def ran(launches, given=None, **row):
    workflow = machine(ROW, launches, **row)
    workflow.ec2 = launches.ec2
    return workflow.run("first", given or {})


def handed():
    """Return what the machine was handed, by the address in its user data."""
    s3 = boto3.client("s3", region_name="eu-west-1")
    [found] = s3.list_objects_v2(Bucket=PLATFORM.artifacts_bucket, Prefix="machines/")["Contents"]
    body = s3.get_object(Bucket=PLATFORM.artifacts_bucket, Key=found["Key"])["Body"].read()
    return found["Key"], json.loads(body)


def test_a_plain_run(table):
    launches = Launches(SUCCESS)
    execution = ran(launches)

    assert execution.states == ["Prepare", "Admit", "Hand", "Run", "Record"]
    assert execution.output == SUCCESS
    run = only_run(table)
    assert (run["status"], run["exit_code"], run["attempts"]) == ("SUCCEEDED", 0, 1)
    assert free(table)
    assert launches.places == [(TYPES[0], SUBNETS[0])]
    assert launches.terminated == []


@pytest.mark.parametrize("end", [SUCCESS, FAILED], ids=["well", "badly"])
def test_the_row_says_where_a_machine_logs_before_there_is_one(table, end):
    launches, seen = Launches(end), []

    def launch(arguments):
        seen.append(only_run(table)["log_stream"])
        return launches(arguments)

    workflow = machine(ROW, launch)
    workflow.ec2 = launches.ec2
    workflow.run("first", {})

    assert {*seen, only_run(table)["log_stream"]} == {STREAM}


@pytest.mark.usefixtures("table")
def test_the_machine_is_tagged_and_is_the_network_s():
    launches = Launches(SUCCESS)
    ran(launches, tags={"team": "a"})

    [launched] = launches.launched
    assert launched["LaunchTemplate"]["LaunchTemplateId"] == "<LaunchTemplate>"
    assert launched["NetworkInterfaces"][0]["Groups"] == ["<SecurityGroup.GroupId>"]
    tags = {
        each["ResourceType"]: {tag["Key"]: tag["Value"] for tag in each["Tags"]}
        for each in launched["TagSpecifications"]
    }
    assert tags["instance"] == tags["volume"] | {
        "provisioner:run": "first",
        "provisioner:deadline": "2026-11-22T09:00:00.100Z",
    }
    own = {"team": "a", "Name": "jobs-nightly", "provisioner": "jobs", "job": "nightly"}
    assert tags["volume"] == own


@pytest.mark.usefixtures("table")
def test_user_data_hold_the_program_and_nothing_of_the_run():
    launches = Launches(SUCCESS)
    ran(
        launches,
        {"password": "hunter2"},
        environment={"LEVEL": "de{% bug"},
        secrets={"DB": "arn:aws:ssm:eu-west-1:123456789012:parameter/jobs/db"},
        heartbeat_seconds=30,
    )

    text = base64.b64decode(launches.launched[0]["UserData"]).decode()
    assert len(text) < 16_384 - 4_096
    assert text.startswith("#!/usr/bin/env python3\n")
    compile(text, "user data", "exec")
    assert not re.search("hunter2|bug|jobs/db|example.com", text)
    given = json.loads(text.rpartition("main(")[2].rstrip()[:-1])
    key, job = handed()
    assert given == {
        "token": "task-token",
        "bucket": PLATFORM.artifacts_bucket,
        "key": key,
        "deadline": 1_795_338_001,
        "heartbeat": 30,
        "spot": 0,
    }
    assert job == {
        "image": "example.com/app:1",
        "command": [],
        "environment": {
            "LEVEL": "de{% bug",
            "JOB_NAME": "nightly",
            "PAYLOAD": '{"password":"hunter2"}',
            "TRIGGER_ID": "2026-11-21T09:00:00.000Z#first",
        },
        "secrets": {"DB": "arn:aws:ssm:eu-west-1:123456789012:parameter/jobs/db"},
        "log_group": "/jobs/nightly",
        "log_stream": STREAM,
        "gpus": False,
    }


@pytest.mark.usefixtures("table")
def test_a_run_may_override_what_the_row_allows():
    overrides = {"command": ["run", "fast"], "environment": {"N": 5, "LEVEL": "info"}}
    row = {"allow_overrides": ["command", "environment"], "environment": {"LEVEL": "debug"}}
    ran(Launches(SUCCESS), {"_run": {"overrides": overrides}}, **row)

    _, job = handed()
    assert job["command"] == ["run", "fast"]
    assert (job["environment"]["N"], job["environment"]["LEVEL"]) == ("5", "info")


@pytest.mark.parametrize("error", INSUFFICIENT_CAPACITY, ids=lambda error: error.cause[:30])
def test_no_capacity_leads_to_the_next_place_at_once(table, error):
    launches = Launches(error, error, error, SUCCESS)
    execution = ran(launches)

    places = [(TYPES[0], SUBNETS[0]), (TYPES[0], SUBNETS[1])]
    assert launches.places == [*places, (TYPES[1], SUBNETS[0]), (TYPES[1], SUBNETS[1])]
    assert len({each["ClientToken"] for each in launches.launched}) == 4
    assert "WaitBeforeRetry" not in execution.states
    assert only_run(table)["attempts"] == 1


def test_no_capacity_anywhere_is_tried_six_times_more(table):
    launches = Launches(INSUFFICIENT_CAPACITY[0])
    ran(launches)

    assert len(launches.launched) == 7 * 4
    assert len({each["ClientToken"] for each in launches.launched}) == 7 * 4
    run = only_run(table)
    assert (run["status"], run["error"]) == ("FAILED", "InsufficientCapacity")
    assert launches.terminated == []


@pytest.mark.parametrize(
    ("ends", "error", "attempts"),
    [
        ((REFUSED,), "LaunchFailed", 1),
        ((THROTTLED,), "RequestLimitExceeded", 7),
        ((NEW,), "InstanceProfileNotReady", 7),
    ],
    ids=["refused", "throttled", "a new profile"],
)
def test_a_launch_that_ec2_refuses(table, ends, error, attempts):
    ran(Launches(*ends))
    run = only_run(table)
    assert (run["status"], run["error"], run["attempts"]) == ("FAILED", error, attempts)


@pytest.mark.usefixtures("table")
def test_spot_is_tried_everywhere_before_on_demand():
    launches = Launches(*[INSUFFICIENT_CAPACITY[1]] * 4, SUCCESS)
    ran(launches, spot="prefer")
    assert launches.markets == ["spot"] * 4 + ["-"]
    assert launches.places[4] == launches.places[0]


@pytest.mark.usefixtures("table")
def test_spot_only_is_never_on_demand():
    launches = Launches(INSUFFICIENT_CAPACITY[1])
    ran(launches, spot="only")
    assert set(launches.markets) == {"spot"}


def test_an_interruption_starts_again_on_demand_and_uses_up_no_retry(table):
    launches = Launches(INTERRUPTED, SUCCESS)
    ran(launches, spot="prefer")
    assert launches.markets == ["spot", "-"]
    run = only_run(table)
    assert (run["status"], run["attempts"]) == ("SUCCEEDED", 2)


def test_an_interruption_of_spot_only_is_a_failure_for_the_rules(table):
    launches = Launches(INTERRUPTED, SUCCESS)
    ran(launches, spot="only")
    assert only_run(table)["error"] == "SpotInterruption"


WENT = {
    "on spot": ("prefer", [SUCCESS], ("spot", 0)),
    "on spot in the next place": ("prefer", [INSUFFICIENT_CAPACITY[1], SUCCESS], ("spot", 0)),
    "nowhere on spot": ("prefer", [*[INSUFFICIENT_CAPACITY[1]] * 4, SUCCESS], ("on_demand", 0)),
    "nowhere at first": ("prefer", [*[INSUFFICIENT_CAPACITY[1]] * 8, SUCCESS], ("spot", 0)),
    "interrupted": ("prefer", [INTERRUPTED, SUCCESS], ("on_demand", 1)),
    "interrupted, then it failed": ("prefer", [INTERRUPTED, FAILED], ("on_demand", 1)),
    "interrupted twice": ("only", [INTERRUPTED, INTERRUPTED, SUCCESS], ("spot", 2)),
    "interrupted for good": ("only", [INTERRUPTED], ("spot", 3)),
    "never": ("never", [SUCCESS], (None, None)),
}


@pytest.mark.parametrize(("wanted", "ends", "said"), WENT.values(), ids=WENT)
def test_a_run_says_what_its_last_machine_was_and_how_many_spot_took_back(
    table, wanted, ends, said
):
    ran(Launches(*ends), spot=wanted, retries=2 if wanted == "only" else 0)

    run = only_run(table)
    assert (run.get("capacity_type"), run.get("spot_interruptions")) == said


@pytest.mark.parametrize(
    ("end", "status", "error", "code"),
    [
        (FAILED, "FAILED", "ContainerFailed", 3),
        (LOST, "FAILED", "MachineLost", None),
        (TaskError("States.Timeout"), "TIMED_OUT", "States.Timeout", None),
        (TaskError("Whatever", "{the job's own words"), "FAILED", "Whatever", None),
        (TaskError("ContainerFailed", "Exit code 99999 on"), "FAILED", "ContainerFailed", None),
    ],
    ids=["exit code", "lost", "too long", "any error", "a code that is none"],
)
def test_a_failed_attempt_leaves_no_machine(table, end, status, error, code):
    launches = Launches(end)
    ran(launches)

    run = only_run(table)
    assert (run["status"], run["error"], run.get("exit_code")) == (status, error, code)
    assert launches.terminated == ["i-1"]


def test_a_lost_machine_is_retried(table):
    launches = Launches(LOST, SUCCESS)
    ran(launches, retries=1)

    run = only_run(table)
    assert (run["status"], run["attempts"]) == ("SUCCEEDED", 2)
    assert launches.terminated == ["i-1"]


def test_a_run_whose_row_is_of_another_type_now_fails_and_leaves_no_machine(table):
    """Its machine may not report any more, and the next one has no launch template."""
    gone = TaskError(
        "Ec2.Ec2Exception",
        f"The specified launch template, with template ID lt-1, does not exist. {_SERVICE}",
    )
    launches = Launches(LOST, gone)
    ran(launches, retries=1)

    run = only_run(table)
    assert (run["status"], run["error"], run["attempts"]) == ("FAILED", "LaunchFailed", 2)
    assert launches.terminated == ["i-1"]
    assert free(table)


def test_a_machine_that_cannot_be_found_does_not_hold_up_the_run(table):
    launches = Launches(FAILED)
    workflow = machine(ROW, launches)

    def unfound(action, arguments):
        if action == "describeInstances":
            return {"Reservations": []}
        raise TaskError("Ec2.Ec2Exception", f"nothing of {arguments}")

    workflow.ec2 = unfound
    workflow.run("first", {})
    assert only_run(table)["error"] == "ContainerFailed"


@pytest.mark.usefixtures("table")
def test_each_item_of_a_fan_out_has_a_machine():
    launches = Launches(SUCCESS, INSUFFICIENT_CAPACITY[0], SUCCESS)
    execution = ran(launches, {"items": ["a", "b"]}, fan_out={})

    assert execution.output["succeeded"] == 2
    assert len(launches.launched) == 3
    keys = {
        re.search(r'"key":"([^"]+)"', base64.b64decode(each["UserData"]).decode())[1]
        for each in launches.launched
    }
    assert {key.rpartition("/")[2] for key in keys} == {"0.json", "1.json"}
    assert len({each["ClientToken"] for each in launches.launched}) == 3


@pytest.mark.usefixtures("table")
def test_an_item_that_failed_ends_its_own_machine():
    launches = Launches(SUCCESS, FAILED)
    ran(launches, {"items": ["a", "b"]}, fan_out={"tolerated_failure_percent": 50})

    assert launches.terminated == ["i-2"]


def test_a_run_with_too_little_time_left_launches_nothing(table):
    launches = Launches(FAILED)
    ran(launches, timeout_seconds=100, retries=1, retry_interval_seconds=30)
    assert len(launches.launched) == 1
    run = only_run(table)
    assert (run["status"], run["error"]) == ("TIMED_OUT", "States.Timeout")
    assert "too little time" in run["cause"]
