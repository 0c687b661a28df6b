from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import yaml

from provisioner.aws.dependants import DependantsTable
from provisioner.aws.stack_items import BY_NAME
from provisioner.jobs import FieldError
from provisioner.settings import DeploymentMode
from provisioner.stacks.model import Condition, Failure, JobStatus
from tests.support.cli import NOW, REGION, put_run
from tests.support.clients import CLIENTS
from tests.support.rows import ROW


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
        put_run("report", "r1", "FAILED", started_at=datetime.now(UTC) - timedelta(minutes=3))
        here.list_all()

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
        put_run("report", "r1", "FAILED", error="ValueError", cause="no good")

        output = here.run("get", "report").stdout

        for words in ("report  READY  lambda", arn, "rate(1 hour)", "TOKEN", "ValueError: no good"):
            assert words in output
        assert "hidden" not in output

    def test_what_the_last_months_have_cost(self, here):
        here.jobs.put(ROW)
        for month, unpriced in (("2026-10", 0), ("2026-11", 2)):
            item = {
                "job_name": {"S": "report"},
                "trigger_id": {"S": f"#cost#{month}"},
                "runs": {"N": "12"},
                "unpriced": {"N": str(unpriced)},
                "estimated_cost": {"N": "0.2"},
                "estimated_cost_from": {"N": "0.06"},
            }
            CLIENTS.dynamodb.put_item(TableName="jobs-Triggers", Item=item)

        shown = here.run("get", "report").stdout
        assert re.search(
            r"2026-11 +0\.060 - 0\.20 for 12 runs, 2 of them without a figure\n", shown
        )
        assert re.search(r"2026-10 +0\.060 - 0\.20 for 12 runs\n", shown)
        found = json.loads(here.run("get", "report", "-o", "json").stdout)["costs"]
        assert [each["month"] for each in found] == ["2026-11", "2026-10"]

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

    def test_each_problem_of_an_invalid_row_is_a_line(self, here):
        here.jobs.put(ROW)
        problems = [("memory_mb", "must be at least 128"), ("owner", "is empty"), ("cpu", "is 3")]
        errors = tuple(FieldError(*each) for each in problems)
        joined = "; ".join(f"{field}: {message}" for field, message in problems)
        ready = Condition("Ready", "False", "Invalid", joined, NOW)
        here.save(status=JobStatus.INVALID, errors=errors, conditions=(ready,))

        lines = here.run("get", "report").stdout.splitlines()

        shown = [line.strip() for line in lines[lines.index("Conditions") + 2 :]]
        assert shown[0].split(maxsplit=1)[0] == "Ready"
        assert shown[0].endswith("memory_mb: must be at least 128")
        assert shown[1:3] == ["owner: is empty", "cpu: is 3"]

    @pytest.mark.parametrize(("form", "load"), [("json", json.loads), ("yaml", yaml.safe_load)])
    def test_for_machines(self, here, form, load):
        here.jobs.put(ROW | {"memory_mb": 128, "retry_backoff": Decimal("1.5")})
        here.make_ready(outputs={"RoleArn": "arn:role"})
        put_run("report", "r1", "SUCCEEDED", duration_ms=1200)
        here.list_all()

        (listed,) = load(here.run("get", "-o", form).stdout)
        one = load(here.run("get", "report", "-o", form).stdout)

        assert one["row"] == ROW | {"memory_mb": 128, "retry_backoff": 1.5}
        assert (listed["job_name"], listed["type"]) == ("report", "lambda")
        assert (listed["status"], listed["in_sync"]) == ("READY", True)
        assert one["stack"]["role_arn"] == "arn:role"
        assert one["stack"]["in_sync"] is True
        assert listed["last_run"]["trigger_id"] == one["runs"][0]["trigger_id"]
        assert (listed["strip"], listed["usual_seconds"]) == (["SUCCEEDED"], 1.2)
        assert one["runs"][0]["duration_ms"] == 1200

    def test_what_json_has_no_word_for(self, here):
        here.jobs.put(ROW | {"letters": {"b", "a"}, "raw": b"x"})

        one = json.loads(here.run("get", "report", "-o", "json").stdout)

        assert (one["row"]["letters"], one["row"]["raw"]) == (["a", "b"], "eA==")

    def test_what_a_person_has_to_know(self, here):
        here.jobs.put(ROW | {"schedule": "rate(1 hour)", "schedule_enabled": False})
        here.save(
            status=JobStatus.RETRYING,
            failure=Failure("Rate exceeded", NOW),
            next_attempt_at=NOW,
            stack_id="arn:stack",
            missed_schedules=3,
            deployment_mode=DeploymentMode.EXPRESS,
        )

        shown = here.run("get", "report").stdout

        assert re.search(r"next attempt at +2026-11-21T09:00:00\+00:00", shown)
        assert re.search(r"stack id +arn:stack", shown)
        assert re.search(r"missed schedules +3", shown)
        assert re.search(r"deployment mode +EXPRESS", shown)
        assert not re.search(r"^ *resource ", shown, re.MULTILINE)
        here.list_all()
        assert "rate(1 hour) (off)" in here.run("get").stdout

    def test_what_it_runs_after_and_what_then_runs(self, here):
        here.jobs.put(ROW)
        here.save("report", depends_on=("extract", "clean"))
        put_run("extract", "one", "FAILED")
        here.service.recent_runs.count_again("extract")
        DependantsTable(CLIENTS, "jobs-Triggers").change("publish", before=(), after=("report",))

        shown = here.run("get", "report").stdout

        assert re.search(r"runs after +extract +FAILED", shown)
        assert re.search(r"runs after +clean +-", shown)
        assert re.search(r"then runs +publish", shown)
        document = json.loads(here.run("get", "report", "--output", "json").stdout)
        assert document["needed_by"] == ["publish"]
        assert document["stack"]["depends_on"] == ["extract", "clean"]

    @pytest.mark.parametrize(
        ("options", "names"),
        [
            (["re*"], ["report"]),
            (["x*"], []),
            (["--status", "ready"], ["report"]),
            (["--type", "ecs"], ["other"]),
            (["--owner", "data", "--tag", "team=web"], ["report"]),
            (["--tag", "team"], ["report"]),
            (["o*", "--tag", "team"], []),
            (["--schedule", "scheduled"], ["other"]),
            (["--schedule", "paused"], []),
            (["--schedule", "none"], ["report"]),
        ],
        ids=" ".join,
    )
    def test_some(self, here, options, names):
        here.jobs.put(ROW | {"owner": "data", "tags": {"team": "web"}})
        here.make_ready()
        here.jobs.put({"job_name": "other", "type": "ecs", "schedule": "rate(1 day)"})
        here.list_all()

        found = json.loads(here.run("get", *options, "-o", "json").stdout)

        assert [line["job_name"] for line in found] == names
        if not names:
            assert "No job matches" in here.run("get", *options).stderr

    def test_a_filter_and_one_job(self, here):
        result = here.run("get", "report", "--status", "READY")

        assert result.exit_code == 2
        assert "end its name with *" in result.stderr

    def test_more_than_a_page(self, here):
        for number in range(101):
            here.jobs.put(ROW | {"job_name": f"job-{number:03}"})
        here.list_all()

        found = json.loads(here.run("get", "-o", "json").stdout)

        assert [line["job_name"] for line in found] == [f"job-{number:03}" for number in range(101)]

    def test_a_bootstrap_without_the_index(self, here):
        CLIENTS.dynamodb.update_table(
            TableName="jobs-Stacks",
            GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": BY_NAME}}],
        )

        result = here.run("get")

        assert (result.exit_code, "no index jobs_by_name yet" in result.stderr) == (1, True)

    def test_an_unknown_one(self, here):
        here.jobs.put(ROW)

        result = here.run("get", "reprot")

        assert result.exit_code == 1
        assert result.stderr == 'Error: there is no job reprot; did you mean "report"?\n'
