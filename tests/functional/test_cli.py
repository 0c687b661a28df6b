"""The CLI on the state of a bootstrap's tables, buckets and state machines."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice

import boto3
import pytest
import yaml
from moto import mock_aws
from moto.core import set_initial_no_auth_action_count

from provisioner.aws import clients
from provisioner.aws.clients import client
from provisioner.cli.logs import followed
from provisioner.jobs import FieldError
from provisioner.runs import iso
from provisioner.stack import Condition, Failure, JobStatus
from tests.support.cli import BUNDLES, REGION, ROW, Provisioner, bundle_in, warm_up
from tests.support.waiting import wait_until

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module", autouse=True)
def environment():
    """Let all tests share their clients: making them takes longer than all the rest."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "PROVISIONER_STACK"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setenv("AWS_REGION", REGION)
        monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
        clients.client.cache_clear()
        warm_up()
        yield
        clients.client.cache_clear()


@pytest.fixture
def account():
    """Yield an account with nothing in it."""
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        yield Provisioner()


@pytest.fixture
def here(account):
    """Yield a deployed bootstrap."""
    account.build()
    return account


@pytest.fixture
def fresh_clients(here):
    """Yield a bootstrap, for which the process has no clients yet."""
    kept = boto3.DEFAULT_SESSION
    boto3.DEFAULT_SESSION = None
    clients.client.cache_clear()
    yield here
    boto3.DEFAULT_SESSION = kept
    clients.client.cache_clear()


@pytest.fixture
def file(tmp_path):
    def file(*rows, name="rows.yaml"):
        path = tmp_path / name
        path.write_text(yaml.safe_dump_all(rows))
        return str(path)

    return file


class TestApply:
    def test_writes_every_row(self, here, file):
        result = here.run("apply", file(ROW, ROW | {"job_name": "other"}))

        assert result.exit_code == 0
        assert result.stdout.splitlines() == ["created    report", "created    other"]
        assert here.row() == ROW
        assert here.row("other") == ROW | {"job_name": "other"}

    def test_says_what_changes(self, here, file):
        here.jobs.put(ROW | {"memory_mb": 256, "description": "as before"})
        here.jobs.put(ROW | {"job_name": "same", "memory_mb": 128})

        result = here.run(
            "apply",
            file(
                ROW | {"memory_mb": 512, "retries": 1, "description": "as before"},
                ROW | {"job_name": "same", "memory_mb": 128},
            ),
        )

        assert result.stdout.splitlines() == [
            "updated    report  memory_mb, retries",
            "unchanged  same",
        ]
        assert here.row()["memory_mb"] == 512

    def test_one_bad_row_keeps_all_from_being_written(self, here, file, tmp_path):
        broken = tmp_path / "broken.json"
        broken.write_text("{")

        result = here.run(
            "apply",
            file(ROW, ROW | {"job_name": "bad", "memory_mb": 1, "memroy": 2}, {"type": "ecs"}),
            str(broken),
        )

        assert result.exit_code == 1
        assert list(here.jobs.all()) == []
        problems = [line.split(maxsplit=1) for line in result.stderr.splitlines()]
        for subject, words in (
            ("bad", "rows.yaml"),
            ("memroy", 'did you mean "memory"?'),
            ("memory_mb", "128"),
            ("#3", "rows.yaml"),
            ("job_name", "is required"),
            ("image", "is required"),
            (str(broken), ""),
            ("-", "is no valid JSON"),
            ("5", "problems; nothing was written."),
        ):
            assert any([subject] == line[:1] and words in "".join(line[1:]) for line in problems)

    def test_a_job_twice_is_a_mistake(self, here, file):
        result = here.run("apply", file(ROW), file(ROW | {"memory_mb": 256}, name="more.yaml"))

        assert result.exit_code == 1
        assert "rows.yaml already" in result.stderr
        assert here.row() == {}

    def test_placeholders_are_outputs(self, here, file):
        bundle = {"bundle": "s3://${BundleBucketName}/report.zip"}

        assert here.run("apply", file(ROW | bundle)).exit_code == 0
        assert here.row()["bundle"] == f"s3://{BUNDLES}/report.zip"

    def test_placeholders_given_by_the_caller(self, here, file):
        bundle = {"bundle": "${Code}", "description": "${Who}=${BundleBucketName}"}
        given = ("--set", f"Code={ROW['bundle']}?versionId=a=b", "--set", "BundleBucketName=mine")

        assert here.run("apply", file(ROW | bundle), *given, "--set", "Who=").exit_code == 1
        assert here.run("apply", file(ROW | bundle), *given, "--set", "Who").exit_code == 2

        given = ("--set", f"Code={ROW['bundle']}", "--set", "BundleBucketName=mine")
        assert here.run("apply", file(ROW | bundle), *given, "--set", "Who=a").exit_code == 0
        assert here.row() == ROW | {"description": "a=mine"}

    def test_an_unknown_placeholder_is_the_only_problem_of_its_field(self, here, file):
        result = here.run("apply", file(ROW | {"bundle": "s3://${BundleBucket}/report.zip"}))

        assert result.exit_code == 1
        assert 'did you mean "BundleBucketName"?' in result.stderr
        assert "1 problem;" in result.stderr

    @pytest.mark.parametrize("text", [json.dumps(ROW), yaml.safe_dump(ROW)], ids=["JSON", "YAML"])
    def test_reads_stdin(self, here, text):
        assert here.run("apply", "-", stdin=text).exit_code == 0
        assert here.row() == ROW

    def test_numbers_arrive_exactly(self, here, file):
        row = ROW | {"retry_backoff": 1.1, "payload": {"share": 0.3}}

        assert here.run("apply", file(row)).exit_code == 0
        assert here.row()["retry_backoff"] == Decimal("1.1")
        assert here.row()["payload"] == {"share": Decimal("0.3")}

    def test_a_number_that_dynamodb_cannot_hold(self, here):
        text = json.dumps(ROW | {"payload": {"n": 0}}).replace('"n": 0', f'"n": 0.{"3" * 40}')

        result = here.run("apply", "-", stdin=text)

        assert result.exit_code == 1
        assert "more than 38 digits" in result.stderr

    def test_dry_run_writes_nothing(self, here, file):
        result = here.run("apply", "--dry-run", file(ROW))

        assert result.exit_code == 0
        assert "created    report" in result.stdout
        assert here.row() == {}

    def test_another_bootstrap(self, here, file, monkeypatch):
        monkeypatch.setenv("PROVISIONER_STACK", "staging")

        assert "no stack staging" in here.run("apply", file(ROW)).stderr
        assert here.run("apply", "--stack", "jobs", file(ROW)).exit_code == 0


class TestApplyWait:
    def test_until_the_stack_is_the_rows(self, here, file):
        here.jobs.put(ROW)
        here.make_ready()

        result = here.start("apply", "--wait", file(ROW | {"memory_mb": 512}))
        wait_until(lambda: here.row().get("memory_mb") == 512, "the row")
        here.save(status=JobStatus.UPDATING)
        assert not result.done()
        here.make_ready()

        assert result.result(10).exit_code == 0
        assert "report: READY" in result.result().stderr

    def test_an_unchanged_row_that_is_ready(self, here, file):
        here.jobs.put(ROW)
        here.make_ready()

        assert here.run("apply", "--wait", file(ROW)).exit_code == 0

    def test_a_failure_says_why(self, here, file):
        result = here.start("apply", "--wait", file(ROW))
        here.wait_for_row()
        here.save(
            status=JobStatus.FAILED,
            spec_digest=here.digest(),
            failure=Failure("Rate exceeded", NOW, "Function"),
        )

        assert result.result(10).exit_code == 1
        assert "report: Function: Rate exceeded" in result.result().stderr

    def test_what_the_provisioner_alone_finds(self, here, file):
        row = ROW | {"bundle": f"s3://{BUNDLES}/missing.zip"}
        result = here.start("apply", "--wait", file(row))
        here.wait_for_row()
        problem = FieldError("bundle", f"s3://{BUNDLES}/missing.zip does not exist")
        here.save(status=JobStatus.INVALID, errors=(problem,))

        assert result.result(10).exit_code == 1
        assert "missing.zip does not exist" in result.result().stderr
        assert here.run("apply", "--wait", file(row)).exit_code == 1

    def test_a_paused_row_is_there_when_it_is_paused(self, here, file):
        result = here.start("apply", "--wait", file(ROW | {"paused": True}))
        here.wait_for_row()
        here.save(status=JobStatus.PAUSED)

        assert result.result(10).exit_code == 0

    def test_not_for_ever(self, here, file):
        result = here.run("apply", "--wait", "--timeout", "0.3s", file(ROW))

        assert result.exit_code == 7
        assert "report: PENDING" in result.stderr
        assert "not all jobs are there yet" in result.stderr


class TestGet:
    def test_nothing(self, here):
        result = here.run("get")

        assert result.exit_code == 0
        assert "no jobs yet" in result.stderr

    def test_all(self, here):
        here.jobs.put(ROW | {"schedule": ["rate(1 hour)", "at(2027-01-01T00:00:00)"]})
        here.make_ready()
        here.jobs.put({"job_name": "new", "type": "ecs"})
        here.save("kept", status=JobStatus.RETAINED)
        here.save("gone", status=JobStatus.DELETED)
        _put_run("report", "r1", "FAILED", started_at=datetime.now(UTC) - timedelta(minutes=3))

        lines = here.run("get").stdout.splitlines()

        assert [line.split() for line in lines] == [
            ["JOB", "TYPE", "STATUS", "IN", "SYNC", "SCHEDULE", "LAST", "RUN"],
            ["kept", "-", "RETAINED", "no", "-", "-"],
            ["new", "ecs", "PENDING", "-", "-", "-"],
            [
                *("report", "lambda", "READY", "yes"),
                *("rate(1", "hour),", "at(2027-01-01T00:00:00)"),
                *("FAILED", "3m", "ago"),
            ],
        ]

    def test_one(self, here):
        arn = f"arn:aws:states:{REGION}:123456789012:stateMachine:jobs-report"
        here.jobs.put(ROW | {"environment": {"TOKEN": "hidden"}, "schedule": "rate(1 hour)"})
        here.make_ready(
            outputs={"StateMachineArn": arn},
            conditions=(Condition("Ready", "True", "Ready", "", NOW),),
        )
        _put_run("report", "r1", "FAILED", error="ValueError", cause="no good")

        output = here.run("get", "report").stdout

        for words in ("report  READY  lambda", arn, "rate(1 hour)", "TOKEN", "ValueError: no good"):
            assert words in output
        assert "hidden" not in output

    def test_what_is_wrong_with_one(self, here):
        here.jobs.put(ROW)
        here.save(
            status=JobStatus.INVALID,
            errors=(FieldError("memory_mb", "must be at least 128"),),
            failure=Failure("[bold]Rate exceeded", NOW, "Function"),
        )

        output = here.run("get", "report").stdout

        assert "memory_mb  must be at least 128" in output
        assert "[bold]Rate exceeded" in output

    @pytest.mark.parametrize(("form", "load"), [("json", json.loads), ("yaml", yaml.safe_load)])
    def test_for_machines(self, here, form, load):
        here.jobs.put(ROW | {"memory_mb": 128, "retry_backoff": Decimal("1.5")})
        here.make_ready(outputs={"RoleArn": "arn:role"})
        _put_run("report", "r1", "SUCCEEDED", duration_ms=1200)

        (listed,) = load(here.run("get", "-o", form).stdout)
        one = load(here.run("get", "report", "-o", form).stdout)

        assert listed["row"] == one["row"] == ROW | {"memory_mb": 128, "retry_backoff": 1.5}
        assert one["stack"]["role_arn"] == "arn:role"
        assert one["stack"]["in_sync"] is True
        assert listed["last_run"] == one["runs"][0]
        assert one["runs"][0]["duration_ms"] == 1200

    def test_an_unknown_one(self, here):
        here.jobs.put(ROW)

        result = here.run("get", "reprot")

        assert result.exit_code == 1
        assert result.stderr == 'Error: there is no job reprot; did you mean "report"?\n'


class TestPush:
    @pytest.fixture
    def folder(self, tmp_path):
        folder = tmp_path / "code"
        (folder / "inner").mkdir(parents=True)
        (folder / "main.py").write_text("def handler(): ...")
        (folder / "inner" / "tool.sh").write_text("#!/bin/sh")
        (folder / "inner" / "tool.sh").chmod(0o755)
        for name in ("__pycache__", ".git", ".venv"):
            (folder / name).mkdir()
            (folder / name / "x.py").write_text("")
        return folder

    def test_prints_where_the_bundle_is(self, here, folder):
        result = here.run("push", str(folder))

        archive = bundle_in(result.stdout)
        assert result.stdout.startswith(f"s3://{BUNDLES}/code.zip?versionId=")
        assert len(result.stdout.splitlines()) == 1
        assert archive.namelist() == ["inner/tool.sh", "main.py"]
        assert archive.getinfo("inner/tool.sh").external_attr >> 16 == 0o100755
        assert archive.read("main.py") == b"def handler(): ..."

    def test_the_same_files_are_the_same_version(self, here, folder):
        first = here.run("push", str(folder)).stdout
        (folder / "main.py").touch()
        (folder / "__pycache__" / "new.pyc").write_text("")

        assert here.run("push", str(folder)).stdout == first
        versions = client("s3").list_object_versions(Bucket=BUNDLES, Prefix="code.zip")
        assert len(versions["Versions"]) == 1

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda f: (f / "main.py").write_text("new"), id="content"),
            pytest.param(lambda f: (f / "main.py").rename(f / "app.py"), id="name"),
            pytest.param(lambda f: (f / "main.py").chmod(0o755), id="permission"),
        ],
    )
    def test_other_files_are_another_version(self, here, folder, change):
        first = here.run("push", str(folder)).stdout
        change(folder)

        assert here.run("push", str(folder)).stdout != first

    def test_going_back_makes_the_old_files_current_again(self, here, folder):
        (folder / "main.py").write_text("a")
        here.run("push", str(folder))
        (folder / "main.py").write_text("b")
        here.run("push", str(folder))
        (folder / "main.py").write_text("a")
        here.run("push", str(folder))

        current = client("s3").get_object(Bucket=BUNDLES, Key="code.zip")["VersionId"]
        assert bundle_in(f"s3://{BUNDLES}/code.zip?versionId={current}").read("main.py") == b"a"

    def test_archives_are_the_same_byte_for_byte(self, here, folder):
        def etags():
            return [
                version["ETag"]
                for name in ("one", "two")
                for version in client("s3").list_object_versions(
                    Bucket=BUNDLES, Prefix=f"team/{name}.zip"
                )["Versions"]
            ]

        here.run("push", str(folder), "--name", "team/one")
        (folder / "main.py").touch()
        here.run("push", str(folder), "--name", "team/two.zip")

        first, second = etags()
        assert first == second

    def test_leaves_out_what_it_is_told_to(self, here, folder):
        result = here.run("push", str(folder), "--exclude", "*.sh", "--exclude", "nothing")

        assert bundle_in(result.stdout).namelist() == ["main.py"]

    def test_links_are_followed_but_not_in_circles(self, here, folder, tmp_path):
        (tmp_path / "shared").mkdir()
        (tmp_path / "shared" / "lib.py").write_text("")
        (folder / "shared").symlink_to(tmp_path / "shared")
        (folder / "inner" / "round").symlink_to(folder)

        names = bundle_in(here.run("push", str(folder)).stdout).namelist()

        assert names == ["inner/tool.sh", "main.py", "shared/lib.py"]

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            pytest.param(("nowhere",), "nowhere is not there", id="missing"),
            pytest.param((__file__,), "is no folder", id="a file"),
            pytest.param((".", "--name", "a b"), "cannot name a bundle", id="a bad name"),
        ],
    )
    def test_what_is_no_bundle(self, here, arguments, words):
        result = here.run("push", *arguments)

        assert result.exit_code == 1
        assert words in result.stderr
        assert result.stdout == ""

    def test_an_empty_folder(self, here, tmp_path):
        result = here.run("push", str(tmp_path))

        assert result.exit_code == 1
        assert "holds no files" in result.stderr


ECHO = {"Type": "Pass", "End": True}
ENDLESS = {"Type": "Wait", "Seconds": 3600, "End": True}
FAILING = {"Type": "Fail", "Error": "ValueError", "Cause": "no good"}


class TestRun:
    @pytest.fixture
    def job(self, here):
        here.jobs.put(ROW)
        return here

    def test_prints_the_run_and_how_to_follow(self, job):
        machine = job.make_runnable(ECHO)

        result = job.run("run", "report", "--payload", '{"day": "2026-11-20"}')

        assert result.exit_code == 0
        execution = job.wait_for_execution(machine)
        assert result.stdout == f"{execution['name']}\n"
        assert "provisioner logs report --follow" in result.stderr
        assert json.loads(execution["input"]) == {
            "day": "2026-11-20",
            "_run": {"source": "manual"},
        }

    def test_payload_from_a_file_and_from_stdin(self, job, tmp_path):
        machine = job.make_runnable(ECHO)
        path = tmp_path / "payload.json"
        path.write_text('{"n": 1.5}')

        assert job.run("run", "report", "--payload", f"@{path}").exit_code == 0
        assert json.loads(job.wait_for_execution(machine)["input"])["n"] == 1.5
        assert job.run("run", "report", "--payload", "-", stdin="[]").exit_code == 1

    @pytest.mark.parametrize(
        ("payload", "words"),
        [
            ("{", "--payload: no valid JSON"),
            ("[1]", "must be a JSON object, not a list"),
            ('{"_run": {}}', '"_run" is set by the provisioner'),
            ("@nowhere.json", "nowhere.json: No such file"),
        ],
    )
    def test_bad_payload_starts_nothing(self, job, payload, words):
        machine = job.make_runnable(ECHO)

        result = job.run("run", "report", "--payload", payload)

        assert result.exit_code == 1
        assert words in result.stderr
        listed = client("stepfunctions").list_executions(stateMachineArn=machine)
        assert listed["executions"] == []

    @pytest.mark.parametrize(
        ("status", "states", "code"),
        [
            ("SUCCEEDED", ECHO, 0),
            ("FAILED", FAILING, 3),
            ("TIMED_OUT", FAILING, 4),
            ("STOPPED", ENDLESS, 5),
            ("SKIPPED", ECHO, 6),
        ],
    )
    def test_the_row_decides_the_exit_code(self, job, status, states, code):
        machine = job.make_runnable(states)

        result = job.start("run", "report", "--wait", "--timeout", "20s")
        execution = job.wait_for_execution(machine)
        if status == "STOPPED":
            client("stepfunctions").stop_execution(executionArn=execution["executionArn"])
        _put_run(
            "report",
            execution["name"],
            status,
            started_at=execution["startDate"],
            duration_ms=1230,
            **({"output": '{"rows": 3}'} if status == "SUCCEEDED" else {"cause": "because"}),
        )

        assert result.result(20).exit_code == code
        assert f"report: {status}" in result.result().stderr
        assert "Took 1.23 s." in result.result().stderr
        if code:
            assert "because" in result.result().stderr
            assert result.result().stdout == ""
        else:
            assert json.loads(result.result().stdout) == {"rows": 3}

    def test_a_run_that_goes_on(self, job):
        job.make_runnable(ENDLESS)

        result = job.run("run", "report", "--wait", "--timeout", "0.3s")

        assert result.exit_code == 7
        assert "has not ended yet" in result.stderr

    def test_a_job_without_a_stack(self, job):
        result = job.run("run", "report")

        assert result.exit_code == 1
        assert "report has no stack yet, it is PENDING" in result.stderr

    @pytest.mark.parametrize("command", ["run", "logs", "runs", "get", "delete"])
    def test_a_job_that_does_not_exist(self, job, command):
        job.save("gone", status=JobStatus.DELETED)

        result = job.run(command, "reports")

        assert result.exit_code == 1
        assert result.stderr == 'Error: there is no job reports; did you mean "report"?\n'


class TestRuns:
    def test_newest_first(self, here):
        here.jobs.put(ROW)
        _put_run("report", "r1", "SUCCEEDED", started_at=NOW, duration_ms=840, source="schedule")
        _put_run("report", "r2", "FAILED", started_at=NOW + timedelta(hours=1), error="ValueError")

        lines = here.run("runs", "report").stdout.splitlines()

        assert [line.split()[-1] for line in lines] == ["RUN", "r2", "ValueError", "r1"]
        assert "0.84 s" in lines[3]
        assert "schedule" in lines[3]

    def test_as_many_as_asked_for(self, here):
        for number in range(3):
            _put_run("report", f"r{number}", "SUCCEEDED", started_at=NOW + timedelta(number))

        runs = json.loads(here.run("runs", "report", "-n", "2", "-o", "json").stdout)

        assert [run["trigger_id"][-2:] for run in runs] == ["r2", "r1"]

    def test_none(self, here):
        here.jobs.put(ROW)

        assert "has not run yet" in here.run("runs", "report").stderr


class TestLogs:
    GROUP = "/jobs/report"

    @pytest.fixture
    def job(self, here):
        here.jobs.put(ROW)
        here.make_ready(outputs={"LogGroup": self.GROUP})
        logs = client("logs")
        logs.create_log_group(logGroupName=self.GROUP)
        logs.create_log_stream(logGroupName=self.GROUP, logStreamName="one")
        return here

    def print(self, *messages, ago=timedelta()):
        at = int((time.time() - ago.total_seconds()) * 1000)
        client("logs").put_log_events(
            logGroupName=self.GROUP,
            logStreamName="one",
            logEvents=[{"timestamp": at, "message": message} for message in messages],
        )

    def test_oldest_first_and_since(self, job):
        self.print("long ago\n", ago=timedelta(hours=1))
        self.print("[first]\n", "second", ago=timedelta(minutes=1))

        short = job.run("logs", "report").stdout.splitlines()
        long = job.run("logs", "report", "--since", "2h").stdout.splitlines()

        assert [line[16:] for line in short] == ["[first]", "second"]
        assert [line[16:] for line in long] == ["long ago", "[first]", "second"]

    def test_nothing(self, job):
        result = job.run("logs", "report")

        assert result.exit_code == 0
        assert "--since 1d" in result.stderr

    @pytest.mark.usefixtures("job")
    def test_follow_yields_each_event_once(self):
        self.print("a", "b", "b")
        events = followed(self.GROUP, 0, poll_seconds=0)

        first = [event.message for event in islice(events, 3)]
        self.print("c")

        assert first == ["a", "b", "b"]
        assert next(events).message == "c"

    def test_a_group_that_is_gone(self, job):
        client("logs").delete_log_group(logGroupName=self.GROUP)

        result = job.run("logs", "report")

        assert result.exit_code == 1
        assert "ResourceNotFoundException" in result.stderr


class TestDelete:
    @pytest.fixture
    def job(self, here):
        here.jobs.put(ROW)
        here.make_ready()
        return here

    def test_asks(self, job):
        no = job.run("delete", "report", stdin="n\n")
        assert no.exit_code == 1
        assert "Delete report? Its stack goes with it." in no.stderr
        assert job.row()

        yes = job.run("delete", "report", stdin="y\n")
        assert yes.exit_code == 0
        assert job.row() == {}

    def test_without_anybody_to_ask_it_does_nothing(self, job):
        assert job.run("delete", "report").exit_code == 1
        assert job.row()

    def test_says_that_a_retained_stack_stays(self, job):
        job.jobs.put(ROW | {"deletion_policy": "retain"})

        assert "Its stack stays." in job.run("delete", "report", stdin="n\n").stderr

    @pytest.mark.parametrize(
        ("end", "code"),
        [(JobStatus.DELETED, 0), (JobStatus.RETAINED, 0), (JobStatus.FAILED, 1)],
    )
    def test_waits_for_the_end_of_the_stack(self, job, end, code):
        failure = Failure("bucket is not empty", NOW, "Bucket")

        result = job.start("delete", "report", "--yes", "--wait")
        wait_until(lambda: not job.row(), "the row's end")
        job.save(status=JobStatus.DELETING)
        job.save(status=end, failure=failure if code else None)

        assert result.result(10).exit_code == code
        assert f"report: {end}" in result.result().stderr
        assert ("Bucket: bucket is not empty" in result.result().stderr) == bool(code)

    def test_a_job_that_never_had_a_stack(self, here):
        here.jobs.put(ROW)

        assert here.run("delete", "report", "--yes", "--wait").exit_code == 0


class TestErrors:
    """One line, exit code 1, no traceback."""

    def test_no_bootstrap(self, account):
        result = account.run("get")

        assert result.exit_code == 1
        assert result.stderr.startswith(f"Error: there is no stack jobs in {REGION}: deploy")
        assert "sam build && sam deploy" in result.stderr
        assert len(result.stderr.splitlines()) == 1

    def test_a_stack_that_is_no_bootstrap(self, account):
        account.deploy("other", {"Something": "else"})

        result = account.run("get", "--stack", "other")

        assert result.exit_code == 1
        assert "other has no output JobsTableName: it is not the provisioner's" in result.stderr

    def test_a_table_that_is_gone(self, account):
        account.deploy()

        result = account.run("get", "report")

        assert result.exit_code == 1
        assert result.stderr.startswith("Error: ResourceNotFoundException")

    def test_no_region(self, fresh_clients, monkeypatch):
        monkeypatch.delenv("AWS_REGION")
        monkeypatch.delenv("AWS_DEFAULT_REGION")
        monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")

        result = fresh_clients.run("get")

        assert result.exit_code == 1
        assert result.stderr.startswith("Error: no AWS Region: set AWS_REGION")

    def test_no_credentials(self, fresh_clients, monkeypatch):
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
        monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

        result = fresh_clients.run("get")

        assert result.exit_code == 1
        assert result.stderr.startswith("Error: no AWS credentials: set AWS_PROFILE")

    def test_access_denied(self, fresh_clients, monkeypatch):
        iam = boto3.client("iam")
        iam.create_user(UserName="nobody")
        key = iam.create_access_key(UserName="nobody")["AccessKey"]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        boto3.DEFAULT_SESSION = None

        result = set_initial_no_auth_action_count(0)(fresh_clients.run)("get")

        assert result.exit_code == 1
        assert result.stderr.startswith("Error: AccessDenied: User: arn:aws:iam::")
        assert "is not authorized to perform: cloudformation:DescribeStacks" in result.stderr
        assert len(result.stderr.splitlines()) == 1

    def test_a_profile_that_does_not_exist(self, fresh_clients, monkeypatch):
        monkeypatch.setenv("AWS_PROFILE", "nobody")
        monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")

        result = fresh_clients.run("get")

        assert result.exit_code == 1
        assert "nobody" in result.stderr

    def test_a_duration_that_is_none(self, here):
        result = here.run("logs", "report", "--since", "long")

        assert result.exit_code == 2
        assert '"long" is no duration' in result.stderr


def _put_run(job_name, execution_name, status, *, started_at=NOW, **attributes):
    item = {
        "job_name": {"S": job_name},
        "trigger_id": {"S": f"{iso(started_at)}#{execution_name}"},
        "status": {"S": status},
        "started_at": {"S": iso(started_at)},
    }
    for name, value in attributes.items():
        item[name] = {"N": str(value)} if isinstance(value, int) else {"S": value}
    client("dynamodb").put_item(TableName="jobs-Triggers", Item=item)
