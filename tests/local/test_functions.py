"""Functions of every kind, on the embedded engine with IAM enforcement on."""

from __future__ import annotations

import json

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.together]

ORDERS = "order-totals"
SLOW_CLIENT = (
    "import os, time, urllib.request; api = os.environ['AWS_LAMBDA_RUNTIME_API'];"
    "urllib.request.urlopen(f'http://{api}/2018-06-01/runtime/invocation/next').read();"
    "time.sleep(60)"
)
IMAGE = "orders-to-json"
"""Examples, which `up` deploys."""


class TestNode:
    def test_a_node_function_runs(self, engine):
        orders = [{"customer": "Ada", "quantity": 2, "price": 600.25}]

        execution = engine.start(ORDERS, {"orders": orders})

        run = engine.wait_for_run(ORDERS, execution, "SUCCEEDED")
        assert json.loads(run["output"]) == {"orders": 1, "totals": {"Ada": "€1,200.50"}}

    def test_an_exception_fails_the_run_by_its_name(self, engine):
        name = engine.unique("orders")
        engine.put({**engine.row(ORDERS), "job_name": name, "schedule": None})
        engine.wait_for(name, "READY")
        orders = [{"customer": "Ada", "quantity": 0, "price": 1}]

        execution = engine.start(name, {"orders": orders})

        run = engine.wait_for_run(name, execution, "FAILED")
        assert run["error"] == "RangeError"
        assert "Ada has ordered 0 pieces" in run["cause"]

    def test_its_concurrency_is_reserved(self, engine):
        reserved = engine.client("lambda").get_function_concurrency(FunctionName=f"jobs-{ORDERS}")

        assert reserved["ReservedConcurrentExecutions"] == 1


class TestCanary:
    def test_a_row_whose_first_run_fails_is_rolled_back(self, engine):
        name = engine.unique("canary")
        good = engine.lambda_row(name, deploy={"canary": {"runs": 1}})
        engine.put(good)
        engine.wait_for(name, "READY")
        engine.put(good | {"handler": "code_under_test.raising"})
        engine.wait_for_deployments(name, [2, 1])

        execution = engine.start(name, {})

        engine.wait_for_run(name, execution, "FAILED")
        engine.wait(lambda: engine.row(name) == good, "the row to be as it was")
        engine.wait_for_deployments(name, [3, 2, 1])
        assert engine.record(name)["deployments"][0]["cause"] == "rollback"


class TestImage:
    """A function of an image: a container that asks Lambda's Runtime API for its work."""

    def test_it_runs_and_its_logs_are_a_function_s(self, engine):
        name = engine.unique("image")
        engine.put(engine.image_function_row(name))
        record = engine.wait_for(name, "READY")
        example = engine.row(IMAGE)["payload"]

        execution = engine.start(name, example)

        run = engine.wait_for_run(name, execution, "SUCCEEDED", timeout_seconds=60)
        assert json.loads(run["output"]) == {"lines": 10, "destination": example["destination"]}
        assert len(engine.read(example["destination"]).splitlines()) == 10
        assert (record["image"], record["image_digest"][:7]) == (
            engine.row(IMAGE)["image"],
            "sha256:",
        )
        lines = engine.wait(lambda: engine.printed(name), "the logs of the run")
        assert [line.split()[0] for line in lines] == ["START", "wrote", "END", "REPORT"]

    def test_an_exception_fails_the_run_by_its_name(self, engine):
        execution = engine.start(IMAGE, {"source": "s3://nowhere", "destination": 5})

        run = engine.wait_for_run(IMAGE, execution, "FAILED", timeout_seconds=60)
        assert run["error"] == "AttributeError"
        assert "int" in run["cause"]

    def test_a_program_that_ends_fails_the_run(self, engine):
        name = engine.unique("ends")
        engine.put(engine.image_function_row(name, entry_point=["python", "-c", "exit(3)"]))
        engine.wait_for(name, "READY")

        execution = engine.start(name, {})

        run = engine.wait_for_run(name, execution, "FAILED", timeout_seconds=60)
        assert run["error"] == "Runtime.ExitError"
        assert "exit status 3" in run["cause"]

    def test_an_attempt_that_takes_too_long_times_out_and_its_container_goes(self, engine):
        name = engine.unique("slow-image")
        program = ["python", "-c", SLOW_CLIENT]
        row = engine.image_function_row(name, entry_point=program, attempt_timeout_seconds=1)
        engine.put(row)
        engine.wait_for(name, "READY")

        execution = engine.start(name, {})

        engine.wait_for_run(name, execution, "TIMED_OUT", timeout_seconds=60)
        assert engine.lock(name) is None

    def test_archive_and_image_take_turns_and_the_history_stays(self, engine):
        name = engine.unique("turns")
        at = {"schedule": "rate(1 day)", "payload": {"source": "s3://a/b", "destination": "c"}}
        archive = engine.lambda_row(name, **at)
        image = engine.image_function_row(name, **at)
        for row, suffix, ends in (
            (archive, "", "SUCCEEDED"),
            (image, "_ci", "FAILED"),
            (archive, "", "SUCCEEDED"),
        ):
            engine.put(row)
            wanted = [f"jobs-{name}{suffix}"]
            record = engine.wait_for(
                name, "READY", until=lambda wanted=wanted: engine.functions_of(name) == wanted
            )
            assert record["lambda_arn"].endswith(f":{wanted[0]}")
            engine.wait_for_run(name, engine.start(name, {}), ends, timeout_seconds=60)

        assert [run["status"] for run in engine.runs(name)] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
        assert engine.schedule(name)["State"] == "ENABLED"
        assert len([line for line in engine.printed(name) if line.startswith("REPORT")]) == 3


PYTHON = """
import os
def handler(event, context):
    return {"length": len(os.environ["PASSWORD"]), "token": os.environ["TOKEN"] == "t0ken"}
"""
NODE = """
exports.handler = async () => ({
  length: process.env.PASSWORD.length, token: process.env.TOKEN === "t0ken"
});
"""
PASSWORD = 'it\'s "hidden" $HOME'


@pytest.fixture(scope="module")
def secrets(engine):
    """Return what a row says of a secret and of a parameter, which are there."""
    name = engine.unique("jobs/db")
    made = engine.client("secretsmanager").create_secret(
        Name=name, SecretString=json.dumps({"password": PASSWORD})
    )
    engine.client("ssm").put_parameter(Name=f"/{name}", Value="t0ken", Type="SecureString")
    place = made["ARN"].split(":")
    parameter = ":".join([*place[:2], "ssm", *place[3:5], f"parameter/{name}"])
    return {"PASSWORD": f"{made['ARN']}:password::", "TOKEN": parameter}


class TestSecrets:
    @pytest.mark.parametrize(
        ("runtime", "file", "text"),
        [("python3.14", "main.py", PYTHON), ("nodejs24.x", "main.js", NODE)],
        ids=["python", "node"],
    )
    def test_the_code_has_them_and_nothing_shows_them(self, engine, secrets, runtime, file, text):
        name = engine.unique("secrets")
        bundle = engine.bundle(f"{name}.zip", {file: text})
        row = engine.lambda_row(name, runtime=runtime, handler="main.handler", secrets=secrets)
        engine.put(row | {"bundle": bundle})
        engine.wait_for(name, "READY")

        execution = engine.start(name, {})

        run = engine.wait_for_run(name, execution, "SUCCEEDED")
        assert json.loads(run["output"]) == {"length": len(PASSWORD), "token": True}
        shown = [
            *(engine.row(name), engine.record(name), engine.runs(name), engine.printed(name)),
            engine.client("lambda").get_function(FunctionName=f"jobs-{name}"),
            engine.client("cloudformation").get_template(StackName=f"jobs-{name}"),
        ]
        assert "hidden" not in str(shown)
        assert "t0ken" not in str(shown)

    def test_a_secret_that_is_not_there_fails_the_run(self, engine, secrets):
        name = engine.unique("gone")
        gone = secrets["PASSWORD"].replace("jobs/db", "jobs/no")
        engine.put(engine.lambda_row(name, secrets={"PASSWORD": gone}))
        engine.wait_for(name, "READY")

        execution = engine.start(name, {})

        run = engine.wait_for_run(name, execution, "FAILED")
        assert run["error"] == "Runtime.ExitError"
        lines = engine.wait(lambda: engine.printed(name), "the logs of the run")
        assert any("GetSecretValue" in line and "jobs/no" in line for line in lines)


def test_a_runtime_that_is_not_here_says_so(engine):
    name = engine.unique("ruby")
    engine.put(engine.lambda_row(name, runtime="ruby4.0"))
    engine.wait_for(name, "READY")

    execution = engine.start(name, {})

    run = engine.wait_for_run(name, execution, "FAILED")
    assert "ruby4.0 does not run on the embedded engine" in run["cause"]
