"""What a run adds to its job's own time, on the embedded engine: a line per type.

The same work is called by itself and as a job, in turns: the function is invoked; the task, the
Batch job and the machine are started from the job's own definitions, and waited for. ``python -m
bench.runs [TYPE ...]`` brings an engine up, prints the medians and takes it down.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bench.engine import engine
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.engine import EngineUnderTest

AIM_MILLISECONDS = 300
"""For functions; what containers and machines wait for takes seconds on either way."""

DOES_NOTHING = {"command": ["python3", "-c", "pass"], "permissions": None}
NAME = "added-{}"
ROW = "{:<8} {:>4} {:>12} {:>9} {:>9} {:>9}"
SECONDS = 180


@dataclass(frozen=True, slots=True)
class Type:
    """How jobs of a type are measured: `row` makes one, `alone` does its work without a run."""

    runs: int
    row: Callable[[EngineUnderTest, str], dict[str, Any]]
    alone: Callable[[EngineUnderTest, str], None]


def invoked(under_test: EngineUnderTest, name: str) -> None:
    """Invoke the job's function."""
    arn = under_test.record(name)["lambda_arn"]
    under_test.client("lambda").invoke(FunctionName=arn, Payload=json.dumps({"n": 1}))


def ran_task(under_test: EngineUnderTest, name: str) -> None:
    """Run the job's task definition on the cluster."""
    ecs, made = under_test.client("ecs"), outputs(under_test, name)
    cluster = made["EcsClusterArn"]
    network = {
        "subnets": under_test.outputs["Subnets"].split(","),
        "securityGroups": [made["SecurityGroupId"]],
        "assignPublicIp": "ENABLED",
    }
    [task] = ecs.run_task(
        cluster=cluster,
        taskDefinition=made["TaskDefinitionArn"],
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": network},
    )["tasks"]

    def ended() -> bool:
        [found] = ecs.describe_tasks(cluster=cluster, tasks=[task["taskArn"]])["tasks"]
        return found["lastStatus"] == "STOPPED"

    wait_until(ended, "the task's end", timeout_seconds=SECONDS)


def submitted(under_test: EngineUnderTest, name: str) -> None:
    """Submit the job's definition to its queue."""
    batch, made = under_test.client("batch"), outputs(under_test, name)
    identifier = batch.submit_job(
        jobName=name,
        jobQueue=made["BatchJobQueueArn"],
        jobDefinition=made["BatchJobDefinitionArn"],
        shareIdentifier="bench",
    )["jobId"]

    def ended() -> bool:
        [job] = batch.describe_jobs(jobs=[identifier])["jobs"]
        return job["status"] in {"SUCCEEDED", "FAILED"}

    wait_until(ended, "the Batch job's end", timeout_seconds=SECONDS)


def launched(under_test: EngineUnderTest, name: str) -> None:
    """Launch a machine that pulls the job's image, runs it and powers itself off."""
    ec2, row = under_test.client("ec2"), under_test.row(name)
    options = "--detach --name job --network host --log-driver awslogs"
    logs = f"--log-opt awslogs-group=/jobs/{name} --log-opt awslogs-stream=alone --env A=b"
    image = under_test.record(name)["outputs"]["Image"]
    script = (
        f"#!/bin/sh\ndocker pull --quiet {image}\n"
        f"docker run {options} {logs} {image} python3 -c pass\n"
        "docker wait job\nshutdown -P now\n"
    )
    [machine] = ec2.run_instances(
        LaunchTemplate={"LaunchTemplateId": outputs(under_test, name)["LaunchTemplateId"]},
        MinCount=1,
        MaxCount=1,
        InstanceType=row["instance_type"],
        NetworkInterfaces=[
            {"DeviceIndex": 0, "SubnetId": under_test.outputs["Subnets"].split(",")[0]}
        ],
        ClientToken=str(time.monotonic_ns()),
        UserData=script,
    )["Instances"]

    def ended() -> bool:
        found = ec2.describe_instances(InstanceIds=[machine["InstanceId"]])["Reservations"]
        states = [each["State"]["Name"] for one in found for each in one["Instances"]]
        return not {"pending", "running"} & set(states)

    wait_until(ended, "the machine's end", timeout_seconds=SECONDS)


def outputs(under_test: EngineUnderTest, name: str) -> dict[str, str]:
    """Return the outputs of a job's stack."""
    found = under_test.record(name)["outputs"]
    return dict(found)


TYPES = {
    "lambda": Type(20, lambda engine, name: engine.lambda_row(name), invoked),
    "ecs": Type(5, lambda engine, name: engine.container_row(name, **DOES_NOTHING), ran_task),
    "batch": Type(
        5,
        lambda engine, name: engine.container_row(name, type="batch", **DOES_NOTHING),
        submitted,
    ),
    "ec2": Type(
        3,
        lambda engine, name: engine.machine_row(name, command=DOES_NOTHING["command"]),
        launched,
    ),
}


def measured(under_test: EngineUnderTest, kind: str) -> tuple[float, float, float]:
    """Return the medians in ms: the work by itself, as a run, and until its row is seen."""
    name, each = NAME.format(kind), TYPES[kind]
    under_test.put(each.row(under_test, name))
    under_test.wait_for(name, "READY")
    alone, as_run, until_seen = [], [], []
    for number in range(each.runs + 1):
        began = time.perf_counter()
        each.alone(under_test, name)
        alone.append(1000 * (time.perf_counter() - began))
        began = time.perf_counter()
        execution = under_test.start(name, {"n": number})
        run = under_test.wait_for_run(name, execution, "SUCCEEDED", timeout_seconds=SECONDS)
        until_seen.append(1000 * (time.perf_counter() - began))
        started, ended = (datetime.fromisoformat(run[at]) for at in ("started_at", "ended_at"))
        as_run.append(1000 * (ended - started).total_seconds())
    own, whole, seen = (statistics.median(times[1:]) for times in (alone, as_run, until_seen))
    return own, whole, seen


def main() -> None:
    kinds = sys.argv[1:] or list(TYPES)
    with engine(examples=set(kinds) != {"lambda"}) as under_test:
        print(ROW.format("ms", "runs", "by itself", "as a run", "added", "row seen"))
        for kind in kinds:
            own, whole, seen = measured(under_test, kind)
            figures = (f"{each:.0f}" for each in (own, whole, whole - own, seen))
            print(ROW.format(kind, TYPES[kind].runs, *figures), flush=True)
    print(f"aim for lambda: at most {AIM_MILLISECONDS} ms added")


if __name__ == "__main__":
    main()
