"""Executions of a job's state machine, over moto."""

from __future__ import annotations

import json

import boto3
import pytest

from provisioner.aws.executions import JobExecutions
from tests.support.clients import CLIENTS
from tests.support.executions import start_execution, wait_for_status
from tests.support.platforms import PLATFORM

pytestmark = pytest.mark.usefixtures("bootstrap")

WAITS = {
    "StartAt": "Wait",
    "States": {"Wait": {"Type": "Wait", "Seconds": 99, "End": True}},
}


@pytest.fixture
def machine():
    def make(name):
        return boto3.client("stepfunctions").create_state_machine(
            name=name,
            definition=json.dumps(WAITS),
            roleArn="arn:aws:iam::123456789012:role/workflow",
        )["stateMachineArn"]

    return make


def executions(machine_arn):
    states = boto3.client("stepfunctions")
    found = states.list_executions(stateMachineArn=machine_arn)["executions"]
    return {
        each["name"]: states.describe_execution(executionArn=each["executionArn"]) for each in found
    }


def test_a_jobs_runs_are_stopped_and_no_others(machine):
    own, other = machine("jobs-report"), machine("jobs-reports")
    for number in range(3):
        start_execution(own, f"run-{number}")
    start_execution(other, "run-0")

    assert JobExecutions(CLIENTS, PLATFORM).stop_running("report", "Its job's row was removed") == 3
    assert JobExecutions(CLIENTS, PLATFORM).stop_running("report", "again") == 0

    for each in executions(own).values():
        wait_for_status(each["executionArn"], "ABORTED")
    assert {each["status"] for each in executions(other).values()} == {"RUNNING"}


def test_a_job_without_a_state_machine_has_none():
    assert JobExecutions(CLIENTS, PLATFORM).stop_running("report", "Its job's row was removed") == 0
