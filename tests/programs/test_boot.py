"""The boot program, on a machine whose every neighbour is pretended."""

from __future__ import annotations

import ast
import re
import sys
import time

import pytest

from templates.machine.user_data import program
from tests.support.machine import JOB, Pretended, ecr_token

SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:jobs/db-a1b2c3"
PARAMETER = "arn:aws:ssm:eu-west-1:123456789012:parameter/jobs/token"


@pytest.fixture
def machine(tmp_path):
    pretended = Pretended(tmp_path)
    yield pretended
    pretended.close()


def failure(machine):
    [reported] = machine.called("SendTaskFailure")
    assert reported["taskToken"] == "the-token"
    return reported["error"], reported["cause"]


def test_it_is_small_and_for_any_machine():
    tree = ast.parse(program(), feature_version=(3, 9))
    imported = {
        alias.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert imported <= sys.stdlib_module_names
    assert len(program()) < 10_500
    assert program().isascii()  # JSONata encodes nothing else


def test_a_run_that_ends_well(machine):
    machine.boot()

    [reported] = machine.called("SendTaskSuccess")
    assert reported == {
        "taskToken": "the-token",
        "output": '{"exit_code": 0, "instance_id": "i-1"}',
    }
    assert machine.called("GetObject") == [{"path": "/artifacts/machines/nightly/a%2Bb.json"}]
    assert machine.called("SendTaskHeartbeat")
    assert machine.unsigned == []
    assert machine.shutdown == ["-P +3", "-P now"]


def test_how_the_container_starts(machine):
    machine.boot()

    [(arguments, environment, _)] = [each for each in machine.docker if each[0][0] == "run"]
    text = " ".join(arguments)
    assert arguments[-4:] == ["example.com/app:1", "sh", "-c", "true"]
    assert "A=one line\nand another" in arguments
    assert "AWS_REGION=eu-west-1" in arguments
    assert "--network host" in text
    assert "--log-driver awslogs --log-opt awslogs-group=/jobs/nightly" in text
    assert "awslogs-stream=job/2026-11-26-nightly-1" in text
    assert "--gpus" not in text
    assert "LD_PRELOAD" not in environment


def test_gpus_are_given_to_the_container(machine):
    machine.job["gpus"] = True
    machine.boot()
    assert next(
        arguments[index : index + 2]
        for arguments, _, _ in machine.docker
        for index, word in enumerate(arguments)
        if word == "--gpus"
    ) == ["--gpus", "all"]


def test_secrets_are_variables_that_no_command_line_shows(machine):
    machine.job["secrets"] = {"DB": f"{SECRET}:password::", "WHOLE": SECRET, "TOKEN": PARAMETER}
    machine.answers["GetSecretValue"] = {"SecretString": '{"password": "hunter2"}'}
    machine.answers["GetParameters"] = {"Parameters": [{"Value": "t0ken"}]}

    machine.boot()

    [(arguments, environment, _)] = [each for each in machine.docker if each[0][0] == "run"]
    assert environment["DB"] == "hunter2"
    assert environment["WHOLE"] == '{"password": "hunter2"}'
    assert environment["TOKEN"] == "t0ken"
    assert not re.search("hunter2|t0ken", " ".join(arguments))
    assert {"SecretId": SECRET} in machine.called("GetSecretValue")
    assert machine.called("GetParameters") == [{"Names": ["/jobs/token"], "WithDecryption": True}]


@pytest.mark.parametrize(
    "answer",
    ["AccessDeniedException", {"SecretString": "{}"}, {}, {"SecretString": "no json"}],
    ids=str,
)
def test_a_secret_that_cannot_be_read(machine, answer):
    machine.job["secrets"] = {"DB": f"{SECRET}:password::"}
    machine.answers["GetSecretValue"] = answer

    machine.boot()

    error, cause = failure(machine)
    assert error == "ResourceInitializationError"
    assert "no json" not in cause
    assert "run" not in {arguments[0] for arguments, _, _ in machine.docker}
    assert machine.shutdown[-1] == "-P now"


def test_an_image_in_ecr_is_pulled_with_a_password_that_no_command_line_shows(machine):
    host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
    machine.job["image"] = f"{host}/app@sha256:1"
    machine.answers["GetAuthorizationToken"] = ecr_token("passw0rd")

    machine.boot()

    [(arguments, _, given)] = [each for each in machine.docker if each[0][0] == "login"]
    assert arguments == ["login", "--username", "AWS", "--password-stdin", host]
    assert given == "passw0rd"


@pytest.mark.parametrize(
    ("does", "error", "cause"),
    [
        ({"wait": 3}, "ContainerFailed", "Exit code 3 on i-1"),
        ({"wait": 0, "failing": ["run"]}, "CannotStartContainerError", "no such thing"),
        ({"wait": 0, "failing": ["wait"]}, "ContainerLost", "no such thing"),
    ],
    ids=["its exit code", "it cannot start", "it is gone"],
)
def test_a_container_that_fails(machine, does, error, cause):
    machine.docker_does(**does)
    machine.boot()

    name, said = failure(machine)
    assert (name, said.strip()) == (error, cause)
    assert machine.shutdown == ["-P +3", "-P now"]


def test_what_is_to_run_cannot_be_read(machine):
    machine.job = {"image": "example.com/app:1"}  # as if somebody had changed it
    machine.boot()
    assert failure(machine)[0] == "MachineFailed"


def test_rights_that_have_not_reached_s3_yet_are_waited_for(machine):
    machine.forbidden = 1
    machine.boot()
    assert machine.called("SendTaskSuccess")


FAILING = "AccessDeniedException"


class TestEnds:
    """Each end of a machine while the others are broken.

    The fourth, the provisioner's, asks nothing of the machine: tests/contract and
    tests/functional/workflow/test_machines.py have it.
    """

    def test_it_powers_off_after_its_report(self, machine):
        """Without a timer, without heartbeats, and though the report is refused."""
        machine.without_timer()
        machine.answers |= {"SendTaskHeartbeat": FAILING, "SendTaskSuccess": FAILING}
        machine.boot()
        assert machine.shutdown == ["-P now"]

    def test_rights_that_are_taken_away_do_not_stop_the_work(self, machine):
        """The row has another type now: the container ends by itself, then the machine."""
        machine.answers |= {"SendTaskHeartbeat": FAILING, "SendTaskSuccess": FAILING}
        machine.boot()
        assert "stop" not in {arguments[0] for arguments, _, _ in machine.docker}
        assert machine.shutdown[-1] == "-P now"

    @pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
    def test_a_refused_heartbeat_ends_it(self, machine, code):
        """Without a timer, and though the container never ends, so that nothing is reported."""
        machine.without_timer()
        machine.docker_does()
        machine.answers["SendTaskHeartbeat"] = f"com.amazonaws.swf.service.v2.model#{code}"
        machine.boot()
        assert "stop" in {arguments[0] for arguments, _, _ in machine.docker}
        assert set(machine.shutdown) == {"-P now"}

    def test_the_timer_ends_it(self, machine):
        """Though the container never ends, heartbeats fail, and then the program itself dies."""
        machine.docker_does()
        machine.answers["SendTaskHeartbeat"] = FAILING
        running = machine.start(deadline=time.time() + 3600)
        machine.wait(lambda: len(machine.called("SendTaskHeartbeat")) > 2, "three heartbeats")
        assert running.poll() is None
        running.kill()
        running.wait()
        assert machine.shutdown in (["-P +60"], ["-P +61"])

    def test_the_timer_is_set_before_anything_else(self, machine):
        machine.metadata.clear()
        machine.boot()
        assert machine.calls == []
        assert machine.shutdown == ["-P +3", "-P now"]

    def test_a_deadline_that_is_over_ends_within_a_minute(self, machine):
        machine.boot(deadline=time.time() - 100)
        assert machine.shutdown[0] == "-P +1"


def test_a_spot_instance_that_ec2_takes_back(machine):
    machine.docker_does()
    machine.metadata["spot/instance-action"] = '{"action": "terminate"}'
    machine.boot(spot=1)
    assert machine.called("SendTaskFailure")[0]["error"] == "SpotInterruption"
    assert "stop" in {arguments[0] for arguments, _, _ in machine.docker}
    assert machine.shutdown[-1] == "-P now"


def test_the_job_of_the_tests_is_like_those_of_workflows():
    logs = {"log_group", "log_stream"}
    assert set(JOB) == {"image", "command", "environment", "secrets", "gpus"} | logs
