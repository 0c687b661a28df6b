from __future__ import annotations

import json
from contextlib import contextmanager
from decimal import Decimal

import pytest
import yaml

from provisioner.jobs import FieldError
from provisioner.stacks.model import Failure, JobStatus
from tests.support.cli import ACCOUNT, BUNDLES, NOW, OUTPUTS, REGION
from tests.support.clients import CLIENTS
from tests.support.rows import ROW
from tests.support.waiting import wait_until

RETRIED = {"retries": 1, "payload": {"a": [1, None]}, "environment": {"A": "1"}}
MEANWHILE = {
    "created": (None, ROW),
    "changed": (ROW | RETRIED, ROW | RETRIED | {"payload": {"a": [2, None]}}),
    "an attribute more": (ROW | RETRIED, ROW | RETRIED | {"memory": 256}),
    "an attribute less": (ROW | RETRIED, ROW),
    "removed": (ROW, None),
}


@contextmanager
def just_before_writing(meddle):
    """Let somebody else write between what a command reads and what it writes."""
    events, event = CLIENTS.dynamodb.meta.events, "before-call.dynamodb.PutItem"

    def once(**_):
        events.unregister(event, once)
        meddle()

    events.register(event, once)
    try:
        yield
    finally:
        events.unregister(event, once)


def put_or_delete(here, row):
    if row is None:
        here.jobs.delete("report")
    else:
        here.jobs.put(row)


class TestApply:
    def test_writes_every_row(self, here, file):
        result = here.run("apply", file(ROW, ROW | {"job_name": "other"}))

        assert result.exit_code == 0
        assert result.stdout.splitlines() == ["created    report", "created    other"]
        assert here.row() == ROW
        assert here.row("other") == ROW | {"job_name": "other"}

    @pytest.mark.parametrize(
        "text",
        [
            "&row\njob_name: report\ntype: lambda\npayload: *row\n",
            "job_name: report\ntype: lambda\npayload: &map {a: *map}\n",
            "job_name: report\ntype: lambda\npayload: {a: &list [*list]}\n",
        ],
        ids=["row", "map", "list"],
    )
    def test_yaml_that_holds_itself_is_refused(self, here, tmp_path, text):
        path = tmp_path / "rows.yaml"
        path.write_text(text)

        result = here.run("apply", str(path))

        assert result.exit_code == 1
        assert "holds more than 10000 values" in " ".join(result.stderr.split())
        assert here.row() == {}

    def test_says_what_changes(self, here, file):
        here.jobs.put(ROW | {"memory_mb": 256, "description": "as before"})
        here.jobs.put(ROW | {"job_name": "same", "memory_mb": 128})
        here.make_ready("same")

        result = here.run(
            "apply",
            file(
                ROW | {"memory_mb": 512, "retries": 1, "description": "as before"},
                ROW | {"job_name": "same", "memory_mb": 128},
            ),
        )

        assert result.stdout.splitlines() == [
            "updated    report",
            "             memory_mb: 256 → 512",
            "             retries: - → 1",
            "unchanged  same",
        ]
        assert here.row()["memory_mb"] == 512

    def test_values_of_variables_are_not_shown(self, here, file):
        here.jobs.put(ROW | {"environment": {"AA": "secret", "BB": "secret"}})

        result = here.run("apply", file(ROW | {"environment": {"AA": "hidden", "CC": "hidden"}}))

        assert result.stdout.splitlines()[1].strip() == 'environment: ["AA", "BB"] → ["AA", "CC"]'

    @pytest.mark.parametrize("meanwhile", MEANWHILE.values(), ids=MEANWHILE)
    def test_what_somebody_else_wrote_in_the_meantime_stays(self, here, file, meanwhile):
        before, theirs = meanwhile
        if before:
            here.jobs.put(before)

        with just_before_writing(lambda: put_or_delete(here, theirs)):
            result = here.run("apply", file(ROW | {"memory_mb": 512}, ROW | {"job_name": "other"}))

        assert result.exit_code == 1
        assert result.stdout.splitlines() == ["refused    report", "created    other"]
        assert "somebody else has changed report" in result.stderr
        assert here.row() == (theirs or {})

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
            ("-", "is not valid JSON"),
            ("5", "problems; nothing was written."),
        ):
            assert any([subject] == line[:1] and words in "".join(line[1:]) for line in problems)

    def test_what_the_bootstrap_does_not_open_to_rows_is_said_before_it_is_written(
        self, account, file
    ):
        allowed = {
            "partition": "aws",
            "region": REGION,
            "account_id": ACCOUNT,
            "secrets_prefix": "jobs",
            "slack_secret_arn": "",
            "subnets": "subnet-01234567,",
            "security_groups": "",
            "image_repositories": "",
            "amis": "",
            "slack_channels": "#ops",
            "reserved_tag_keys": "access",
            "submissions": "",
            "layers": "",
            "max_reserved_concurrency": "10",
            "builds": "none",
        }
        account.deploy(outputs=OUTPUTS | {"Allowed": json.dumps(allowed)})
        account.build_tables()
        bad = {"slack_channel": "#board", "tags": {"Access": "all"}}

        result = account.run("apply", file(ROW | bad))

        assert result.exit_code == 1
        assert "tags.Access" in result.stderr
        assert "AllowedSlackChannels" in result.stderr
        assert account.row() == {}
        assert account.run("apply", file(ROW | {"slack_channel": "#ops"})).exit_code == 0

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
        text = json.dumps(ROW | {"retry_backoff": 0}).replace("0}", f"1.{'3' * 40}}}")

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

    def test_an_unchanged_row_whose_bundle_has_moved_is_deployed(self, here, file):
        here.jobs.put(ROW)
        here.make_ready()
        CLIENTS.s3.put_object(Bucket=BUNDLES, Key="report.zip", Body=b"PK new")

        result = here.start("apply", "--wait", file(ROW))
        asked = wait_until(here.queued, "a message")
        here.make_ready()

        assert asked == [{"job_name": "report", "retry": True}]
        assert result.result(10).exit_code == 0
        assert result.result().stdout.splitlines() == ["queued     report"]

    @pytest.mark.parametrize(
        ("record", "asked"),
        {
            "never reconciled": (None, True),
            "deployed": ({"status": JobStatus.READY}, False),
            "failed": ({"status": JobStatus.FAILED}, False),
            "under way": ({"status": JobStatus.UPDATING}, False),
            "invalid until now": ({"status": JobStatus.INVALID}, True),
            "paused until now": ({"status": JobStatus.PAUSED}, True),
            "deleted before": ({"status": JobStatus.DELETED}, True),
            "of another spec": ({"status": JobStatus.READY, "spec_digest": "other"}, True),
        }.values(),
    )
    def test_an_unchanged_row_is_queued_when_no_event_would_reconcile_it(
        self, here, file, record, asked
    ):
        here.jobs.put(ROW)
        if record:
            here.save(**{"spec_digest": here.digest()} | record)

        dry = here.run("apply", "--dry-run", file(ROW))
        assert here.queued() == []
        result = here.run("apply", file(ROW))

        assert dry.stdout == result.stdout
        assert result.stdout.split() == ["queued" if asked else "unchanged", "report"]
        assert here.queued() == [{"job_name": "report", "retry": True}] * asked

    def test_an_unchanged_row_whose_bundle_is_gone_is_not_waited_for(self, here, file):
        here.jobs.put(ROW)
        here.make_ready()
        CLIENTS.s3.delete_object(Bucket=BUNDLES, Key="report.zip")

        result = here.run("apply", "--wait", "--timeout", "0s", file(ROW))

        assert result.exit_code == 0
        assert here.queued() == []

    def test_a_row_that_stays_invalid_is_answered(self, here, file):
        here.jobs.put(ROW)
        here.save(status=JobStatus.INVALID, errors=(FieldError("network", "is not allowed"),))

        result = here.start("apply", "--wait", file(ROW))
        wait_until(here.queued, "a message")
        here.save()

        assert result.result(10).exit_code == 1
        assert "network is not allowed" in result.result().stderr

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

    def test_the_wait_has_an_end(self, here, file):
        result = here.run("apply", "--wait", "--timeout", "0.3s", file(ROW))

        assert result.exit_code == 7
        assert "report: PENDING" in result.stderr
        assert "not all jobs are ready yet" in result.stderr
