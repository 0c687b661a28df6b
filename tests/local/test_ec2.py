"""Jobs with machines of their own, on the embedded engine with IAM enforcement on.

One job serves the checks that need a machine; all of them wait at the same time.
"""

from __future__ import annotations

import json

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.together]

CODE = """
import boto3, json, os, sys, time, urllib.error, urllib.request
def metadata_without_a_token():
    try:
        url = os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] + "/latest/meta-data/instance-id"
        return urllib.request.urlopen(url).status
    except urllib.error.HTTPError as error:
        return error.code
print("metadata without a token", metadata_without_a_token())
given = json.loads(os.environ["PAYLOAD"])
print("seconds", given.get("seconds", 0), flush=True)
time.sleep(given.get("seconds", 0))
bucket, _, key = os.environ["RESULT_URI"][5:].partition("/")
boto3.client("s3").put_object(
    Bucket=bucket, Key=key, Body=json.dumps({"secret": len(os.environ["TOKEN"])})
)
sys.exit(given.get("code", 0))
"""
SLEEPS = "import time; time.sleep(8)"
ITEM = """
import json, os, sys
print("item", os.environ["FAN_OUT_INDEX"], "of", os.environ["FAN_OUT_COUNT"])
sys.exit(json.loads(os.environ["PAYLOAD"])["item"])
"""
SECRET = "hunter2-hunter2"


@pytest.fixture(scope="module")
def job(engine):
    name = engine.unique("machine")
    arn = engine.client("secretsmanager").create_secret(
        Name=f"jobs/{name}", SecretString=json.dumps({"token": SECRET})
    )["ARN"]
    row = engine.machine_row(
        name,
        command=["python3", "-c", CODE],
        secrets={"TOKEN": f"{arn}:token::"},
        result=True,
        overlap="allow",
        retries=1,
        retry_interval_seconds=1,
        failure_rules=[{"exit_codes": [3], "action": "fail"}],
        schedule="cron(0 6 1 1 ? 2199)",
    )
    engine.put(row)
    engine.wait_for(name, "READY")
    return name


@pytest.fixture(scope="module")
def scarce(engine):
    """A job on Spot whose first instance type has no capacity, nor has one zone any."""
    name = engine.unique("scarce")
    row = engine.machine_row(name, spot="prefer", command=["python3", "-c", SLEEPS])
    first = row["instance_type"]
    [zone, *_] = zones(engine)
    engine.put(
        row
        | {
            "instance_type": [first, first.replace("m7", "c7")],
            "tags": {"local-fault": f"no-capacity {first} {zone}"},
        }
    )
    engine.wait_for(name, "READY")
    return name


@pytest.fixture(scope="module")
def nowhere(engine):
    """A job for which there is no capacity."""
    name = engine.unique("nowhere")
    engine.put(engine.machine_row(name, tags={"local-fault": "no-capacity"}))
    engine.wait_for(name, "READY")
    return name


@pytest.fixture(scope="module")
def items(engine):
    """A job whose messages are runs over items, each of which has a machine."""
    name = engine.unique("items")
    row = engine.machine_row(
        name,
        command=["python3", "-c", ITEM],
        queue=True,
        fan_out={"max_concurrency": 2, "tolerated_failure_percent": 50},
    )
    engine.put(row)
    engine.wait_for(name, "READY")
    return name


def zones(engine):
    """Return the zones of the network, in the order in which they are tried."""
    subnets = engine.outputs["Subnets"].split(",")
    found = engine.client("ec2").describe_subnets(SubnetIds=subnets)["Subnets"]
    by_subnet = {each["SubnetId"]: each["AvailabilityZone"] for each in found}
    return [by_subnet[each] for each in subnets]


def gone(engine, name, execution):
    """Wait until a run has no machine left."""
    run = execution.rpartition(":")[2]

    def left():
        tags = [{t["Key"]: t["Value"] for t in each["Tags"]} for each in engine.machines(name)]
        return [each for each in tags if each["provisioner:run"] == run]

    engine.wait(lambda: not left(), "the machine's end")


def test_it_runs_reads_its_secret_and_leaves_its_result(engine, job):
    execution = engine.start(job, {})
    run = engine.wait_for_run(job, execution, "SUCCEEDED", timeout_seconds=120)

    assert (run["exit_code"], run["attempts"], run["type"]) == (0, 1, "ec2")
    gone(engine, job, execution)
    logs = engine.client("logs")
    events = logs.filter_log_events(logGroupName=f"/jobs/{job}")["events"]
    messages = {event["message"] for event in events}
    assert {"seconds 0", "metadata without a token 401"} <= messages
    template = engine.client("cloudformation").get_template(StackName=f"jobs-{job}")
    seen = [template["TemplateBody"], engine.record(job), engine.runs(job), events]
    seen += [engine.client("stepfunctions").get_execution_history(executionArn=execution)["events"]]
    assert SECRET not in json.dumps(seen, default=str)


def test_its_exit_code_decides(engine, job):
    execution = engine.start(job, {"code": 3})
    run = engine.wait_for_run(job, execution, "FAILED", timeout_seconds=120)

    assert (run["error"], run["exit_code"]) == ("ContainerFailed", 3)
    gone(engine, job, execution)


def test_a_stopped_run_has_logged_to_its_own_stream_and_stops_its_machine(engine, job):
    execution = engine.start(job, {"seconds": 300})
    engine.wait(lambda: _running(engine, job, execution), "the machine", timeout_seconds=120)
    name = execution.rpartition(":")[2]
    [run] = [each for each in engine.runs(job) if each["trigger_id"].endswith(name)]
    where = {"logGroupName": f"/jobs/{job}", "logStreamNames": [run["log_stream"]]}

    def printed():
        return [
            each["message"] for each in engine.client("logs").filter_log_events(**where)["events"]
        ]

    engine.wait(lambda: "seconds 300" in printed(), "its lines", timeout_seconds=60)
    assert run["status"] == "RUNNING"

    engine.stop(execution)

    engine.wait_for_run(job, execution, "STOPPED")
    gone(engine, job, execution)


@pytest.mark.night
def test_a_machine_that_is_killed_is_missed_and_the_run_tried_again(engine, job):
    execution = engine.start(job, {"seconds": 5})
    [machine] = engine.wait(
        lambda: _running(engine, job, execution), "the machine", timeout_seconds=120
    )

    engine.client("ec2").terminate_instances(InstanceIds=[machine])

    run = engine.wait_for_run(job, execution, "SUCCEEDED", timeout_seconds=240)
    assert run["attempts"] == 2


@pytest.mark.night
def test_an_attempt_that_takes_too_long_times_out(engine):
    name = engine.unique("late")
    command = ["python3", "-c", "import time; time.sleep(300)"]
    engine.put(engine.machine_row(name, command=command, attempt_timeout_seconds=91))
    engine.wait_for(name, "READY")

    execution = engine.start(name, {})

    engine.wait_for_run(name, execution, "TIMED_OUT", timeout_seconds=180)
    gone(engine, name, execution)


def test_no_capacity_leads_elsewhere_and_an_interruption_to_one_on_demand(engine, scarce):
    execution = engine.start(scarce, {})
    [machine] = engine.wait(
        lambda: _running(engine, scarce, execution), "the machine", timeout_seconds=120
    )
    ec2 = engine.client("ec2")

    ec2.create_tags(Resources=[machine], Tags=[{"Key": "local-fault", "Value": "interrupted"}])

    run = engine.wait_for_run(scarce, execution, "SUCCEEDED", timeout_seconds=120)
    assert (run["attempts"], run["spot_interruptions"]) == (2, 1)
    assert run["capacity_type"] == "on_demand"
    tried = entered(engine, execution, "Run")
    assert len(tried) == 2 * (len(zones(engine)) + 2)  # as Spot instances, and then on demand
    [found] = ec2.describe_instances(InstanceIds=[machine])["Reservations"][0]["Instances"]
    place = (engine.row(scarce)["instance_type"][1], engine.outputs["Subnets"].split(",")[1])
    assert (found["InstanceType"], found["SubnetId"]) == place
    assert run["instance_type"] == place[0]


def test_no_capacity_anywhere_is_waited_for(engine, nowhere):
    execution = engine.start(nowhere, {})

    engine.wait(lambda: entered(engine, execution, "WaitBeforeRetry"), "a wait for capacity")

    assert len(entered(engine, execution, "Run")) == len(zones(engine))
    [run] = engine.runs(nowhere)
    assert run["status"] == "RUNNING"
    engine.stop(execution)
    engine.wait_for_run(nowhere, execution, "STOPPED")


def test_a_message_starts_a_run_with_a_machine_for_each_item(engine, items):
    engine.client("sns").publish(
        TopicArn=engine.outputs["SubmissionTopicArn"],
        Message=json.dumps({"items": [0, 5]}),
        MessageAttributes={"job_name": {"DataType": "String", "StringValue": items}},
    )

    [run] = engine.wait(
        lambda: [run for run in engine.runs(items) if "ended_at" in run],
        "the message's run",
        timeout_seconds=240,
    )

    assert (run["status"], run["source"], run["type"]) == ("SUCCEEDED", "queue", "ec2")
    output = json.loads(run["output"])
    assert (output["succeeded"], output["failed_items"]) == (1, "1")
    gone(engine, items, run["execution_arn"])
    logs = engine.client("logs").filter_log_events(logGroupName=f"/jobs/{items}")["events"]
    streams = {event["message"]: event["logStreamName"] for event in logs}
    assert len({streams[f"item {index} of 2"] for index in (0, 1)}) == 2  # a machine each


def entered(engine, execution, state):
    """Return how a run entered a state, each time that it did."""
    pages = engine.client("stepfunctions").get_paginator("get_execution_history")
    events = [event for page in pages.paginate(executionArn=execution) for event in page["events"]]
    details = [each.get("stateEnteredEventDetails", {}) for each in events]
    return [each for each in details if each.get("name") == state]


def _running(engine, name, execution):
    run = execution.rpartition(":")[2]
    return [
        each["InstanceId"]
        for each in engine.machines(name)
        if {"Key": "provisioner:run", "Value": run} in each["Tags"]
    ]
