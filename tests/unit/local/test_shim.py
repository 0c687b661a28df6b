"""The parts of the shim that need no engine; the rest is proven on one (tests/local)."""

import json
from pathlib import Path

import pytest

from provisioner.local.shim import EngineMismatchError, private
from provisioner.local.shim.executions import failed, pascal_case
from provisioner.local.shim.patching import wrap
from provisioner.local.shim.stack_events import status_change
from provisioner.local.shim.tasks import pullable

EVENT = Path(__file__).parents[2] / "events" / "stack_status_change.json"
STACK = "arn:aws:cloudformation:us-east-1:000000000000:stack/jobs-etl/6a1f"


def test_a_name_that_the_engine_does_not_have_is_an_error():
    with pytest.raises(EngineMismatchError, match=r"json\._invoke_ecs_run_task"):
        private("json", "_invoke_ecs_run_task")
    with pytest.raises(EngineMismatchError, match="poll"):
        wrap("json", "_poll_ecs_tasks", lambda original: original)


def test_a_status_change_is_the_documented_event():
    documented = json.loads(EVENT.read_text(encoding="utf-8"))

    entry = status_change(STACK, "CREATE_COMPLETE", "", "token")

    assert entry["Source"] == documented["source"]
    assert entry["DetailType"] == documented["detail-type"]
    assert entry["Resources"] == [STACK]
    detail = json.loads(entry["Detail"])
    assert detail.keys() == documented["detail"].keys()
    assert detail["status-details"] == {"status": "CREATE_COMPLETE", "status-reason": ""}


@pytest.mark.parametrize(
    ("task", "essentials", "expected"),
    [
        ({"containers": [{"exitCode": 0}]}, [True], False),
        ({"containers": [{"exitCode": 3}]}, [True], True),
        ({"containers": [{"exitCode": None}]}, [True], True),
        ({"containers": [{}]}, [True], True),
        ({"containers": [{"exitCode": 0}, {"exitCode": 137}]}, [True, False], False),
        ({"containers": [{"exitCode": 1}]}, [], True),
        ({"containers": [{"exitCode": 0}], "stopCode": "TaskFailedToStart"}, [True], True),
    ],
    ids=[
        "exited with 0",
        "exited with 3",
        "did not exit by itself",
        "never ran",
        "side car was killed",
        "essentials unknown",
        "did not start",
    ],
)
def test_a_task_fails_by_its_essential_containers(task, essentials, expected):
    assert failed(task, essentials) is expected


def test_keys_are_pascal_case_at_every_depth():
    assert pascal_case({"taskArn": "a-b", "containers": [{"exitCode": 0, "name": "job"}]}) == {
        "TaskArn": "a-b",
        "Containers": [{"ExitCode": 0, "Name": "job"}],
    }


@pytest.mark.parametrize(
    ("image", "where"),
    [
        (
            "000000000000.dkr.ecr.us-east-1.amazonaws.com/jobs/etl@sha256:ab",
            "127.0.0.1:4713/jobs/etl@sha256:ab",
        ),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/etl:1", "127.0.0.1:4713/etl:1"),
        ("public.ecr.aws/docker/library/busybox:1", "public.ecr.aws/docker/library/busybox:1"),
        ("localhost/busybox:1", "localhost/busybox:1"),
    ],
)
def test_images_of_ecr_are_pulled_from_the_engine(monkeypatch, image, where):
    monkeypatch.setenv("GATEWAY_PORT", "4713")

    assert pullable(image) == where
