"""The parts of the shim that need no engine; the rest is proven on one (tests/local)."""

import json
import subprocess
import sys
import threading
import zipfile
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from provisioner.local.shim import (
    EngineMismatchError,
    function_images,
    functions,
    image_program,
    parameters,
    private,
    runtimes,
    wrappers,
)
from provisioner.local.shim.archives import SharedZipFile
from provisioner.local.shim.container_logs import await_end, lines
from provisioner.local.shim.executions import failed, pascal_case
from provisioner.local.shim.machine_capacity import lacks
from provisioner.local.shim.machine_programs import parsed
from provisioner.local.shim.patching import wrap
from provisioner.local.shim.schedules import dates, last_tick
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


@pytest.mark.parametrize(
    ("text", "so_far", "in_the_end"),
    [
        (b"one\ntwo\n", ["one", "two"], ["one", "two"]),
        (b"one\ntw", ["one"], ["one", "tw"]),
        (b"one\n\ntwo", ["one", ""], ["one", "", "two"]),
        (b"\xc3\xa9\r\n\xc3", ["\u00e9"], ["\u00e9", "\ufffd"]),
        (b"", [], []),
    ],
    ids=["whole lines", "a cut line", "an empty one, and no end", "a cut letter", "nothing"],
)
def test_lines_of_a_container_are_whole(text, so_far, in_the_end):
    assert (lines(text, ended=False), lines(text, ended=True)) == (so_far, in_the_end)


@pytest.mark.parametrize(("date", "seconds"), [("1970-01-01T00:01:00.000Z", 60), (None, None)])
def test_dates_of_a_schedule_are_seconds(date, seconds):
    properties = {"StartDate": date} if date else {}

    assert dates(properties) == {
        "ScheduleExpressionTimezone": "UTC",
        "StartDate": seconds,
        "EndDate": None,
    }


def test_a_date_that_cloudformation_refuses_is_refused():
    with pytest.raises(ValueError, match="does not match format"):
        dates({"StartDate": "1970-01-01T00:01:00Z"})


@pytest.mark.parametrize(
    ("until", "expected"), [(100, 100), (159, 100), (160, 160), (99, 40), (-30, -80)]
)
def test_times_of_a_rate_lie_on_the_grid_of_its_start(until, expected):
    assert last_tick(100, 60, until) == expected


def test_a_script_that_reads_otherwise_is_an_error():
    assert functions.changed("a b", {"a": "c"}) == "c b"
    with pytest.raises(EngineMismatchError, match="runs functions otherwise"):
        functions.changed("a a", {"a": "c"})


@pytest.mark.parametrize(
    ("message", "error_type", "expected"),
    [
        ("no good", "ValueError", {"errorType": "ValueError"}),
        ("no good", None, {}),
        ("Worker init failed: odd", None, {}),
        (
            "Worker process died",
            None,
            {"errorType": "Runtime.ExitError", "errorMessage": "Error: Runtime exited"},
        ),
        (
            f"Worker init failed: Runtime.X{functions._MARK}no b",
            None,
            {"errorType": "Runtime.X", "errorMessage": "no b"},
        ),
    ],
    ids=["an exception", "nothing known", "a failed start, not ours", "an end", "a failed start"],
)
def test_a_failure_is_named_as_aws_names_it(message, error_type, expected):
    assert functions.failure(message, error_type) == expected


@pytest.mark.parametrize(
    ("runtime", "installed", "said"),
    [
        ("python3.14", [], None),
        ("provided.al2023", [], None),
        ("", [], None),
        ("nodejs24.x", ["node"], None),
        ("nodejs24.x", [], "Node.js is not installed"),
        ("java25", ["java"], "java25 does not run"),
    ],
)
def test_a_function_that_cannot_run_here_says_so(runtime, installed, said):
    found = runtimes.problem({"Runtime": runtime}, lambda name: name if name in installed else None)

    assert (said in found) if said else found is None


@dataclass(eq=False)
class Process:
    code_zip: bytes
    in_use: bool = True


def test_a_process_with_other_code_serves_no_call(monkeypatch):
    stale, fresh, killed = Process(b"before"), Process(b"after"), []
    pools = {"000000000000:us-east-1:job:$LATEST": [stale, fresh]}
    runtime = SimpleNamespace(_lock=threading.Lock(), _workers=pools, kill_workers=killed.extend)
    for name in ("ministack", "ministack.core"):
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(__path__=[]))
    monkeypatch.setitem(sys.modules, "ministack.core.lambda_runtime", runtime)
    acquire = functions.with_its_code(lambda *_: (next(iter(pools.values()))[0], "reused"))

    assert acquire("job", {}, b"after") == (fresh, "reused")

    assert killed == [stale]
    assert not stale.in_use
    assert list(pools.values()) == [[fresh]]


def test_processes_of_one_archive_share_its_files_and_other_code_is_apart(tmp_path):
    def unpacked(process: str, code: str) -> Path:
        folder = tmp_path / process
        folder.mkdir()
        with zipfile.ZipFile(tmp_path / f"{process}.zip", "w") as archive:
            archive.writestr(zipfile.ZipInfo("package/app.py"), code)
        with SharedZipFile(tmp_path / f"{process}.zip") as archive:
            archive.extractall(folder)
        return folder / "package" / "app.py"

    first, again, other = unpacked("1", "a = 1"), unpacked("2", "a = 1"), unpacked("3", "a = 2")

    assert first.samefile(again)
    assert [first.read_text(), other.read_text()] == ["a = 1", "a = 2"]
    (tmp_path / "1").unlink()  # a process has ended
    assert again.read_text() == "a = 1"


def test_the_docker_of_a_machine_reads_the_command_line_of_the_boot_program():
    options, words = parsed(
        [
            "--detach",
            "--name",
            "job",
            "--env",
            "A=1=2",
            "--env",
            "B",
            "--gpus",
            "all",
            "image",
            "-x",
        ]
    )
    assert words == ["image", "-x"]
    assert options["--env"] == ["A=1=2", "B"]
    assert options["--gpus"] == ["all"]


@pytest.mark.parametrize(
    ("body", "arn"),
    [
        (b'{"Names": ["/jobs/a", "/b"]}', "arn:aws:ssm:us-east-1:000000000000:parameter/jobs/a"),
        (b'{"Names": ["arn:aws:ssm:x:1:parameter/a"]}', "arn:aws:ssm:x:1:parameter/a"),
        (b'{"Names": []}', None),
        (b'{"Name": "/jobs/a"}', None),
        (b"[]", None),
        (b"", None),
    ],
)
def test_the_first_of_several_parameters_decides(body, arn):
    assert parameters.first_arn(body, "us-east-1", "000000000000") == arn


def test_a_program_of_a_layer_starts_before_the_function(tmp_path):
    program = tmp_path / "provisioner" / "secrets"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    layers = f"/nowhere:{tmp_path}"
    environ = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/provisioner/secrets"}

    found = wrappers.wrapped(["node", "x"], environ | {"_LAMBDA_LAYERS_DIRS": layers})

    assert found == [str(program), "node", "x"]
    assert program.stat().st_mode & 0o111
    assert wrappers.wrapped(["node"], {}) == ["node"]
    with pytest.raises(RuntimeError, match="/opt/provisioner/secrets"):
        wrappers.wrapped(["node"], environ)


@pytest.mark.parametrize(
    ("failures", "raised", "starts"),
    [([], None, 1), (["first"], None, 2), (["first", "second"], "second", 2)],
)
def test_a_start_that_fails_is_tried_once_more(failures, raised, starts):
    begun, left = [], list(failures)

    def spawn(worker):
        begun.append(worker)
        if left:
            raise RuntimeError(left.pop(0))

    spawning = wrappers.tried_again(spawn)
    if raised:
        with pytest.raises(RuntimeError, match=raised):
            spawning("worker")
    else:
        spawning("worker")

    assert begun == ["worker"] * starts


def test_the_end_of_a_container_is_its_process_s():
    process = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    container = SimpleNamespace(attrs={"State": {"Pid": process.pid}})

    await_end(container, 0.01)  # so long at most
    assert process.poll() is None
    process.stdin.close()
    await_end(container, 60)
    process.wait(60)
    await_end(container, 60)  # nothing to wait for
    await_end(SimpleNamespace(attrs={"State": {"Pid": 0}}), 60)


def test_a_container_that_ends_has_aws_s_name_for_that():
    message = "bootstrap exited during init with code 3: last words"
    result = {"error": True, "body": {"errorMessage": message, "errorType": "Runtime.Unknown"}}

    assert function_images.ended(result) == {
        "error": True,
        "body": {
            "errorType": "Runtime.ExitError",
            "errorMessage": "Error: Runtime exited with error: exit status 3",
        },
        "log": "last words",
    }
    late = {"errorMessage": "bootstrap did not reach the Runtime API within 1s"}
    assert function_images.ended({"error": True, "body": late})["body"] == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": "Task timed out after 1.00 seconds",
    }
    assert function_images.ended({"body": {"errorMessage": message}}) == {
        "body": {"errorMessage": message}
    }


def test_a_container_of_a_function_gets_its_own_variables_only():
    environ = {"A": "1", "PATH": "/engine", "GATEWAY_PORT": "4566", "AWS_REGION": "us-east-1"}
    environ["AWS_LAMBDA_RUNTIME_API"] = "127.0.0.1:9001"

    assert image_program.environment(["A", "B"], environ, on_host=True) == {
        "A": "1",
        "AWS_REGION": "us-east-1",
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
        "LAMBDA_TASK_ROOT": "/var/task",
    }
    elsewhere = image_program.environment([], environ, on_host=False)
    assert elsewhere["AWS_LAMBDA_RUNTIME_API"] == "host.docker.internal:9001"
    assert elsewhere["AWS_ENDPOINT_URL"] == "http://host.docker.internal:4566"


@pytest.mark.parametrize(
    ("fault", "spot", "lacking"),
    [
        ("", True, False),
        ("interrupted", True, False),
        ("no-spot-capacity", True, True),
        ("no-spot-capacity", False, False),
        ("no-capacity", False, True),
        ("no-capacity m7i.large", False, True),
        ("no-capacity c7i.large us-east-1a", False, True),
        ("no-capacity c7i.large us-east-1b", False, False),
    ],
)
def test_a_tag_says_which_machines_find_no_capacity(fault, spot, lacking):
    assert lacks(fault, "m7i.large", "us-east-1a", spot=spot) is lacking
